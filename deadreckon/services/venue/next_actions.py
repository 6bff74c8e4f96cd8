"""Next action for each order in flight: a pure function of the state, the time and the halts."""

from typing import Literal

from msgspec import Struct

from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.venues import VenueOrderNotSent
from deadreckon.services.venue.in_flight import InFlightOrder, InFlightOrders

ActionKind = Literal["refuse", "cancel", "query", "submit"]


class NextAction(Struct, frozen=True):
    """Next action for one order; `refusal` is why a submit does not leave."""

    kind: ActionKind
    order: InFlightOrder
    refusal: VenueOrderNotSent | None = None

    @property
    def name(self) -> str:
        """The client order id."""
        return self.order.intent.client_order_id


def actions_due(state: InFlightOrders, at: int, scope: HaltScope | None) -> list[NextAction]:
    """List what is due at a decision time (nanoseconds UTC), oldest intent first.

    `scope` is the strictest halt in force. Cancels and queries are never halted.
    """
    found = (_next_action(order, at, scope) for order in state.orders.values())
    return [action for action in found if action is not None]


def _next_action(order: InFlightOrder, at: int, scope: HaltScope | None) -> NextAction | None:
    match order.phase:
        case "sending":
            return NextAction("query", order)
        case "working" if order.filled is None and order.cancel == "wanted":
            return NextAction("cancel", order)
        case "working":
            return None
    refusal = _refusal(order, at, scope)
    if refusal is None:
        return NextAction("submit", order)
    return NextAction("refuse", order, refusal)


def _refusal(order: InFlightOrder, at: int, scope: HaltScope | None) -> VenueOrderNotSent | None:
    """Find the rule by which an order that is surely not at the venue may not go there."""
    intent = order.intent
    if order.cancel:
        return _not_sent(intent, "cancelled_before_send", "cancelled before it was sent")
    if intent.expires_at is not None and intent.expires_at <= at:
        return _not_sent(intent, "expired_before_send", "its time to live ran out before")
    if scope is not None and not may_leave(intent, scope):
        return _not_sent(intent, "halted", f"a halt ({scope}) is in force")
    return None


def may_leave(intent: OrderSubmitting, scope: HaltScope) -> bool:
    """Tell whether a halt lets an order pass: always what flattens or protects, other exits unless
    all trading stops."""
    if intent.purpose == "flatten":
        return True
    return intent.reduce_only and (scope == "close_only" or intent.purpose != "entry")


def _not_sent(intent: OrderSubmitting, rule: str, reason: str) -> VenueOrderNotSent:
    return VenueOrderNotSent(intent.venue, intent.order_id, intent.client_order_id, rule, reason)


def not_sent_events(actions: list[NextAction]) -> list[Event]:
    """Collect the refusals among these actions."""
    return [action.refusal for action in actions if action.refusal is not None]
