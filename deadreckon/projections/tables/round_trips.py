"""Round trips of every position, from flat to flat: what each earned, cost and went through."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import BarClosed, MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import (
    document,
    rounded,
    rounded_product,
    rounded_quotient,
    total,
)
from deadreckon.projections.tables.position_steps import Step, Terms, shares, step_between
from deadreckon.projections.tables.positions import PositionRow

READS = (PositionChanged, InstrumentListed, BarClosed, QuoteUpdated, TradePrinted, MarkUpdated)
FINAL = "final"  # nothing changes such a row any more


class RoundTripRow(TableRow, frozen=True, array_like=True, gc=False):
    """One round trip; amounts in `currency`, prices in quote currency per base unit."""

    strategy: Annotated[str, "strategy that held the position"] = ""
    venue: Annotated[str, "where it was held"] = ""
    instrument: Annotated[str, "SYMBOL.VENUE"] = ""
    number: Annotated[int, "1 for the position's first round trip, 2 for its next"] = 0
    status: Annotated[
        str, "open, closed, or final: closed, and the next has begun, which takes later costs"
    ] = ""
    side: Annotated[str, "long or short"] = ""
    opened_at: Annotated[int, "when it was entered, nanoseconds UTC"] = 0
    closed_at: Annotated[int | None, "when it was flat again, nanoseconds UTC; null: open"] = None
    entry_event_id: Annotated[str, "event_id of the fill that opened it"] = ""
    exit_event_id: Annotated[str | None, "event_id of the last fill that made it smaller"] = None
    fills: Annotated[int, "fills it had; one that turns the position counts in both"] = 0
    quantity: Annotated[Decimal, "most that was held, base units or contracts"] = Decimal(0)
    entry_quantity: Annotated[Decimal, "sum of what its entries added"] = Decimal(0)
    entry_value: Annotated[Decimal, "notional of the entries"] = Decimal(0)
    entry_price: Annotated[Decimal, "average price of the entries, 18 decimals"] = Decimal(0)
    exit_quantity: Annotated[Decimal, "sum of what its exits took off"] = Decimal(0)
    exit_value: Annotated[Decimal, "notional of the exits"] = Decimal(0)
    exit_price: Annotated[Decimal | None, "average price of the exits, 18 decimals"] = None
    currency: Annotated[str, "the instrument's quote currency"] = ""
    gross: Annotated[Decimal, "realised, before fees and funding"] = Decimal(0)
    fees: Annotated[Decimal, "fees paid in `currency`"] = Decimal(0)
    funding: Annotated[Decimal, "funding received (negative: paid)"] = Decimal(0)
    net: Annotated[Decimal, "gross - fees + funding"] = Decimal(0)
    fees_other: Annotated[str, "JSON object: fees paid in other currencies"] = "{}"
    coin_fees_value: Annotated[
        Decimal, "fees taken in base currency, at the price of their fill; not in `fees` and `net`"
    ] = Decimal(0)
    price_high: Annotated[Decimal, "highest price while it was open, own fills included"] = Decimal(
        0
    )
    price_low: Annotated[Decimal, "lowest price while it was open, own fills included"] = Decimal(0)
    mae: Annotated[Decimal, "maximum adverse excursion: its worst gross PnL, 0 or less"] = Decimal(
        0
    )
    mfe: Annotated[Decimal, "maximum favourable excursion: its best gross PnL, 0 or more"] = (
        Decimal(0)
    )


def initial() -> RoundTripRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: RoundTripRow, record: Recorded[Any]) -> RoundTripRow:
    """Return the row of a round trip after a price; positions change it by `advance`."""
    prices = prices_of(record)
    if prices is None or row.status != "open":
        return row
    return seen(row, record, prices, Terms())


def advance(
    latest: RoundTripRow | None,
    before: PositionRow,
    record: Recorded[PositionChanged],
    terms: Terms,
) -> list[RoundTripRow]:
    """Return the rows that a change of a position changes, given the position's latest round trip.

    A round trip begins with the fill that leaves flat and ends with the one that returns to it. A
    fill through zero ends one and begins the next, at the same price; its fee is divided by
    quantity. Fees and funding apart from a fill belong to the latest round trip.
    """
    # Costs that came before any fill are those of the first.
    step = step_between(before if latest else PositionRow(), record.event, terms)
    if not step.quantity:
        return [_charged(latest, record, step)] if latest and step.costs else []
    if latest is None or latest.status != "open":
        return [*_finished(latest, record), _opened(latest, record, step, terms)]
    if step.turns:
        closing, opening = shares(step)
        closed = replace(_moved(latest, record, closing, terms), status=FINAL, closed_at=record.at)
        return [closed, _opened(latest, record, opening, terms)]
    row = _moved(latest, record, step, terms)
    return [replace(row, status="closed", closed_at=record.at) if step.is_flat else row]


def prices_of(record: Recorded[Any]) -> tuple[Decimal, ...] | None:
    """Return the prices that a market event shows: a bar's extremes, else the mark."""
    match record.event:
        case BarClosed(high=high, low=low):
            return high, low
        case QuoteUpdated(bid=bid, ask=ask):
            return (canonical(EXACT.multiply(EXACT.add(bid, ask), _HALF)),)
        case TradePrinted(price=price) | MarkUpdated(price=price):
            return (price,)
        case _:
            return None


