"""`dr signal send`: validated signals from a file or standard input."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, UNANSWERED, VerbEnd, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import Flag, LogOptions

if TYPE_CHECKING:
    from deadreckon.contracts.verdicts import Verdict
    from deadreckon.node.signal_sending import SendResult

WAIT_SECONDS = 10.0  # for verdicts, which follow within milliseconds

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
    wait: Flag = False,
    options: LogOptions = LogOptions(),
) -> None:
    """Send signals, one JSON object a line; each is checked first, and a bad one is not sent.

    Exits 1 when any line was refused here, or with --wait when a signal was refused by the stack
    or got no verdict. What became of signals stands in the log.

    Example: dr signal send signals.jsonl --wait --data run1

    Parameters
    ----------
    source
        A file of lines, or - for standard input.
    producer
        The producer's name, which is the last part of its subject.
    wait
        Print the verdict on each signal, for 10 seconds at most.
    """
    lines = _lines(source)
    from deadreckon.cli.running import run
    from deadreckon.node.signal_sending import send_signals

    seconds = WAIT_SECONDS if wait else 0
    sent = run(lambda: send_signals(lines, producer, book, options.data, options.nats, seconds))
    for number, rule, reason in sent.refused:
        print(f"line {number} not sent: {rule}: {reason}", file=sys.stderr)
    summary: dict[str, Any] = {
        "sent": sent.sent,
        "refused": len(sent.refused),
        "first_sequence": sent.first_sequence,
        "last_sequence": sent.last_sequence,
    }
    if wait:
        summary["verdicts"] = msgspec.to_builtins(sent.verdicts)
        summary["unanswered"] = sent.unanswered
        summary["awaited"] = sent.awaited
    if options.json:
        print_document(summary)
    else:
        print(f"{sent.sent} sent, {len(sent.refused)} not sent; last sequence {sent.last_sequence}")
        for text in map(_in_words, sent.verdicts if wait else []):
            print(text)
        for signal_id in sent.unanswered if wait else []:
            print(f"{signal_id} {_unanswered(sent)}")
    unwanted = wait and (sent.unanswered or any(it.outcome != "approved" for it in sent.verdicts))
    if sent.refused or unwanted:
        raise VerbEnd(EXIT_DIFFERENCE, *_failure(sent))


def _failure(sent: "SendResult") -> tuple[str, str]:
    """Return the first reason why signals came to nothing, and its rule."""
    for number, rule, reason in sent.refused:
        return f"line {number}: {reason}", rule
    for verdict in sent.verdicts:
        if verdict.outcome != "approved":
            return _in_words(verdict), verdict.rule or verdict.outcome
    return f"no verdict on {', '.join(sent.unanswered)}", UNANSWERED


def _unanswered(sent: "SendResult") -> str:
    if sent.awaited:
        return f"has no verdict within {WAIT_SECONDS:g} s (was it sent before?)"
    return f"is recorded at sequence {sent.last_sequence}; no stack runs here yet that could answer"


def _in_words(verdict: "Verdict") -> str:
    if verdict.outcome == "approved":
        return f"{verdict.signal_id} approved: order {verdict.order_id}"
    from deadreckon.formatting.rounded import rule_amount

    figures = ""
    if verdict.limit is not None:
        limit, measured = (
            rule_amount(verdict.rule, it) for it in (verdict.limit, verdict.measured)
        )
        figures = f"limit {limit}, measured {measured}; "
    rule = f" by {verdict.rule}" if verdict.rule else ""
    return f"{verdict.signal_id} {verdict.outcome}{rule}: {figures}{verdict.reason}"


def _lines(source: str) -> list[bytes]:
    if source == "-":
        return sys.stdin.buffer.read().splitlines()
    try:
        return Path(source).read_bytes().splitlines()
    except OSError as error:
        fail(f"{source}: {error.strerror}", EXIT_USAGE)
