"""`dr fills`: fills from the projections."""

from deadreckon.cli.options import FolderOptions
from deadreckon.cli.projection_queries import (
    AllRows,
    Instrument,
    Limit,
    Strategy,
    print_table,
    row_limit,
)


def fills(
    *,
    everything: AllRows = False,
    limit: Limit = 20,
    strategy: Strategy = None,
    instrument: Instrument = None,
    options: FolderOptions = FolderOptions(),
) -> None:
    """Print the latest fills, the newest first.

    Example: dr fills --limit 5 --data run1
    """
    from deadreckon.cli.terminal.view_tables import print_fills
    from deadreckon.projections.queries import TableQuery

    query = TableQuery(row_limit(limit, everything), strategy, instrument)
    print_table("fills", query, options, print_fills)