def seen(
    row: RoundTripRow, record: Recorded[Any], prices: Sequence[Decimal], terms: Terms
) -> RoundTripRow:
    """Return an open round trip after prices: those of the market, or of its own fill."""
    high, low, mfe, mae = row.price_high, row.price_low, row.mfe, row.mae
    signed = EXACT.subtract(row.entry_quantity, row.exit_quantity)
    size = EXACT.multiply(signed, terms.contract_size)
    flow = EXACT.subtract(row.exit_value, row.entry_value)
    for price in prices:
        gain = EXACT.add(flow, EXACT.multiply(size, price))
        gain = EXACT.minus(gain) if row.side == "short" else gain
        high, low = max(high, price), min(low, price)
        mfe, mae = max(mfe, gain), min(mae, gain)
    if (high, low, mfe, mae) == (row.price_high, row.price_low, row.mfe, row.mae):
        return row
    return replace(
        row,
        event_id=record.id,
        at=record.at,
        price_high=high,
        price_low=low,
        mfe=rounded(mfe),
        mae=rounded(mae),
    )


def _opened(
    latest: RoundTripRow | None, record: Recorded[PositionChanged], step: Step, terms: Terms
) -> RoundTripRow:
    event = record.event
    blank = RoundTripRow(
        *origin(record),
        strategy=event.strategy,
        venue=event.venue,
        instrument=event.instrument,
        number=latest.number + 1 if latest else 1,
        status="open",
        side="long" if step.quantity > 0 else "short",
        opened_at=record.at,
        entry_event_id=record.cause or "",
        currency=event.currency,
        price_high=step.price,
        price_low=step.price,
    )
    return _moved(blank, record, step, terms)


def _moved(
    row: RoundTripRow, record: Recorded[PositionChanged], step: Step, terms: Terms
) -> RoundTripRow:
    """Return a round trip after a fill that adds to it or takes off from it."""
    size = abs(step.quantity)
    if (step.quantity > 0) == (row.side == "long"):
        quantity, value = total(row.entry_quantity, size), total(row.entry_value, step.value)
        row = replace(
            row,
            entry_quantity=quantity,
            entry_value=value,
            entry_price=rounded_quotient(value, EXACT.multiply(quantity, terms.contract_size)),
            quantity=max(row.quantity, canonical(EXACT.subtract(quantity, row.exit_quantity))),
        )
    else:
        quantity, value = total(row.exit_quantity, size), total(row.exit_value, step.value)
        row = replace(
            row,
            exit_quantity=quantity,
            exit_value=value,
            exit_price=rounded_quotient(value, EXACT.multiply(quantity, terms.contract_size)),
            exit_event_id=record.cause or "",
        )
    row = replace(_charged(row, record, step), fills=row.fills + 1)
    return seen(row, record, (step.price,), terms)


def _charged(row: RoundTripRow, record: Recorded[PositionChanged], step: Step) -> RoundTripRow:
    gross, fees = total(row.gross, step.realised), total(row.fees, step.fees)
    funding = total(row.funding, step.funding)
    price = step.price if step.quantity else row.entry_price
    return replace(
        row,
        event_id=record.id,
        at=record.at,
        gross=gross,
        fees=fees,
        funding=funding,
        net=total(EXACT.subtract(gross, fees), funding),
        fees_other=_added(row.fees_other, step.fees_other),
        coin_fees_value=total(row.coin_fees_value, rounded_product(step.coin_fee, price)),
    )


def _added(paid: str, more: dict[str, Decimal]) -> str:
    if not more:
        return paid
    known = {name: Decimal(amount) for name, amount in msgspec.json.decode(paid).items()}
    for currency, amount in more.items():
        known[currency] = total(known.get(currency, ZERO), amount)
    return document(known)


def _finished(latest: RoundTripRow | None, record: Recorded[Any]) -> Sequence[RoundTripRow]:
    if latest is None:
        return ()
    return (replace(latest, event_id=record.id, at=record.at, status=FINAL),)


_HALF = Decimal("0.5")
_BLANK = RoundTripRow()
