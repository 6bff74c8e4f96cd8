"""`dr replay pnl`: the PnL of sealed days, from the archive's columns."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.audit import checked_day


def pnl(
    day: str | None = None,
    /,
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    data: Path = Path("var"),
    json: bool = False,
) -> None:
    """Fold a sealed day (or all of them) from the archive's fills: millions a second.

    The figures are those of `dr replay audit`, to the last digit, without reading every event and
    without comparing what was said of them. Each file is held against the hash in its manifest
    first; `dr archive verify` proves the manifests.

    Example: dr replay pnl 2022-01-15 --data run1

    Parameters
    ----------
    day
        A UTC day, YYYY-MM-DD, that is sealed.
    everything
        All that is sealed.
    data
        The folder of the stack, running or not.
    json
        Print one JSON object with keys in a fixed order.
    """
    if (day is None) != everything:
        fail("name a day such as 2022-01-15, or --all", EXIT_USAGE)
    from deadreckon.cli.running import run
    from deadreckon.cli.tail import until_nobody_reads
    from deadreckon.replay.pnl.job import archive_pnl

    wanted = checked_day(day)
    document = run(lambda: archive_pnl(data, wanted, shows=sys.stderr.isatty()))
    until_nobody_reads(lambda: _print(document, json))


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(document).decode())
    else:
        from deadreckon.cli.terminal.pnl_table import show

        show(document)
