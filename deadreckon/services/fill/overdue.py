"""Overdue answers of real venues: since when each is due, and the alarm when it is late."""

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import OrderOverdue
from deadreckon.services.fill.state import Order, State, find, is_cancel_pending


def update_timer(state: State, order: Order) -> None:
    """Update the order's overdue timer. An alarm that was raised is not raised again."""
    since = _since(order)
    if since is None or since == order.alarmed:
        state.awaited.pop(order.order_id, None)
    else:
        state.awaited[order.order_id] = since


def _since(order: Order) -> int | None:
    if not order.edge:
        return None
    if order.status in ("submitting", "unknown"):
        return order.submitted_at
    if order.ending is not None:
        return order.ending.at
    return order.cancelling_at if is_cancel_pending(order) else None


def overdue_alarms(state: State, at: int) -> list[Event]:
    """Raise one alarm for each order whose venue has not answered in time."""
    found: list[Event] = []
    for order_id, since in state.awaited.items():
        order = find(state, order_id)
        assert order is not None, f"{order_id} has ended, and its venue owes nothing any more"
        age, limit = at - since, state.venues[order.venue].unknown_after
        if age > limit:
            found.append(OrderOverdue(order_id, order.client_order_id, since, age, limit))
    return found


def record_alarm(state: State, alarm: OrderOverdue) -> None:
    """Note a raised alarm: it is not raised again for the same answer."""
    order = find(state, alarm.order_id)
    if order is not None:
        order.alarmed = alarm.since
        update_timer(state, order)
