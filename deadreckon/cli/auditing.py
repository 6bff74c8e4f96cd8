"""`dr replay audit`: the PnL statement of a day, from the log alone."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from deadreckon.cli.app import EXIT_USAGE, fail

replay = App(name="replay", help="Ask the log: what happened, and does it still hold.")


@replay.command(name="audit")
def audit(
    day: str | None = None,
    /,
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    data: Path = Path("var"),
    nats: str | None = None,
    json: bool = False,
) -> None:
    """Recompute a day's PnL (or all of it) from the log alone, and compare what was said of it.

    Exits 1 when portfolio's own events, the chain of the log or a projection disagree.

    Example: dr replay audit 2022-01-15 --data run1

    Parameters
    ----------
    day
        A UTC day, YYYY-MM-DD.
    everything
        The whole log.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    json
        Print one JSON object with keys in a fixed order.
    """
    if (day is None) != everything:
        fail("name a day such as 2022-01-15, or --all", EXIT_USAGE)
    from deadreckon.cli.running import run
    from deadreckon.contracts.moments import day_start

    if day is not None:
        try:
            day_start(day)
        except ValueError:
            fail(f"{day!r} is no day; write it as 2022-01-15", EXIT_USAGE)
    from deadreckon.cli.demo import show
    from deadreckon.stack.auditing import audited

    document = run(lambda: audited(data, day, nats, shows=sys.stderr.isatty()))
    show(document, json)
