"""`dr orders`: orders from the projections."""

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.options import FolderOptions
from deadreckon.cli.projection_queries import (
    AllRows,
    Instrument,
    Limit,
    OpenOnly,
    Strategy,
    print_table,
    row_limit,
)


def orders(
    *,
    open_only: OpenOnly = False,
    everything: AllRows = False,
    limit: Limit = 20,
    strategy: Strategy = None,
    instrument: Instrument = None,
    options: FolderOptions = FolderOptions(),
) -> None:
    """Print the orders that changed last, the latest first; with --open all open ones.

    Example: dr orders --open --data run1
    """
    if open_only and everything:
        fail("give --open or --all, not both", EXIT_USAGE)
    from deadreckon.cli.terminal.view_tables import print_orders
    from deadreckon.projections.queries import TableQuery

    most = None if open_only else row_limit(limit, everything)
    query = TableQuery(most, strategy, instrument, open_only)
    print_table("orders", query, options, print_orders)
