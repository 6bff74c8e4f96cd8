"""Fills of one run that the record supports: each order's trades, cut to some quantity."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.amounts import EXACT, SCALE_MAX, ZERO, ratio
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.replay.whatif.outcome import RunOutcome

Fills = list[Recorded[OrderFilled]]
Quantities = Mapping[str, Decimal]  # by order, in base units or contracts


def traded(fills: Fills) -> Decimal:
    """Return how much of an order traded."""
    total = ZERO
    for record in fills:
        total = EXACT.add(total, record.event.quantity)
    return total


def confirmed_quantities(
    record: RunOutcome, baseline: RunOutcome, variant: RunOutcome
) -> dict[str, Decimal]:
    """Return how much of each recorded order still trades: all of it, unless the variant trades
    less than the unchanged replay does."""
    kept = {}
    for order_id, fills in record.fills.items():
        quantity = traded(fills)
        varied = traded(variant.fills.get(order_id, []))
        unchanged = traded(baseline.fills.get(order_id, []))
        kept[order_id] = quantity if varied >= unchanged else min(quantity, varied)
    return kept


def known(record: RunOutcome, baseline: RunOutcome, variant: RunOutcome) -> dict[str, Decimal]:
    """Return how much of each of the variant's orders also trades without the change: in the
    record, or in its replay, from which a difference is taken. The rest is assumed."""
    return {
        order_id: min(
            traded(fills),
            max(traded(run.fills.get(order_id, [])) for run in (record, baseline)),
        )
        for order_id, fills in variant.fills.items()
    }


def cut(moves: list[Recorded[Any]], kept: Quantities) -> Iterator[Recorded[Any]]:
    """Yield a ledger's events, cutting each order's fills to the quantity kept; the first ones
    stay."""
    left = dict(kept)
    for record in moves:
        if not isinstance(record.event, OrderFilled):
            yield record
            continue
        order_id = record.event.order_id
        rest = left.get(order_id, ZERO)
        left[order_id] = max(EXACT.subtract(rest, record.event.quantity), ZERO)
        if rest >= record.event.quantity:
            yield record
        elif rest:
            yield replace(record, event=part(record.event, rest))


def capped_exits(
    moves: Iterable[Recorded[Any]], run: RunOutcome, opening: Ledger
) -> Iterator[Recorded[Any]]:
    """Yield the events with each exit capped at the remaining position: without its entry, an exit
    would open a new position."""
    held: dict[tuple[str, str], Decimal] = {}
    for record in moves:
        fill = record.event
        if not isinstance(fill, OrderFilled):
            yield record
            continue
        key = (fill.strategy, fill.instrument)
        has = held[key] if key in held else ledger.held(opening, *key)
        quantity = fill.quantity
        if fill.order_id in run.exits:
            closable = has if fill.side == "sell" else has.copy_negate()
            quantity = max(min(quantity, closable), ZERO)
        sign = 1 if fill.side == "buy" else -1
        held[key] = EXACT.add(has, EXACT.multiply(quantity, Decimal(sign)))
        if quantity == fill.quantity:
            yield record
        elif quantity:
            yield replace(record, event=part(fill, quantity))


def part(fill: OrderFilled, quantity: Decimal) -> OrderFilled:
    """Return part of a fill at its own price, with its share of the fee, rounded half-even."""
    fee = ratio(EXACT.multiply(fill.fee, quantity), fill.quantity, SCALE_MAX)
    return replace(fill, quantity=quantity, fee=fee)
