"""`dr replay whatif`: the day under other limits, parameters, fees or strategies."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import Day, Everything, LogOptions, chosen_day

if TYPE_CHECKING:
    from deadreckon.replay.whatif.document import WhatIfDocument

Many = Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)]


def whatif(
    day: Day = None,
    /,
    *,
    everything: Everything = False,
    settings: Annotated[Many, Parameter(name="--set")] = None,
    disable: Many = None,
    without_strategy: Many = None,
    grid: Many = None,
    out: Path | None = None,
    jobs: int | None = None,
    options: LogOptions = LogOptions(),
) -> None:
    """Replay a day with changed limits, strategies or fees, and say what would have changed.

    Market, producers and operators do what they did, and every decider answers anew, the
    paper venue filling on the day's market data. The log itself is never touched. Exits 0 whatever
    it finds.

    Example: dr replay whatif 2022-01-15 --set risk.order_notional_max=500 --data run1

    Parameters
    ----------
    settings
        risk.LIMIT=VALUE, strategy.NAME.PARAMETER=VALUE or venue.NAME.KEY=VALUE; "off" for none.
    disable
        A rule of risk or governance that is to forbid nothing (docs/risk.md lists them).
    without_strategy
        A strategy that stays silent, or a producer's one whose signals are left out.
    grid
        KEY=VALUE,VALUE,... with a key as of --set: one variant for each point.
    out
        A new folder, for the log of each variant as a folder of its own that every verb reads.
    jobs
        Processes side by side; by default one a core.
    """
    wanted_day = chosen_day(day, everything)
    if jobs is not None and jobs < 1:
        fail(f"--jobs {jobs}: at least 1", EXIT_USAGE)
    from deadreckon.cli.running import run, run_sync
    from deadreckon.cli.tail import until_nobody_reads
    from deadreckon.replay.whatif.changes import variants
    from deadreckon.replay.whatif.job.job import WhatIfRequest, read_log, run_whatif
    from deadreckon.replay.whatif.job.worker_pool import cores

    asked = (settings or [], disable or [], without_strategy or [], grid or [])
    supposed = run_sync(lambda: variants(*asked))
    wanted = WhatIfRequest(options.data, wanted_day, supposed, jobs or cores(), out, options.nats)
    log = run(lambda: read_log(wanted))
    document = run_sync(lambda: run_whatif(wanted, log, shows=sys.stderr.isatty()))
    until_nobody_reads(lambda: _print(document, options.json))


def _print(document: "WhatIfDocument", as_json: bool) -> None:
    if as_json:
        print_document(document, document.record.last_sequence)
    else:
        from deadreckon.cli.terminal.whatif_table import show_whatif

        show_whatif(document)
