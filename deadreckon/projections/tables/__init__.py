"""All tables in display order; each module holds a row type and its fold."""

from types import ModuleType

from deadreckon.projections.columns import TableRow
from deadreckon.projections.table import Table, Updates
from deadreckon.projections.tables import (
    bars,
    cash,
    equity,
    fills,
    halts,
    instruments,
    limits,
    marks,
    order_events,
    orders,
    positions,
    refusals,
    round_trips,
    signals,
    venue_reports,
)


def _table(
    fold: ModuleType,
    row: type[TableRow],
    *indexes: tuple[str, ...],
    updates: Updates | None = None,
    repeats: bool = False,
) -> Table:
    return Table(
        name=fold.__name__.rpartition(".")[2],
        note=" ".join((fold.__doc__ or "").split()),
        row=row,
        reads=fold.READS,
        initial=fold.initial,
        evolve=fold.evolve,
        indexes=indexes,
        updates=updates,
        repeats=repeats,
    )


TABLES: tuple[Table, ...] = (
    _table(signals, signals.SignalRow, ("signal_id",)),
    _table(refusals, refusals.RefusalRow, ("signal_id",), ("order_id",)),
    _table(
        orders,
        orders.OrderRow,
        ("signal_id",),
        ("status",),
        updates=Updates(("order_id",), orders.keys, orders.BEGINS, "status", orders.ENDED),
    ),
    _table(order_events, order_events.OrderEventRow, ("order_id",), repeats=True),
    _table(venue_reports, venue_reports.VenueReportRow, ("order_id",), repeats=True),
    _table(fills, fills.FillRow, ("order_id",), ("event_id",)),
    _table(
        positions,
        positions.PositionRow,
        updates=Updates(
            ("book", "strategy", "venue", "instrument"), positions.keys, positions.READS
        ),
    ),
    _table(equity, equity.EquityRow),
    _table(limits, limits.LimitsRow),
    _table(halts, halts.HaltRow),
    _table(
        instruments,
        instruments.InstrumentRow,
        updates=Updates(("book", "instrument"), instruments.keys, instruments.READS),
    ),
    _table(cash, cash.CashRow),
    _table(
        round_trips,
        round_trips.RoundTripRow,
        updates=Updates(
            ("book", "strategy", "venue", "instrument", "number"),
            positions.keys,
            (),
            "status",
            frozenset({round_trips.FINAL}),
        ),
    ),
    _table(bars, bars.BarRow),
    _table(marks, marks.MarkRow),
)

BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
