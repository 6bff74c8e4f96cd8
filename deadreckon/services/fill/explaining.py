"""Why an open order did not trade in a market event: what it waits for, beside what came. Nothing
here decides; a test holds it to what does."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed, QuoteUpdated, TradePrinted
from deadreckon.services.fill import prices
from deadreckon.services.fill.deals import Terms, propose
from deadreckon.services.fill.market import span
from deadreckon.services.fill.state import Market, Order, State

Waiting = Literal[
    "at_its_venue",  # a real venue works it: its book decides, not ours
    "on_its_way",  # the venue has it only later
    "limit_not_reached",
    "stop_not_reached",
    "no_volume",  # nothing traded in the bar
    "meets_its_price",  # it trades in this event, or ends in it: the log says how
    "price_too_bad",  # what a taker would pay is beyond its limit
]


class Unfilled(Struct, frozen=True):
    """What an order waited for in one market event; `figures` are prices in quote currency.

    `best` and `worst` are of the event as the order's side sees them, `missing` is how far the
    event stayed away from the price that it waits for.
    """

    order_id: str
    strategy: str
    side: str
    purpose: str
    waiting: Waiting
    figures: dict[str, Decimal]


def explain(state: State, said: Recorded[Any]) -> Iterator[Unfilled]:
    """Every open order of the event's instrument, given the state after the event."""
    event = said.event
    market = state.markets.get(event.instrument)
    for order in state.orders.get(event.instrument, {}).values():
        waiting, figures = _waits(state, order, said, market)
        yield Unfilled(order.order_id, order.strategy, order.side, order.purpose, waiting, figures)


def _waits(
    state: State, order: Order, said: Recorded[Any], market: Market | None
) -> tuple[Waiting, dict[str, Decimal]]:
    event: BarClosed | QuoteUpdated | TradePrinted = said.event
    if order.edge:
        return "at_its_venue", {}
    if order.arrives_at > said.at or market is None:
        return "on_its_way", {}
    if isinstance(event, BarClosed) and not event.volume:
        return "no_volume", {}
    seen = span(event, said.at, order)
    listing = state.listings[order.instrument]
    terms = Terms(listing, state.venues[listing.venue])
    new = market.events <= order.events_before + 1
    if propose(order, seen, terms, new=new) is not None:
        return "meets_its_price", _prices(order)
    if order.stop_price is not None and order.order_type in ("stop", "stop_limit"):
        missing = _missing(order, order.stop_price, seen.worst)
        return "stop_not_reached", {**_prices(order), "reached": seen.worst, "missing": missing}
    if order.limit_price is None:
        return "price_too_bad", {"price": seen.first}
    missing = _missing(order, order.limit_price, seen.best)
    figures = {**_prices(order), "reached": seen.best, "missing": missing}
    within = prices.within(order.side, seen.best, order.limit_price)
    touched = within and seen.best != order.limit_price
    return "price_too_bad" if touched else "limit_not_reached", figures


def _prices(order: Order) -> dict[str, Decimal]:
    found = {"limit": order.limit_price, "stop": order.stop_price}
    return {name: price for name, price in found.items() if price is not None}


def _missing(order: Order, wanted: Decimal, came: Decimal) -> Decimal:
    return EXACT.subtract(came, wanted).copy_abs()
