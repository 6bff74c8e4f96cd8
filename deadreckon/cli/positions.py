"""`dr positions`: positions from the projections."""

from deadreckon.cli.options import FolderOptions
from deadreckon.cli.projection_queries import Instrument, OpenOnly, Strategy, print_table


def positions(
    *,
    open_only: OpenOnly = False,
    strategy: Strategy = None,
    instrument: Instrument = None,
    options: FolderOptions = FolderOptions(),
) -> None:
    """Print every position: its size, its cost, and what it earned.

    Example: dr positions --open --data run1
    """
    from deadreckon.cli.terminal.view_tables import print_positions
    from deadreckon.projections.queries import TableQuery

    query = TableQuery(None, strategy, instrument, open_only)
    print_table("positions", query, options, print_positions)
