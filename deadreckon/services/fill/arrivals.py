"""Arrival of a routed order at its venue: intent, acceptance, refusals, expiry."""

from msgspec.structs import replace as altered

from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded, carried
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderExpired,
    OrderRejected,
    OrderRouted,
    OrderSubmitting,
)
from deadreckon.services.fill import endings, halts, order_store, prices
from deadreckon.services.fill.market import known_at
from deadreckon.services.fill.reduction import reducible
from deadreckon.services.fill.state import Order, State, find, leaves_of, position_of, status_of


def submit(state: State, record: Recorded[OrderRouted]) -> list[Event]:
    """Record the intent, or reject the order; one that has an intent gets no second."""
    order = record.event
    if status_of(state, order.order_id) != "routed":
        return []
    verdict = halts.send_permission(state, order, record.at)
    if verdict == "halted":
        return [_rejected(order.order_id, "halted", "a halt is in force")]
    if order.order_id in state.withdrawn:
        reason = "cancelled before it was sent"
        return [_rejected(order.order_id, "cancelled_before_send", reason)]
    if order.expires_at is not None and order.expires_at <= record.at:
        reason = "its time to live ran out before it was sent"
        return [_rejected(order.order_id, "expired_before_send", reason)]
    if order.venue not in state.venues or order.instrument not in state.listings:
        return [_rejected(order.order_id, "known_venue", "nobody configured the venue")]
    reduce_only = order.reduce_only or verdict == "exit_only"
    intent = carried(OrderSubmitting, order, reduce_only=reduce_only)
    return [*_superseded(state, intent), intent]


def _superseded(state: State, intent: OrderSubmitting) -> list[Event]:
    """End the entries of a strategy of this stack that its newer order on the other side speaks
    against; producers cancel their own."""
    if intent.producer or intent.purpose != "entry":
        return []
    rule, reason = "strategy_reversal", "its strategy wants the other side"
    if intent.reduce_only:
        rule, reason = "strategy_exit", "its strategy leaves its position"
    return [
        event
        for order in state.orders.get(intent.instrument, {}).values()
        if order.own_strategy and order.strategy == intent.strategy
        if order.side != intent.side and not order.reduce_only
        for event in endings.cancel(order, rule, reason)
    ]


def _rejected(order_id: str, rule: str, reason: str) -> OrderRejected:
    return OrderRejected(order_id, rule, reason)


def submitted(state: State, record: Recorded[OrderSubmitting]) -> list[Event]:
    """Submit an order on paper; without latency it arrives the moment its intent is recorded."""
    order = find(state, record.event.order_id)
    if order is None or order.edge or order.arrives_at > record.at:
        return []
    return [_arrival(state, order)]


def due_events(state: State, at: int) -> dict[str, Event]:
    """List what time alone does to open orders: each ends or arrives, at most once."""
    fates: dict[str, Event] = {}
    for order_id in state.expiring:
        order = find(state, order_id)
        if order is not None and _is_over(order, at):
            fates.update((order_id, event) for event in _expired(order))
    for order_id in state.waiting:
        order = find(state, order_id)
        if order is not None and order.arrives_at <= at and order_id not in fates:
            fates[order_id] = _arrival(state, order)
    return fates


def _is_over(order: Order, at: int) -> bool:
    """Tell whether an order expires: one of this stack's strategies not before its market has given
    it a price to trade at, however long a gap in its bars."""
    if order.expires_at is None or order.expires_at > at:
        return False
    is_unmet = order.met_at is None or order.met_at == at
    return bool(order.edge) or not (order.own_strategy and is_unmet)


def _expired(order: Order) -> list[Event]:
    if order.edge:
        return endings.cancel(order, "expired", "its time to live ran out")
    return [OrderExpired(order.order_id, leaves_of(order))]


def _arrival(state: State, order: Order) -> OrderAccepted | OrderRejected:
    position = position_of(state, order.strategy, order.instrument)
    if order.reduce_only and not reducible(position, order.side):
        reason = "there is no position that it could reduce"
        return _rejected(order.order_id, "reduce_only_without_position", reason)
    if order.post_only and order.limit_price is not None:
        known = known_at(state.markets.get(order.instrument), order.arrives_at)
        if known is None:
            reason = "no price is known by which it surely would not take"
            return _rejected(order.order_id, "no_market", reason)
        if prices.within(order.side, prices.taker_price(order.side, known), order.limit_price):
            reason = f"its limit {order.limit_price} takes from the market"
            return _rejected(order.order_id, "post_only_would_take", reason)
    return OrderAccepted(order.order_id, derive_id(order.order_id, "paper", 0))


def orders_at_market(state: State, instrument: str, fates: dict[str, Event]) -> list[Order]:
    """Return the instrument's orders that the paper venue has, with those that arrive just now."""
    return [
        _as_arrived(state, order) if order.order_id in fates else order
        for order in state.orders.get(instrument, {}).values()
        if _is_there(order, fates)
    ]


def _is_there(order: Order, fates: dict[str, Event]) -> bool:
    if order.edge:
        return False
    if order.order_id in fates:
        return isinstance(fates[order.order_id], OrderAccepted)
    return order.status not in ("submitting", "unknown")


def _as_arrived(state: State, order: Order) -> Order:
    copy = altered(order, status="accepted")
    order_store.arrive_at_market(copy, state.markets.get(order.instrument))
    return copy
