"""All tables in display order; each module holds a row type and its fold."""

from types import ModuleType

from deadreckon.projections.table import Table, Updates
from deadreckon.projections.tables import (
    cash,
    equity,
    fills,
    halts,
    instruments,
    limits,
    order_events,
    orders,
    positions,
    refusals,
    signals,
    venue_reports,
)


def _table(
    fold: ModuleType,
    *indexes: tuple[str, ...],
    updates: Updates | None = None,
    repeats: bool = False,
) -> Table:
    return Table(
        name=fold.__name__.rpartition(".")[2],
        note=" ".join((fold.__doc__ or "").split()),
        row=fold.Row,
        reads=fold.READS,
        initial=fold.initial,
        evolve=fold.evolve,
        indexes=indexes,
        updates=updates,
        repeats=repeats,
    )


TABLES: tuple[Table, ...] = (
    _table(signals, ("signal_id",)),
    _table(refusals, ("signal_id",), ("order_id",)),
    _table(
        orders,
        ("signal_id",),
        ("status",),
        updates=Updates(("order_id",), orders.keys, orders.BEGINS, "status", orders.ENDED),
    ),
    _table(order_events, ("order_id",), repeats=True),
    _table(venue_reports, ("order_id",), repeats=True),
    _table(fills, ("order_id",)),
    _table(
        positions,
        updates=Updates(
            ("book", "strategy", "venue", "instrument"), positions.keys, positions.READS
        ),
    ),
    _table(equity),
    _table(limits),
    _table(halts),
    _table(
        instruments,
        updates=Updates(("book", "instrument"), instruments.keys, instruments.READS),
    ),
    _table(cash),
)

BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
