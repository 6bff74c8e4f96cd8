"""Store of the open orders and positions; every change of the order table is made here."""

from decimal import Decimal

from msgspec.structs import replace

from deadreckon.accounting.sellable import received
from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded, carried
from deadreckon.contracts.orders import (
    OrderFilled,
    OrderReplaced,
    OrderRouted,
    OrderSubmitting,
)
from deadreckon.contracts.timestamps import DAY
from deadreckon.services.fill import overdue, prices
from deadreckon.services.fill.brackets import ends_sibling
from deadreckon.services.fill.market import known_at
from deadreckon.services.fill.order_table import ENDED, Status, next_status
from deadreckon.services.fill.reduction import closed_sides, reducible
from deadreckon.services.fill.state import (
    PROTECTIVE,
    MarketState,
    Order,
    Protection,
    State,
    find,
    find_remembered,
    leaves_of,
    position_of,
    shrinks,
    status_of,
    trade_of,
)


def routed(state: State, order: OrderRouted) -> None:
    """Remember the bracket an entry asks for, and whether it was cancelled before it got here."""
    if state.approved.get(order.parent_id):
        state.withdrawn[order.order_id] = True
    if order.child == order.children - 1:
        state.approved.pop(order.parent_id, None)
    wants_bracket = order.stop_loss is not None or order.take_profit is not None
    if not wants_bracket or order.order_id in state.protections:
        return
    state.protections[order.order_id] = carried(Protection, order, entry_order_id=order.order_id)


def submitting(state: State, record: Recorded[OrderSubmitting]) -> None:
    """Record the intent; the order is on its way. Raises for a second intent."""
    intent = record.event
    next_status(status_of(state, intent.order_id), "submitting")
    venue = state.venues[intent.venue]
    order = carried(
        Order,
        intent,
        submitted_at=record.at,
        arrives_at=record.at + venue.latency,
        own_strategy=intent.purpose == "entry" and not intent.producer,
        edge=venue.edge,
    )
    state.orders.setdefault(order.instrument, {})[order.order_id] = order
    state.instruments[order.order_id] = order.instrument
    if order.edge:
        overdue.update_timer(state, order)
    else:
        state.waiting[order.order_id] = True
    if order.expires_at is not None:
        state.expiring[order.order_id] = True


def reported(state: State, order_id: str, report: str, at: int) -> Order | None:
    """Move an order along the table; returns it while it is open."""
    before = status_of(state, order_id)
    after = next_status(before, report)
    order = find(state, order_id)
    if after in ENDED and before not in ENDED:
        _end(state, order_id, after, at)
        return None
    if order is not None:
        order.status = after
        if after != "submitting":
            state.waiting.pop(order_id, None)
        overdue.update_timer(state, order)
    return order


def _end(state: State, order_id: str, status: Status, at: int) -> None:
    instrument = state.instruments.pop(order_id, None)
    if instrument is not None:
        orders = state.orders[instrument]
        order = orders.pop(order_id)
        if order.edge:
            order.status = status
            state.finished[order_id] = order
        if not orders:
            del state.orders[instrument]
    state.waiting.pop(order_id, None)
    state.expiring.pop(order_id, None)
    state.withdrawn.pop(order_id, None)
    state.awaited.pop(order_id, None)
    dedup.remember(state.ended, order_id, status, at)


def accepted(state: State, order_id: str, at: int) -> None:
    """Note that the venue has the order: from here on prices may fill it."""
    is_first = status_of(state, order_id) in ("submitting", "unknown")
    order = reported(state, order_id, "accepted", at)
    if order is not None and is_first and not order.edge:
        arrive_at_market(order, state.markets.get(order.instrument))


def arrive_at_market(order: Order, market: MarketState | None) -> None:
    """Place an order in the market it meets: whether it rests."""
    known = known_at(market, order.arrives_at)
    order.resting = (
        order.limit_price is not None
        and known is not None
        and not prices.within(order.side, prices.taker_price(order.side, known), order.limit_price)
    )


def triggered(state: State, order_id: str, at: int) -> None:
    """Turn a stop that was reached into its market or limit order."""
    order = reported(state, order_id, "triggered", at)
    if order is not None:
        order.order_type = "market" if order.limit_price is None else "limit"


def replaced(state: State, change: OrderReplaced, at: int) -> None:
    """Set new terms; a new price or a greater quantity makes it the newest order.

    As such it meets only prices to come; a smaller quantity keeps its place.
    """
    order = reported(state, change.order_id, "replaced", at)
    if order is None:
        return
    is_newest = (order.limit_price, order.stop_price) != (change.limit_price, change.stop_price)
    if order.purpose not in PROTECTIVE:  # the fill that resized a bracket has resized its legs
        is_newest = is_newest or change.quantity > order.quantity
        order.quantity = change.quantity
    order.limit_price, order.stop_price = change.limit_price, change.stop_price
    if not is_newest:
        return
    queue = state.orders[order.instrument]
    queue[order.order_id] = queue.pop(order.order_id)
    if order.status != "submitting":
        order.submitted_at = order.arrives_at = at
        arrive_at_market(order, state.markets.get(order.instrument))


