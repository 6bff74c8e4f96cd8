"""`dr replay pnl`: the PnL of sealed days, from the archive's columns."""

import sys
from typing import TYPE_CHECKING

from deadreckon.cli.document import print_document
from deadreckon.cli.options import Day, Everything, FolderOptions, chosen_day

if TYPE_CHECKING:
    from deadreckon.replay.pnl.document import PnlDocument


def pnl(
    day: Day = None,
    /,
    *,
    everything: Everything = False,
    options: FolderOptions = FolderOptions(),
) -> None:
    """Fold a sealed day (or all of them) from the archive's fills: millions a second.

    The figures are those of `dr replay audit`, to the last digit, without reading every event and
    without comparing what was recorded of them. Each file is held against the hash in its manifest
    first; `dr archive verify` proves the manifests.

    Example: dr replay pnl 2022-01-15 --data run1
    """
    wanted_day = chosen_day(day, everything)
    from deadreckon.cli.running import run
    from deadreckon.cli.tail import until_nobody_reads
    from deadreckon.replay.pnl.job import archive_pnl

    document = run(lambda: archive_pnl(options.data, wanted_day, shows=sys.stderr.isatty()))
    until_nobody_reads(lambda: _print(document, options.json))


def _print(document: "PnlDocument", as_json: bool) -> None:
    if as_json:
        print_document(document)
    else:
        from deadreckon.cli.terminal.pnl_table import show

        show(document)
