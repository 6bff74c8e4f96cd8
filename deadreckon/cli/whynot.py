"""The command `dr replay whynot`: outcomes of every strategy, order and rule in a window."""

import sys
from typing import Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions, absolute


def whynot(
    *,
    instrument: str,
    start: Annotated[str, Parameter(name="--from", allow_leading_hyphen=True)],
    end: Annotated[str, Parameter(name="--to", allow_leading_hyphen=True)],
    strategy: str | None = None,
    options: LogOptions = LogOptions(),
) -> None:
    """Explain why nothing happened: the outcome of every event for each strategy, order and rule.

    Equal outcomes in a row are one line, with the ranges of what was measured.

    Example: dr replay whynot --instrument BTCUSD-PERP.PAPER --from 2022-01-04T03:00
    --to 2022-01-04T06:00 --data run1

    Parameters
    ----------
    instrument
        SYMBOL.VENUE.
    start
        A UTC time such as 2022-01-04T03:00, a day, or before now: 2h, -15m, yesterday.
    end
        The same; a day is meant to its end.
    strategy
        Of this strategy alone.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.whynot.job import whynot as job
    from deadreckon.replay.whynot.tracker import Window

    window = Window(instrument, _moment(start, "--from"), _moment(end, "--to"), strategy)
    if window.end < window.start:
        fail(f"--to {end} is before --from {start}", EXIT_USAGE)
    tracker = run(lambda: job(options.data, window, options.nats, shows=sys.stderr.isatty()))
    from deadreckon.cli.tail import until_nobody_reads

    if options.json:
        from deadreckon.replay.whynot.document import window_document

        print_document(window_document(tracker))
        return
    from deadreckon.cli.why import print_lines, width
    from deadreckon.replay.whynot.page import page

    until_nobody_reads(lambda: print_lines(page(tracker, width())))


def _moment(text: str, option: str) -> int:
    """Parse a time to nanoseconds UTC; a day is its beginning, or for --to its end."""
    from deadreckon.contracts.timestamps import DAY, day_start
    from deadreckon.replay.asof.log_point import AtTime, LogPointError, parse_log_point

    text = absolute(text)
    try:
        day = day_start(text)
    except ValueError:
        pass
    else:
        return day if option == "--from" else day + DAY - 1
    try:
        point = parse_log_point(text)
    except LogPointError as error:
        fail(f"{option}: {error}", EXIT_USAGE)
    if not isinstance(point, AtTime):
        fail(f"{option} {text}: give a time such as 2022-01-04T03:00, or a day", EXIT_USAGE)
    return point.at
