"""What is outstanding at a real venue: a pure fold of intents, requests and what came back."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import HaltImposed, HaltRequested, LogDamaged, ResumeRequested
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.orders import OrderCancelling, OrderSubmitting
from deadreckon.contracts.timestamps import DAY
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueConnectionChanged,
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueOrderNotSent,
    VenueOrderRejected,
    VenueReconciled,
    VenueReportRefused,
    VenueRequestSending,
    VenueRequestUnanswered,
    VenueTradeReported,
)
from deadreckon.services.fill import halts
from deadreckon.services.fill.state import Halt

HORIZON_DAYS = 7  # orders that ended are remembered this long, in log time

# An order may be at the venue from its first `sending` on: `missing` is what the venue itself said.
OrderPhase = Literal["intended", "sending", "missing", "working"]
CancelState = Literal["", "wanted", "refused"]


class InFlightOrder(Struct):
    """An intent until all is told of it.

    `intent_id` and `root` are those of the recorded intent, `at` its decision time (nanoseconds
    UTC). `traded` is what the log has heard of, `filled` what traded in all once the order has
    ended (base units or contracts). `sent` says that a request has left once, `acknowledged` that
    the venue named the order; a trade may come before that. `told` counts our own events about it,
    and names the next.
    """

    intent: OrderSubmitting
    intent_id: str
    root: str
    at: int
    phase: OrderPhase = "intended"
    cancel: CancelState = ""
    traded: Decimal = ZERO
    filled: Decimal | None = None
    sent: bool = False
    acknowledged: bool = False
    told: int = 0


class EndedOrder(Struct, frozen=True):
    """An order that has ended; a trade of it may still be told."""

    order_id: str
    venue: str


class InFlightOrders(Struct):
    """Bounded by what is open, and by seven days of log time of what has ended.

    `venues` are those this edge serves or has served. `orders` are by client order id, in the
    order of their intents; `abandoned` those that were sent, missing and given up: a request that
    was on its way all the time may still arrive. `place` is the last of the venue's trades up to
    which the log has them all; `beyond` those behind a gap. `told` counts our events that are
    about no order.
    """

    edge: str
    venues: dict[str, bool] = {}
    orders: dict[str, InFlightOrder] = {}
    names: dict[str, str] = {}  # open order -> its client order id
    abandoned: dict[str, InFlightOrder] = {}
    past: dict[str, EndedOrder] = {}
    past_on: dict[str, list[str]] = {}  # by day of log time, counted from 1970
    halts: dict[str, Halt] = {}
    place: int = 0
    beyond: dict[int, bool] = {}
    connected: bool = True
    told: int = 0
    day: int = 0


def initial(edge: str) -> InFlightOrders:
    """Nothing is intended, nothing sent."""
    return InFlightOrders(edge)


def evolve(desk: InFlightOrders, record: Recorded[Any]) -> InFlightOrders:
    """Fold one event, in place; the same desk comes back."""
    if record.at // DAY != desk.day:
        _forget(desk, record.at // DAY)
    match record.event:
        case OrderSubmitting():
            _intended(desk, record)
        case OrderCancelling(order_id=order_id):
            _cancel(desk, order_id)
        case VenueConfigured(venue=venue, edge=edge):
            if edge == desk.edge or venue in desk.venues:
                desk.venues[venue] = edge == desk.edge
        case HaltRequested() | HaltImposed() | LogDamaged():
            halts.imposed(desk, record)
        case ResumeRequested():
            desk.halts.clear()
        case _ if record.source == desk.edge:
            _evolve_own(desk, record)
    return desk


def _intended(desk: InFlightOrders, record: Recorded[OrderSubmitting]) -> None:
    intent = record.event
    known = intent.client_order_id in desk.orders or intent.client_order_id in desk.past
    if desk.venues.get(intent.venue) and not known:
        desk.orders[intent.client_order_id] = InFlightOrder(
            intent, record.id, record.root, record.at
        )
        desk.names[intent.order_id] = intent.client_order_id


def _cancel(desk: InFlightOrders, order_id: str) -> None:
    order = desk.orders.get(desk.names.get(order_id, ""))
    if order is not None:
        order.cancel = "wanted"


def _evolve_own(desk: InFlightOrders, record: Recorded[Any]) -> None:
    """What this edge itself has recorded."""
    event = record.event
    name = getattr(event, "client_order_id", "")
    if name in desk.abandoned and isinstance(event, VenueOrderAccepted | VenueTradeReported):
        _resurface(desk, name)
    order = desk.orders.get(name)
    if order is None:
        desk.told += 1
    else:
        order.told += 1
    match event:
        case VenueTradeReported(place=place) | VenueReportRefused(place=place):
            _take_place(desk, place)
        case VenueConnectionChanged(connected=connected):
            desk.connected = connected
        case VenueReconciled():
            desk.connected = True
    if order is not None:
        _evolve_order(order, event)
        _settle(desk, order, event)


def _evolve_order(order: InFlightOrder, event: Any) -> None:
    match event:
        case VenueRequestSending(request="submit") | VenueRequestUnanswered(request="submit") if (
            order.phase != "working"
        ):
            order.phase, order.sent = "sending", True
        case VenueRequestUnanswered(request="cancel"):
            order.cancel = "wanted"
        case VenueOrderMissing():
            order.phase = "missing"
        case VenueOrderAccepted():
            order.phase, order.acknowledged = "working", True
        case VenueTradeReported(quantity=quantity):
            order.phase = "working"  # a trade before the acknowledgement says as much
            order.traded = EXACT.add(order.traded, quantity)
        case VenueOrderEnded(filled=filled):
            order.filled = filled
        case VenueCancelRejected():
            order.cancel = "refused"


def _settle(desk: InFlightOrders, order: InFlightOrder, event: Any) -> None:
    """Let go of an order once nothing more can be told of it."""
    filled = order.intent.quantity if order.filled is None else order.filled
    is_refused = isinstance(event, VenueOrderRejected | VenueOrderNotSent)
    if not is_refused and order.traded < filled:
        return
    name, intent = order.intent.client_order_id, order.intent
    del desk.orders[name]
    desk.names.pop(intent.order_id, None)
    if isinstance(event, VenueOrderNotSent) and order.sent:
        desk.abandoned[name] = order
    desk.past[name] = EndedOrder(intent.order_id, intent.venue)
    desk.past_on.setdefault(str(desk.day), []).append(name)


def _resurface(desk: InFlightOrders, name: str) -> None:
    """What was given up is at the venue after all."""
    order = desk.orders[name] = desk.abandoned.pop(name)
    order.cancel = ""
    desk.names[order.intent.order_id] = name


def _take_place(desk: InFlightOrders, place: int) -> None:
    if place <= desk.place:
        return
    desk.beyond[place] = True
    while desk.place + 1 in desk.beyond:
        desk.place += 1
        del desk.beyond[desk.place]


def _forget(desk: InFlightOrders, today: int) -> None:
    """Let go of what ended longer ago than anybody is told of it."""
    desk.day = today
    for day in [day for day in desk.past_on if int(day) <= today - HORIZON_DAYS]:
        for name in desk.past_on.pop(day):
            desk.past.pop(name, None)
            desk.abandoned.pop(name, None)


def is_recorded(desk: InFlightOrders, place: int) -> bool:
    """Whether the log has the venue's trade at this place."""
    return place <= desk.place or place in desk.beyond


def orders_to_query(desk: InFlightOrders) -> Mapping[str, InFlightOrder]:
    """The orders that may be at the venue, by client order id."""
    return {
        name: order
        for name, order in desk.orders.items()
        if order.phase in ("sending", "working") and order.filled is None
    }


def venue_name(desk: InFlightOrders) -> str:
    """The name under which what concerns no order is recorded; empty while no venue is ours."""
    return next(iter(desk.venues), "")
