"""The command `dr tail`: the events of the log as it grows."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.options import LogOptions, absolute

if TYPE_CHECKING:
    from deadreckon.node.tail import StoredSince, TailedEvent


def tail(
    *,
    start: Annotated[int | None, Parameter(name="--from")] = None,
    since: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    follow: bool = True,
    kinds: Annotated[list[str] | None, Parameter(name="--type", negative="")] = None,
    options: LogOptions = LogOptions(),
) -> None:
    """Print the events of the log, one a line, and go on with what comes; Ctrl-C ends it.

    Begins a few messages before the end, and ends by itself where nothing runs.

    Example: dr tail --type "Order*" --data run1

    Parameters
    ----------
    start
        Begin with this sequence; 1 is the first.
    since
        Begin with what was stored from this time on: 2h ago, yesterday, or RFC 3339.
    follow
        Wait for more at the end of the log.
    kinds
        Only events of this type; * stands for anything: SignalRefused, Order*, governance.*
        May be given more than once.
    """
    if start is not None and start < 1:
        fail(f"--from {start}: the first sequence is 1", EXIT_USAGE)
    if start is not None and since is not None:
        fail("give --from or --since, not both", EXIT_USAGE)
    first = _moment(since) if since is not None else start
    for pattern in kinds or ():
        _check_type(pattern)
    from deadreckon.cli.running import run
    from deadreckon.cli.terminal.event_lines import event_printer
    from deadreckon.node.tail import tail as job

    show = _print_json if options.json else event_printer()
    until_nobody_reads(
        lambda: run(
            lambda: job(options.data, options.nats, first, kinds or (), show, follow=follow)
        )
    )


def _moment(text: str) -> "StoredSince":
    """Parse a time; a day is its beginning. Ends with exit code 2 unless it is one."""
    from deadreckon.contracts.timestamps import parse_timestamp
    from deadreckon.node.tail import StoredSince

    written = absolute(text)
    try:
        return StoredSince(parse_timestamp(written if "T" in written else f"{written}T00:00:00Z"))
    except ValueError:
        fail(
            f"--since {text}: give a time such as 2h, yesterday or 2026-11-20T12:00:00Z", EXIT_USAGE
        )


def _check_type(pattern: str) -> None:
    """End with exit code 2 when no type of event can fit."""
    from deadreckon.formatting.nearest import nearest_name
    from deadreckon.node.tail import event_types, fits

    known = event_types()
    if not any(fits(pattern, names) for names in known.items()):
        near = nearest_name(pattern.strip("*"), [*known, *known.values()])
        fail(f"--type {pattern}: no event type fits; {near}", EXIT_USAGE)


def _print_json(event: "TailedEvent") -> None:
    sys.stdout.write(event.document.decode() + "\n")
    sys.stdout.flush()


def until_nobody_reads(job: Callable[[], None]) -> None:
    """Run a job that Ctrl-C or a closed pipe may end without an error."""
    try:
        job()
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # The buffered rest cannot be written; without this Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
