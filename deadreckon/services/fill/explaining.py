"""Explanation of why an open order did not trade in a market event; decides nothing.

A test compares it with the matching.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.market import BarClosed, QuoteUpdated, TradePrinted
from deadreckon.services.fill import arrivals, prices
from deadreckon.services.fill.market import PriceSpan, price_span
from deadreckon.services.fill.paper_match import Terms, propose_match
from deadreckon.services.fill.state import Order, State

UnfilledReason = Literal[
    "at_its_venue",  # a real venue works it: its book decides, not ours
    "on_its_way",  # the venue has it only later
    "ends_now",  # its time ran out, or the venue refused it, before the event could trade it
    "limit_not_reached",
    "stop_not_reached",
    "no_volume",  # nothing traded in the bar
    "meets_its_price",  # it trades in this event, or ends in it: the log says how
    "price_too_bad",  # a sale that slippage leaves nothing of
    "next_open",  # it takes from the market, which has no volume left before the next bar opens
]


class Unfilled(Struct, frozen=True):
    """Reason for which an order did not trade; `figures` are prices in quote currency.

    `best` and `worst` are of the event as the order's side sees them, `missing` is how far the
    event stayed away from the price that it waits for.
    """

    order_id: str
    strategy: str
    side: str
    purpose: str
    waiting: UnfilledReason
    figures: dict[str, Decimal]


def explain(state: State, record: Recorded[Any]) -> Iterator[Unfilled]:
    """Explain every open order of the event's instrument, given the state after the event."""
    instrument = record.event.instrument
    fates = arrivals.due_events(state, record.at)
    there = {order.order_id: order for order in arrivals.orders_at_market(state, instrument, fates)}
    for order in state.orders.get(instrument, {}).values():
        arrived = there.get(order.order_id)
        if arrived is None:
            waiting, figures = _absent(order, fates), _prices(order)
        else:
            waiting, figures = _waits(state, arrived, record)
        yield Unfilled(order.order_id, order.strategy, order.side, order.purpose, waiting, figures)


def _absent(order: Order, fates: dict[str, Event]) -> UnfilledReason:
    if order.edge:
        return "at_its_venue"
    return "ends_now" if order.order_id in fates else "on_its_way"


def _waits(
    state: State, order: Order, record: Recorded[Any]
) -> tuple[UnfilledReason, dict[str, Decimal]]:
    event: BarClosed | QuoteUpdated | TradePrinted = record.event
    if isinstance(event, BarClosed) and not event.volume:
        return "no_volume", _prices(order)
    market = state.markets[order.instrument]
    seen = price_span(event, record.at, order, market)
    if _proposes(state, order, seen):
        return "meets_its_price", _prices(order)
    if seen.met and _takes(order, seen):
        return "next_open", {**_prices(order), "price": seen.first}
    if order.stop_price is not None and order.order_type in ("stop", "stop_limit"):
        missing = _missing(order.stop_price, seen.worst)
        return "stop_not_reached", {**_prices(order), "reached": seen.worst, "missing": missing}
    if order.limit_price is None:
        return "price_too_bad", {"price": seen.first}
    missing = _missing(order.limit_price, seen.best)
    return "limit_not_reached", {**_prices(order), "reached": seen.best, "missing": missing}


def _proposes(state: State, order: Order, seen: PriceSpan) -> bool:
    """Tell whether the paper venue would trade, trigger or end it in the event."""
    listing = state.listings[order.instrument]
    terms = Terms(listing, state.venues[listing.venue])
    return propose_match(order, seen, terms) is not None


def _takes(order: Order, seen: PriceSpan) -> bool:
    """Tell whether it takes from the market at the first price of the event."""
    limit = order.limit_price
    if limit is None:
        return order.order_type == "market"
    return order.order_type == "limit" and prices.within(order.side, seen.first, limit)


def _prices(order: Order) -> dict[str, Decimal]:
    found = {"limit": order.limit_price, "stop": order.stop_price}
    return {name: price for name, price in found.items() if price is not None}


def _missing(wanted: Decimal, came: Decimal) -> Decimal:
    return EXACT.subtract(came, wanted).copy_abs()
