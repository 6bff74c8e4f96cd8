"""Halts: what is in force, what it forbids, and the acknowledgement that it is obeyed."""

from typing import Any, Literal

from deadreckon.accounting.halts import strictest_scope
from deadreckon.contracts.amounts import EXACT
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    ResumeAcknowledged,
)
from deadreckon.contracts.orders import OrderRouted
from deadreckon.services.fill import endings
from deadreckon.services.fill.reduction import reducible
from deadreckon.services.fill.state import PROTECTIVE, Order, State, leaves_of, position_of, waits

SendPermission = Literal["free", "exit_only", "halted"]


def send_permission(state: State, order: OrderRouted, at: int) -> SendPermission:
    """Decide whether an order may be sent: freely, as a reduce-only exit, or not at all."""
    scope = strictest_scope(state.halts, at)
    if scope is None or order.purpose == "flatten":
        return "free"
    if scope == "close_only" and (order.reduce_only or _is_exit(state, order)):
        return "exit_only"
    return "halted"


def _is_exit(state: State, order: OrderRouted) -> bool:
    """Tell whether it only closes what its strategy holds, net of exits under way."""
    closing = order.quantity
    for other in state.orders.get(order.instrument, {}).values():
        is_same = other.strategy == order.strategy and other.side == order.side
        if is_same and not waits(other) and other.purpose not in PROTECTIVE:
            closing = EXACT.add(closing, leaves_of(other))
    return closing <= reducible(position_of(state, order.strategy, order.instrument), order.side)


def obey(state: State, record: Recorded[Any]) -> list[Event]:
    """Cancel what the halt does not let stay, and acknowledge it; protection always stays.

    What a venue is asked to cancel already is not asked again, but counted: it is open still.
    """
    reason = f"halted by {record.id}"
    scope = state.halts[record.id].scope
    going = [
        order
        for orders in state.orders.values()
        for order in orders.values()
        if not _may_stay(order, scope)
    ]
    cancelled = [event for order in going for event in endings.cancel(order, "halted", reason)]
    return [*cancelled, HaltAcknowledged(record.id, scope, len(going))]


def _may_stay(order: Order, scope: HaltScope) -> bool:
    """Tell whether an order may stay: under `close_only` if it only reduces, under `all` if it
    protects."""
    return order.reduce_only and (scope == "close_only" or order.purpose != "entry")


def resume(state: State, record: Recorded[Any]) -> list[Event]:
    """Acknowledge that every halt was lifted."""
    return [ResumeAcknowledged(record.id)]
