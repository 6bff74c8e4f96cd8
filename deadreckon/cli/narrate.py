"""`dr replay narrate`: a day in plain words, each event under its cause."""

from typing import Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.options import Day, Everything, Flag, LogOptions, checked_day


def narrate(
    day: Day = None,
    /,
    *,
    everything: Everything = False,
    first: Annotated[int | None, Parameter(name="--from")] = None,
    last: Annotated[int | None, Parameter(name="--to")] = None,
    rows: Flag = False,
    options: LogOptions = LogOptions(),
) -> None:
    """Narrate a day (or a part of the log, or all of it) in plain words, events under their causes.

    Ids are shortened to names (order-1, signal-3) that never change for one log. With --json every
    event is an object on a line of its own, with its depth, id, cause and position in the log.

    Example: dr replay narrate 2022-01-15 --data run1

    Parameters
    ----------
    first
        Begin with what began at this sequence or later.
    last
        End with what began at this sequence or before.
    rows
        Include every row of the market, also those that nobody answered.
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

    part = StoryRange(None if day is None else checked_day(day), begin, last)
    data, nats, json = options.data, options.nats, options.json
    until_nobody_reads(lambda: run(lambda: job(data, nats, part, print, rows=rows, json=json)))
