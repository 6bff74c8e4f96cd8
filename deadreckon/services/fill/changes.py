"""Cancels and changes of open orders, as strategies and operators ask for them.

They reach the paper venue at once: only orders themselves have latency. A real venue is asked to
cancel, and cannot change orders.
"""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT
from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import CancelRequested
from deadreckon.contracts.orders import (
    CancelApproved,
    CancelMissed,
    OrderReplaced,
    ReplaceRouted,
)
from deadreckon.services.fill import endings, prices
from deadreckon.services.fill.state import PROTECTIVE, Order, State, find

ENDED_REASON = "no such order is open"
FIXED_REASON = "this venue cannot change orders; cancel it and send anew"


def withdraw(state: State, order_id: str | None) -> None:
    """Withdraw an order that has not been sent; a cancel may overtake it between risk and here."""
    for approved in [order_id] if order_id is not None else list(state.approved):
        if approved in state.approved:
            state.approved[approved] = True


def cancel_approved(state: State, cancel: CancelApproved) -> list[Event]:
    """End all children of an approved order; the protection of what has filled stays."""
    family = [
        order
        for order in _open(state)
        if order.parent_id == cancel.order_id and order.purpose not in PROTECTIVE
    ]
    if family:
        return _cancelled(family, cancel.reason)
    if state.approved.get(cancel.order_id):
        return []  # on its way here: rejected as soon as it is routed
    return [CancelMissed(cancel.order_id, cancel.signal_id, ENDED_REASON)]


def cancel_requested(state: State, request: CancelRequested) -> list[Event]:
    """End one order with its children, or every one; an operator may take protection away too."""
    wanted = request.order_id
    named = [order for order in _open(state) if wanted in (None, order.order_id)]
    if not named:
        named = [
            order
            for order in _open(state)
            if order.parent_id == wanted and order.purpose not in PROTECTIVE
        ]
    if named:
        return _cancelled(named, f"{request.actor}: {request.reason}")
    under_way = state.approved.values() if wanted is None else [state.approved.get(wanted)]
    if any(under_way):
        return []
    return [CancelMissed(wanted or "", "", ENDED_REASON)]


def delist(state: State, instrument: str) -> list[Event]:
    """End every order of a delisted instrument, protection included."""
    orders = list(state.orders.get(instrument, {}).values())
    return _cancelled(orders, "the instrument was delisted", rule="delisted")


def _open(state: State) -> list[Order]:
    return [order for orders in state.orders.values() for order in orders.values()]


def _cancelled(orders: list[Order], reason: str, rule: str = "requested") -> list[Event]:
    return [event for order in orders for event in endings.cancel(order, rule, reason)]


def replace(state: State, change: ReplaceRouted) -> list[Event]:
    """Put an order on its new terms; null leaves a term. `quantity` is the new total."""
    order = find(state, change.order_id)
    if order is None:
        return [CancelMissed(change.order_id, change.signal_id, ENDED_REASON)]
    if order.edge:
        return [CancelMissed(change.order_id, change.signal_id, FIXED_REASON)]
    quantity = order.quantity if change.quantity is None else change.quantity
    if quantity < order.filled:
        reason = f"{order.filled} has filled already"
        return [CancelMissed(change.order_id, change.signal_id, reason)]
    if quantity == order.filled:
        return _cancelled([order], "changed to what has filled already")
    limit = order.limit_price if change.limit_price is None else change.limit_price
    is_newest = limit != order.limit_price or quantity > order.quantity
    if is_newest and _would_take(state, order, limit):
        reason = "the order is post-only, and would take once changed"
        return [CancelMissed(change.order_id, change.signal_id, reason)]
    return [
        OrderReplaced(
            order_id=order.order_id,
            quantity=quantity,
            leaves=EXACT.subtract(quantity, order.filled),
            limit_price=limit,
            stop_price=order.stop_price if change.stop_price is None else change.stop_price,
        )
    ]


def _would_take(state: State, order: Order, limit: Decimal | None) -> bool:
    market = state.markets.get(order.instrument)
    if not order.post_only or limit is None or market is None:
        return False
    return prices.within(order.side, prices.taker_price(order.side, market.last), limit)
