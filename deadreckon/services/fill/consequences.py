"""Consequences of a fill: superfluous orders end, brackets arm, grow and close."""

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.services.fill import endings, protection
from deadreckon.services.fill.brackets import ends_sibling
from deadreckon.services.fill.reduction import reducible
from deadreckon.services.fill.state import Order, State, find, is_new, position_of, trade_of

REASONS = {
    "sibling_filled": "the other leg of its bracket has filled",
    "bracket_closed": "its stop or target has filled, and ends the entry too",
    "position_closed": "the position it was to reduce is closed",
    "reduce_only_exceeded": "it has closed the position; the rest would open another",
    "immediate_or_cancel": "the rest could not fill at once",
}


def fill_consequences(state: State, record: Recorded[OrderFilled]) -> list[Event]:
    """Answer a fill; one that was reported before has no consequences."""
    if not is_new(state, record):
        return []
    fill = record.event
    return [
        *_cancels(state, fill),
        *protection.close(state, fill),
        *protection.shrink(state, fill),
        *protection.protect(state, fill),
        *endings.end_events(find(state, fill.order_id)),
    ]


def _cancels(state: State, fill: OrderFilled) -> list[Event]:
    trade = trade_of(fill)
    return [
        event
        for order in state.orders.get(fill.instrument, {}).values()
        if order.doomed_by == trade
        for event in _cancelled(order, _rule(state, order, fill))
    ]


def _rule(state: State, order: Order, fill: OrderFilled) -> str:
    if order.order_id == fill.order_id:
        position = position_of(state, order.strategy, order.instrument)
        is_over = order.reduce_only and not reducible(position, order.side)
        return "reduce_only_exceeded" if is_over else "immediate_or_cancel"
    if not order.reduce_only:
        return "bracket_closed"
    is_answered = order.sibling == fill.order_id and ends_sibling(state, fill)
    return "sibling_filled" if is_answered else "position_closed"


def _cancelled(order: Order, rule: str) -> list[Event]:
    return endings.cancel(order, rule, REASONS[rule])
