"""The paper venue: matches open orders with one market event, whose volume they share."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from deadreckon.accounting.sellable import received, whole_lots
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import Side
from deadreckon.contracts.market import BarClosed, QuoteUpdated
from deadreckon.contracts.orders import (
    OrderCancelled,
    OrderFilled,
    OrderReplaced,
    OrderTriggered,
)
from deadreckon.services.fill import prices
from deadreckon.services.fill.market import PriceEvent, available, price_span
from deadreckon.services.fill.paper_match import PaperMatch, Terms, end_unmatched, propose_match
from deadreckon.services.fill.reduction import closed_sides, reducible
from deadreckon.services.fill.state import PROTECTIVE, MarketState, Order, leaves_of, shrinks


class MatchingRound(Struct):
    """One event's matching: what is left of its volume, and what our fills have changed so far.

    `held` is strategy -> signed quantity of the instrument. `gone` names what has nothing more
    to do in this event: orders that have ended, with the bracket of a filled leg, and (strategy,
    side) whose position is closed. `filled` and `leaves` are of orders that our fills have changed.
    """

    event: PriceEvent
    at: int
    market: MarketState
    terms: Terms
    orders: list[Order]
    held: dict[str, Decimal]
    filled: dict[str, Decimal] = {}
    leaves: dict[str, Decimal] = {}
    left: dict[Side, Decimal] = {}
    gone: dict[str | tuple[str, Side], bool] = {}
    events: list[Event] = []


def match(
    event: PriceEvent,
    at: int,
    orders: Iterable[Order],
    *,
    market: MarketState,
    held: dict[str, Decimal],
    terms: Terms,
) -> list[Event]:
    """Match `orders` (arrived, in order of arrival): return triggers, fills and ends."""
    there = list(orders)
    empty = isinstance(event, BarClosed) and not event.volume and terms.venue.participation
    deals: list[PaperMatch] = []
    for order in there:
        if empty:
            deal = end_unmatched(order)
        else:
            deal = propose_match(order, price_span(event, at, order, market), terms)
        if deal is not None:
            deals.append(deal)
    if not deals:
        return []
    session = MatchingRound(event, at, market, terms, there, dict(held))
    for deal in sorted(deals, key=lambda deal: deal.phase):
        _strike(session, deal)
    return session.events


def _strike(session: MatchingRound, deal: PaperMatch) -> None:
    order = deal.order
    if order.order_id in session.gone:
        return
    if order.reduce_only and (order.strategy, order.side) in session.gone:
        return
    if deal.trigger is not None:
        session.events.append(OrderTriggered(order.order_id, deal.trigger))
    quantity = _quantity(session, deal)
    if deal.price is not None and quantity:
        _fill(session, deal, deal.price, quantity)
    elif order.time_in_force != "gtc":
        session.events.append(_unfilled(order, _leaves(session, order)))
        session.gone[order.order_id] = True


def _leaves(session: MatchingRound, order: Order) -> Decimal:
    changed = session.leaves.get(order.order_id)
    return leaves_of(order) if changed is None else changed


def _quantity(session: MatchingRound, deal: PaperMatch) -> Decimal:
    order, leaves = deal.order, _leaves(session, deal.order)
    quantity = leaves
    if session.terms.venue.participation:
        quantity = min(leaves, _left(session, order.side))
    if order.reduce_only:
        quantity = min(quantity, reducible(_held(session, order.strategy), order.side))
    if order.time_in_force == "fok" and quantity < leaves:
        return ZERO
    return quantity


def _held(session: MatchingRound, strategy: str) -> Decimal:
    return whole_lots(session.held.get(strategy, ZERO), session.terms.listing)


def _left(session: MatchingRound, side: Side) -> Decimal:
    if side not in session.left:
        terms = session.terms
        session.left[side] = available(
            session.event, session.at, side, session.market, terms.listing, terms.venue
        )
    return session.left[side]


def _consume(session: MatchingRound, side: Side, quantity: Decimal) -> None:
    """Take a fill from the available quantity; the sides share a bar or trade, a quote has one
    each."""
    if not session.terms.venue.participation:
        return
    left = EXACT.subtract(_left(session, side), quantity)
    session.left[side] = left
    if not isinstance(session.event, QuoteUpdated):
        session.left[prices.opposite(side)] = left


def _fill(session: MatchingRound, deal: PaperMatch, price: Decimal, quantity: Decimal) -> None:
    order, terms = deal.order, session.terms
    fee, currency = prices.fee(
        terms.listing, terms.venue, deal.liquidity, order.side, quantity, price
    )
    fill = OrderFilled(
        order_id=order.order_id,
        trade_id=derive_id(order.order_id, "fill", order.fills),
        strategy=order.strategy,
        instrument=order.instrument,
        venue=order.venue,
        side=order.side,
        quantity=quantity,
        price=price,
        leaves=EXACT.subtract(_leaves(session, order), quantity),
        liquidity=deal.liquidity,
        fee=fee,
        fee_currency=currency,
        reference_price=deal.reference,
    )
    session.events.append(fill)
    _consume(session, order.side, quantity)
    before = _held(session, order.strategy)
    change = received(fill, terms.listing)
    session.held[order.strategy] = EXACT.add(session.held.get(order.strategy, ZERO), change)
    after = _held(session, order.strategy)
    for side in closed_sides(before, after):
        session.gone[order.strategy, side] = True
    session.filled[order.order_id] = EXACT.add(order.filled, quantity)
    session.leaves[order.order_id] = fill.leaves
    if not fill.leaves or order.time_in_force == "ioc":
        session.gone[order.order_id] = True
    if order.purpose in PROTECTIVE:
        _follow_leg(session, order, fill.leaves)
    _shrink(session, order, reducible(after, order.side))


def _follow_leg(session: MatchingRound, leg: Order, leaves: Decimal) -> None:
    """Let the sibling of a leg shrink with it; a leg that has filled ends sibling and entry."""
    if leaves:
        session.leaves[leg.sibling] = leaves
    else:
        session.gone[leg.sibling] = session.gone[leg.parent_id] = True


def _shrink(session: MatchingRound, filled: Order, held: Decimal) -> None:
    """Let what waits to reduce the position follow it down before it meets this event itself."""
    for order in session.orders if held else ():
        if order.order_id in session.gone:
            continue
        if shrinks(order, filled, _leaves(session, order), held):
            session.leaves[order.order_id] = held
            session.events.append(
                OrderReplaced(
                    order_id=order.order_id,
                    quantity=EXACT.add(session.filled.get(order.order_id, order.filled), held),
                    leaves=held,
                    limit_price=order.limit_price,
                    stop_price=order.stop_price,
                )
            )


def _unfilled(order: Order, leaves: Decimal) -> OrderCancelled:
    if order.time_in_force == "fok":
        reason = "could not fill all of it at its first price"
        return OrderCancelled(order.order_id, leaves, "fill_or_kill", reason)
    reason = "nothing to trade with at its first price"
    return OrderCancelled(order.order_id, leaves, "immediate_or_cancel", reason)
