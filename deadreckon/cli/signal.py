"""`dr signal send`: validated signals from a file or standard input."""

import json as codec
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.options import LogOptions

signal = App(
    name="signal", help="Send signals as a producer. Example: dr signal send FILE --data run1"
)


@signal.command(name="send")
def send(
    source: Annotated[str, Parameter(allow_leading_hyphen=True)],  # - is standard input
    /,
    *,
    producer: str = "cli",
    book: str = "desk",
    options: LogOptions = LogOptions(),
) -> None:
    """Send signals, one JSON object a line; each is checked first, and a bad one is not sent.

    Exits 1 when any line was refused here. What became of the others stands in the log.

    Example: echo '{"id":"s-1","strategy":"ext","instrument":"BTCUSDT.PAPER","side":"buy",
    "quantity":"0.01","at":"2026-11-20T12:00:00Z"}' | dr signal send - --data run1

    Parameters
    ----------
    source
        A file of lines, or - for standard input.
    producer
        The producer's name, which is the last part of its subject.
    """
    lines = _lines(source)
    from deadreckon.cli.running import run
    from deadreckon.node.signal_sending import send_signals

    sent = run(lambda: send_signals(lines, producer, book, options.data, options.nats))
    for number, rule, reason in sent.refused:
        print(f"line {number} not sent: {rule}: {reason}", file=sys.stderr)
    summary = {
        "sent": sent.sent,
        "refused": len(sent.refused),
        "first_sequence": sent.first_sequence,
        "last_sequence": sent.last_sequence,
    }
    if options.json:
        print(codec.dumps(summary))
    else:
        print(f"{sent.sent} sent, {len(sent.refused)} not sent; last sequence {sent.last_sequence}")
    if sent.refused:
        raise SystemExit(1)


def _lines(source: str) -> list[bytes]:
    if source == "-":
        return sys.stdin.buffer.read().splitlines()
    try:
        return Path(source).read_bytes().splitlines()
    except OSError as error:
        fail(f"{source}: {error.strerror}", EXIT_USAGE)
