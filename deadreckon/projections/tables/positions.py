"""Positions of each strategy at each venue, with their totals after the last change."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import document

READS = (PositionChanged,)


class PositionRow(TableRow, frozen=True, array_like=True, gc=False):
    """One position; every amount is cumulative and in `currency`."""

    strategy: Annotated[str, "strategy that holds the position"] = ""
    venue: Annotated[str, "where it is held"] = ""
    instrument: Annotated[str, "SYMBOL.VENUE"] = ""
    quantity: Annotated[Decimal, "signed: base units or contracts"] = Decimal(0)
    cost: Annotated[Decimal, "signed cost basis"] = Decimal(0)
    average_price: Annotated[Decimal, "cost per unit, quote currency; 0 when flat"] = Decimal(0)
    realised: Annotated[Decimal, "realised so far, before fees and funding"] = Decimal(0)
    fees: Annotated[Decimal, "fees paid so far in `currency`"] = Decimal(0)
    funding: Annotated[Decimal, "funding received (negative: paid) so far"] = Decimal(0)
    currency: Annotated[str, "the instrument's quote currency"] = ""
    fees_other: Annotated[str, "JSON object: fees paid so far in other currencies"] = "{}"
    changes: Annotated[int, "how often it has changed"] = 0


def keys(record: Recorded[Any]) -> Sequence[tuple[str, ...]]:
    """Return the key of the position an event changed."""
    event: PositionChanged = record.event
    return ((record.book, event.strategy, event.venue, event.instrument),)


def initial() -> PositionRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: PositionRow, record: Recorded[Any]) -> PositionRow:
    """Return the position's row after a change."""
    event: PositionChanged = record.event
    return PositionRow(
        *origin(record),
        strategy=event.strategy,
        venue=event.venue,
        instrument=event.instrument,
        quantity=event.quantity,
        cost=event.cost,
        average_price=event.average_price,
        realised=event.realised,
        fees=event.fees,
        funding=event.funding,
        currency=event.currency,
        fees_other=document(event.fees_other) if event.fees_other else "{}",
        changes=row.changes + 1,
    )


_BLANK = PositionRow()
