"""Cancels of orders, and the event that a real venue's end of an order leads to."""

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import OrderCancelled, OrderCancelling, OrderExpired
from deadreckon.services.fill.state import PROTECTIVE, Order, is_cancel_pending, leaves_of

UNFILLED_RULES = {"ioc": "immediate_or_cancel", "fok": "fill_or_kill"}


def cancel(order: Order, rule: str, reason: str) -> list[Event]:
    """Cancel an order: at once on paper; at a real venue record the intent to cancel, once."""
    if not order.edge:
        return [OrderCancelled(order.order_id, leaves_of(order), rule, reason)]
    if is_cancel_pending(order):
        return []
    return [OrderCancelling(order.order_id, order.client_order_id, order.venue, rule, reason)]


def end_events(order: Order | None) -> list[Event]:
    """End an order as its venue reported, once all trades before that end are recorded."""
    if order is None or order.ending is None or order.filled < order.ending.filled:
        return []
    leaves, ending = leaves_of(order), order.ending
    if is_cancel_pending(order) and order.cancelling == "expired":
        return [OrderExpired(order.order_id, leaves)]
    if is_cancel_pending(order):
        reason = order.cancelling_reason
        return [OrderCancelled(order.order_id, leaves, order.cancelling, reason)]
    if order.time_in_force in UNFILLED_RULES:
        rule = UNFILLED_RULES[order.time_in_force]
        return [OrderCancelled(order.order_id, leaves, rule, ending.reason)]
    if ending.outcome == "expired" and order.purpose not in PROTECTIVE:
        return [OrderExpired(order.order_id, leaves)]
    return [OrderCancelled(order.order_id, leaves, "venue", ending.reason)]
