"""First price in each minute of every instrument that has quotes, prints or marks."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.market import MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.round_trips import prices_of

READS = (QuoteUpdated, TradePrinted, MarkUpdated)


class MarkRow(TableRow, frozen=True, array_like=True, gc=False):
    """One price of the market: of a quote the middle of bid and ask."""

    instrument: Annotated[str, "SYMBOL.VENUE"] = ""
    kind: Annotated[str, "quote, trade or mark"] = ""
    price: Annotated[Decimal, "quote currency per base unit"] = Decimal(0)


def initial() -> MarkRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: MarkRow, record: Recorded[Any]) -> MarkRow:
    """Return the row of a price."""
    (price,) = prices_of(record) or (Decimal(0),)
    return MarkRow(*origin(record), record.event.instrument, _KINDS[type(record.event)], price)


_KINDS: dict[type[Event], str] = {QuoteUpdated: "quote", TradePrinted: "trade", MarkUpdated: "mark"}
_BLANK = MarkRow()