def filled(state: State, record: Recorded[OrderFilled]) -> None:
    """Fold a trade: position, order, and the orders that it makes superfluous."""
    fill, trade = record.event, trade_of(record.event)
    if dedup.find(state.trades, trade) is not None:
        return
    dedup.remember(state.trades, trade, record.id, record.at)
    before = position_of(state, fill.strategy, fill.instrument)
    _hold(state, fill)
    after = position_of(state, fill.strategy, fill.instrument)
    order = find_remembered(state, fill.order_id)
    if order is not None:
        _count(order, fill)
        _doom_with(state, order, fill)
        if not order.edge:
            if (market := state.markets.get(fill.instrument)) is not None:
                market.taken = EXACT.add(market.taken, fill.quantity)
            _shrink(state, order, reducible(after, fill.side))
    reported(state, fill.order_id, "partly" if fill.leaves else "wholly", record.at)
    for side in closed_sides(before, after):
        for other in state.orders.get(fill.instrument, {}).values():
            if other.reduce_only and other.side == side and other.strategy == fill.strategy:
                other.doomed_by = other.doomed_by or trade


def _count(order: Order, fill: OrderFilled) -> None:
    """Count a fill, unless it is of the wrong side: a venue that trades that has filled nothing."""
    if fill.side == order.side:
        order.filled = EXACT.add(order.filled, fill.quantity)
    order.fills += 1
    if order.edge:
        order.trades[trade_of(fill)] = True


def _hold(state: State, fill: OrderFilled) -> None:
    holders = state.positions.setdefault(fill.instrument, {})
    change = received(fill, state.listings.get(fill.instrument))
    held = EXACT.add(holders.pop(fill.strategy, ZERO), change)
    if held:
        holders[fill.strategy] = held


def _shrink(state: State, filled: Order, held: Decimal) -> None:
    """Let what waits to reduce a position follow it down, as the matching of the fill recorded;
    where nothing is left it ends."""
    for order in state.orders.get(filled.instrument, {}).values() if held else ():
        if shrinks(order, filled, leaves_of(order), held):
            order.quantity = EXACT.add(order.filled, held)
            bracket = state.brackets.get(state.legs.get(order.order_id, ""))
            if bracket is not None:
                bracket.quantity = held


def _doom_with(state: State, order: Order, fill: OrderFilled) -> None:
    """Mark what a fill ends: the rest of an IOC, the sibling of a leg that filled wholly, and what
    is left of the entry that it protected."""
    sibling = find(state, order.sibling)
    if fill.leaves and order.time_in_force == "ioc" and not order.edge:
        order.doomed_by = trade_of(fill)
    elif ends_sibling(state, fill) and sibling is not None:
        sibling.doomed_by = trade_of(fill)
    entry = find(state, order.parent_id) if order.purpose in PROTECTIVE else None
    if entry is not None and not fill.leaves:
        entry.doomed_by = entry.doomed_by or trade_of(fill)


def reset_time(state: State, at: int) -> None:
    """Let nothing be of a time that was taken back: what lasts, lasts from the reset."""
    state.day = at // DAY
    dedup.recall(state.trades)
    dedup.recall(state.ended)
    for market in state.markets.values():
        market.at = min(market.at, at)
        market.opened_at = None if market.opened_at is None else min(market.opened_at, at)
    for orders in state.orders.values():
        for order in orders.values():
            _reset_order(order, at)
    for order_id, since in state.awaited.items():
        state.awaited[order_id] = min(since, at)


def _reset_order(order: Order, at: int) -> None:
    back = max(order.submitted_at - at, 0)
    order.submitted_at -= back
    order.arrives_at -= back
    order.expires_at = None if order.expires_at is None else order.expires_at - back
    order.met_at = None if order.met_at is None else min(order.met_at, at)
    order.cancelling_at = min(order.cancelling_at, at)
    order.alarmed = None if order.alarmed is None else min(order.alarmed, at)
    if order.ending is not None:
        order.ending = replace(order.ending, at=min(order.ending.at, at))


def forget(state: State, at: int) -> None:
    """Forget, once a day of log time, what ended more than seven days ago."""
    state.day = at // DAY
    oldest = state.day - dedup.HORIZON_DAYS
    dedup.forget(state.trades, oldest)
    for order_id in dedup.let_go(state.ended, oldest):
        state.finished.pop(order_id, None)
        protection = state.protections.get(order_id)
        if protection is not None and protection.bracket_id not in state.brackets:
            del state.protections[order_id]
