"""`dr replay rerun`: the recorded questions put again, to this program or to another revision."""

import sys
from pathlib import Path

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, VerbEnd, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import Day, Everything, LogOptions, chosen_day


def rerun(
    day: Day = None,
    /,
    *,
    everything: Everything = False,
    service: tuple[str, ...] = (),
    code: Path | None = None,
    git: str | None = None,
    options: LogOptions = LogOptions(),
) -> None:
    """Put every recorded question to the deciders again, and compare every answer.

    Exits 1 when an answer differs, and shows the first that does: the question, both answers, and
    what they do to the state. Nothing is written to the log.

    Example: dr replay rerun 2022-01-15 --service risk --git HEAD~5 --data run1

    Parameters
    ----------
    service
        Ask this service alone; may be given several times.
    code
        A checkout of deadreckon that is asked instead of this program.
    git
        A revision of this program's repository that is asked instead.
    """
    wanted_day = chosen_day(day, everything)
    if code is not None and git is not None:
        fail("--code or --git, one of them", EXIT_USAGE)
    from deadreckon.cli.running import run
    from deadreckon.cli.terminal.rerun_table import show_rerun
    from deadreckon.replay.rerun.job.job import RerunRequest
    from deadreckon.replay.rerun.job.job import rerun as job

    _check_services(service)
    request = RerunRequest(options.data, options.nats, wanted_day, service, code, git)
    document = run(lambda: job(request, shows=sys.stderr.isatty()))
    if options.json:
        print_document(document)
    else:
        show_rerun(document)
    if not document.equal:
        raise VerbEnd(EXIT_DIFFERENCE, "an answer differs from the recorded one")


def _check_services(names: tuple[str, ...]) -> None:
    from deadreckon.contracts.publishers import publisher_pattern
    from deadreckon.services.catalogue import DECIDERS

    for name in names:
        if name not in DECIDERS and publisher_pattern(name):
            fail(f"{name} is an edge: it reports what happened and decides nothing", EXIT_USAGE)
        if name not in DECIDERS:
            fail(f"no service {name!r}; those that decide: {', '.join(DECIDERS)}", EXIT_USAGE)
