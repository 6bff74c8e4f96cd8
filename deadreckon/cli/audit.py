"""`dr replay audit`: the PnL statement of a day, recomputed from the log alone."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deadreckon.cli.options import Day, Everything, LogOptions, chosen_day


def audit(
    day: Day = None,
    /,
    *,
    everything: Everything = False,
    output: Annotated[
        tuple[Path, ...], Parameter(name=["--output", "-o"], negative="", show_default=False)
    ] = (),
    venue_statement: str | None = None,
    options: LogOptions = LogOptions(),
) -> None:
    """Recompute a day's PnL (or all of it) from the log alone, and compare it with the record.

    Exits 1 when the log has no event of the day, and when portfolio's own events, the chain of the
    log, a projection or a venue's statement disagree (with the latter in more than rounding).

    Example: dr replay audit 2022-01-15 --data run1 -o statement.html

    Parameters
    ----------
    output
        Write the whole statement to a file: .html (one page with charts, where every figure opens
        the events it comes from), .md or .json. May be given several times.
    venue_statement
        Compare with a broker's or exchange's CSV (docs/replay.md lists the columns); VENUE=FILE
        where the file could be of several venues.
    """
    wanted_day = chosen_day(day, everything)
    from deadreckon.cli.demo import show
    from deadreckon.cli.running import run
    from deadreckon.replay.audit.document import AuditDocument
    from deadreckon.replay.audit.files import statement_request
    from deadreckon.replay.audit.job import audit_folder

    async def job() -> AuditDocument:
        more = statement_request(output, venue_statement)
        shows = sys.stderr.isatty()
        return await audit_folder(options.data, wanted_day, options.nats, shows=shows, wanted=more)

    show(run(job), options.json)
