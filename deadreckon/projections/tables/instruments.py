"""Instruments that were listed and delisted, with their specifications."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from msgspec.structs import replace

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentDelisted, InstrumentListed
from deadreckon.projections.columns import TableRow, origin

READS = (InstrumentListed, InstrumentDelisted)


class InstrumentRow(TableRow, frozen=True, array_like=True, gc=False):
    """One instrument with its latest specification."""

    instrument: Annotated[str, "SYMBOL.VENUE"] = ""
    symbol: Annotated[str, "the venue's own name of it"] = ""
    venue: Annotated[str, "where it trades"] = ""
    kind: Annotated[str, "spot or perpetual"] = ""
    market: Annotated[str, "spot, perpetual, margin or options"] = ""
    base_currency: Annotated[str, "what a spot holding is"] = ""
    quote_currency: Annotated[str, "what prices are in"] = ""
    tick_size: Annotated[Decimal, "price step, quote currency"] = Decimal(0)
    lot_size: Annotated[Decimal, "quantity step, base units or contracts"] = Decimal(0)
    minimum_quantity: Annotated[Decimal, "base units or contracts"] = Decimal(0)
    minimum_notional: Annotated[Decimal, "quote currency"] = Decimal(0)
    contract_size: Annotated[Decimal, "base units per contract; 1 for spot"] = Decimal(1)
    listed: Annotated[bool, "whether it may be traded"] = False
    actor: Annotated[str, "who listed or delisted it"] = ""
    reason: Annotated[str, "why, for people"] = ""


def keys(record: Recorded[Any]) -> Sequence[tuple[str, ...]]:
    """Return the key of the instrument an event is about."""
    return ((record.book, record.event.instrument),)


def initial() -> InstrumentRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: InstrumentRow, record: Recorded[Any]) -> InstrumentRow:
    """Return the instrument's row after a listing or delisting."""
    match record.event:
        case InstrumentListed() as listing:
            return _listed(record, listing)
        case InstrumentDelisted(instrument=instrument, actor=actor, reason=reason):
            return replace(
                row,
                event_id=record.id,
                at=record.at,
                book=record.book,
                mode=record.mode,
                instrument=instrument,
                listed=False,
                actor=actor,
                reason=reason,
            )
        case _:
            return row


def _listed(record: Recorded[Any], listing: InstrumentListed) -> InstrumentRow:
    return InstrumentRow(
        *origin(record),
        instrument=listing.instrument,
        symbol=listing.symbol,
        venue=listing.venue,
        kind=listing.kind,
        market=listing.market,
        base_currency=listing.base_currency,
        quote_currency=listing.quote_currency,
        tick_size=listing.tick_size,
        lot_size=listing.lot_size,
        minimum_quantity=listing.minimum_quantity,
        minimum_notional=listing.minimum_notional,
        contract_size=listing.contract_size,
        listed=True,
        actor=listing.actor,
        reason=listing.reason,
    )


_BLANK = InstrumentRow()
