"""Every bar of the market that closed."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.projections.columns import TableRow, origin

READS = (BarClosed,)


class BarRow(TableRow, frozen=True, array_like=True, gc=False):
    """One bar; `at` is its close. Prices in quote currency per base unit."""

    instrument: Annotated[str, "SYMBOL.VENUE"] = ""
    interval: Annotated[int, "length of the bar, nanoseconds"] = 0
    open: Annotated[Decimal, "first price"] = Decimal(0)
    high: Annotated[Decimal, "highest price"] = Decimal(0)
    low: Annotated[Decimal, "lowest price"] = Decimal(0)
    close: Annotated[Decimal, "last price"] = Decimal(0)
    volume: Annotated[Decimal, "volume traded, in volume_unit"] = Decimal(0)
    volume_unit: Annotated[str, "base, quote, contracts or unknown"] = ""


def initial() -> BarRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: BarRow, record: Recorded[Any]) -> BarRow:
    """Return the row of a bar."""
    bar: BarClosed = record.event
    return BarRow(
        *origin(record),
        bar.instrument,
        bar.interval,
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.volume_unit,
    )


_BLANK = BarRow()
