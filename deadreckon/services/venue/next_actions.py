"""What is to be done about each outstanding order: pure, from the desk, the time and the halts."""

from typing import Literal

from msgspec import Struct

from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.venues import VenueOrderNotSent
from deadreckon.services.venue.in_flight import InFlightOrder, InFlightOrders

# In this order they leave: what takes risk away before what adds to it.
ActionKind = Literal["refuse", "cancel", "query", "submit"]


class NextAction(Struct, frozen=True):
    """The next step of one order; `refusal` is why a submit does not leave."""

    step: ActionKind
    order: InFlightOrder
    refusal: VenueOrderNotSent | None = None

    @property
    def name(self) -> str:
        """The client order id."""
        return self.order.intent.client_order_id


def actions_due(desk: InFlightOrders, at: int, scope: HaltScope | None) -> list[NextAction]:
    """Everything that is due at a decision time (nanoseconds UTC), oldest intent first.

    `scope` is the strictest halt in force. Cancels and queries are never halted.
    """
    dues = (_due(order, at, scope) for order in desk.orders.values())
    return [due for due in dues if due is not None]


def _due(order: InFlightOrder, at: int, scope: HaltScope | None) -> NextAction | None:
    match order.phase:
        case "sending":
            return NextAction("query", order)
        case "working" if order.filled is None and order.cancel == "wanted":
            return NextAction("cancel", order)
        case "working":
            return None
    refusal = _refusal(order, at, scope)
    return NextAction("submit", order) if refusal is None else NextAction("refuse", order, refusal)


def _refusal(order: InFlightOrder, at: int, scope: HaltScope | None) -> VenueOrderNotSent | None:
    """Why an order that is surely not at the venue may not go there."""
    intent = order.intent
    if order.cancel:
        return _not_sent(intent, "cancelled_before_send", "cancelled before it was sent")
    if intent.expires_at is not None and intent.expires_at <= at:
        return _not_sent(intent, "expired_before_send", "its time to live ran out before")
    if scope is not None and not may_leave(intent, scope):
        return _not_sent(intent, "halted", f"a halt ({scope}) is in force")
    return None


def may_leave(intent: OrderSubmitting, scope: HaltScope) -> bool:
    """What a halt lets pass: flattening always, protection always, other exits unless all stops."""
    if intent.purpose == "flatten":
        return True
    return intent.reduce_only and (scope == "close_only" or intent.purpose != "entry")


def _not_sent(intent: OrderSubmitting, rule: str, reason: str) -> VenueOrderNotSent:
    return VenueOrderNotSent(intent.venue, intent.order_id, intent.client_order_id, rule, reason)


def not_sent_events(dues: list[NextAction]) -> list[Event]:
    """The orders among these that do not leave."""
    return [due.refusal for due in dues if due.refusal is not None]
