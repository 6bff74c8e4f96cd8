"""`dr replay`: the PnL statement of a day, and its story, from the log alone."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, Verb, add, fail

replay = App(
    name="replay",
    help="Ask the log what happened. Example: dr replay audit --all --data run1",
)


MORE = {
    "asof": Verb("deadreckon.cli.asof:asof", "The book at a time, a sequence or an event."),
    "why": Verb("deadreckon.cli.why:why", "Back to the causes of an id, and on to its effects."),
    "whynot": Verb("deadreckon.cli.whynot:whynot", "Why nothing happened."),
    "rerun": Verb("deadreckon.cli.rerun:rerun", "Recorded questions to deciders, put again."),
    "whatif": Verb("deadreckon.cli.whatif:whatif", "A day under other limits or strategies."),
    "pnl": Verb("deadreckon.cli.pnl:pnl", "PnL of sealed days, millions of fills a second."),
    "metrics": Verb("deadreckon.cli.metrics:metrics", "A past day's metrics for Prometheus."),
    "bundle": Verb("deadreckon.cli.bundle:bundle", "One decision in a file."),
    "open": Verb("deadreckon.cli.bundle:open_", "Replay the decision in a bundle."),
}
add(replay, MORE)


@replay.command(name="audit")
def audit(
    day: str | None = None,
    /,
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    output: Annotated[
        tuple[Path, ...], Parameter(name=["--output", "-o"], negative="", show_default=False)
    ] = (),
    venue_statement: str | None = None,
    data: Path = Path("var"),
    nats: str | None = None,
    json: bool = False,
) -> None:
    """Recompute a day's PnL (or all of it) from the log alone, and compare what was said of it.

    Exits 1 when portfolio's own events, the chain of the log, a projection or a venue's statement
    disagree (with the latter in more than rounding).

    Example: dr replay audit 2022-01-15 --data run1 -o statement.html

    Parameters
    ----------
    day
        A UTC day, YYYY-MM-DD.
    everything
        The whole log.
    output
        Write the whole statement to a file: .html (one page with charts, where every figure opens
        the places of the log it comes from), .md or .json. May be given several times.
    venue_statement
        Compare with a broker's or exchange's CSV (docs/replay.md lists the columns); VENUE=FILE
        where the file could be of several venues.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    json
        Print one JSON object with keys in a fixed order.
    """
    if (day is None) != everything:
        fail("name a day such as 2022-01-15, or --all", EXIT_USAGE)
    checked_day(day)
    from deadreckon.cli.demo import show
    from deadreckon.cli.running import run
    from deadreckon.replay.audit.files import statement_request
    from deadreckon.replay.audit.job import EmptyDayError, audit_folder

    async def job() -> dict[str, Any]:
        more = statement_request(output, venue_statement)
        try:
            return await audit_folder(data, day, nats, shows=sys.stderr.isatty(), wanted=more)
        except EmptyDayError as error:
            fail(str(error), EXIT_DIFFERENCE)

    document = run(job)
    if not document["events"]:
        print("dr: the log has nothing of that day", file=sys.stderr)
    show(document, json)


@replay.command(name="narrate")
def narrate(
    day: str | None = None,
    /,
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    first: Annotated[int | None, Parameter(name="--from")] = None,
    last: Annotated[int | None, Parameter(name="--to")] = None,
    rows: Annotated[bool, Parameter(negative="")] = False,
    data: Path = Path("var"),
    nats: str | None = None,
    json: bool = False,
) -> None:
    """Tell a day (or a part of the log, or all of it) in plain words, each event under its cause.

    Ids are shortened to names (order-1, signal-3) that are the same in every telling of a log.

    Example: dr replay narrate 2022-01-15 --data run1

    Parameters
    ----------
    day
        A UTC day, YYYY-MM-DD.
    everything
        The whole log.
    first
        Begin with what began at this sequence or later.
    last
        End with what began at this sequence or before.
    rows
        Tell every row of the market too, also those that nobody answered.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    json
        Print one JSON object a line for every event, with its depth, id, cause and place.
    """
    if [day is not None, everything, first is not None or last is not None].count(True) != 1:
        fail("name a day such as 2022-01-15, or --all, or --from and --to", EXIT_USAGE)
    begin = 1 if first is None else first
    if not 1 <= begin <= (begin if last is None else last):
        fail("--from and --to: two sequences from 1 on, the lower one first", EXIT_USAGE)
    from deadreckon.cli.running import run
    from deadreckon.cli.tail import until_nobody_reads
    from deadreckon.replay.narrate.job import StoryRange
    from deadreckon.replay.narrate.job import narrate as job

    part = StoryRange(checked_day(day), begin, last)
    until_nobody_reads(lambda: run(lambda: job(data, nats, part, print, rows=rows, json=json)))


def checked_day(day: str | None) -> str | None:
    """The day, if it is one; otherwise the verb ends."""
    from deadreckon.contracts.timestamps import day_start

    if day is not None:
        try:
            day_start(day)
        except ValueError:
            fail(f"{day!r} is no day; write it as 2022-01-15", EXIT_USAGE)
    return day
