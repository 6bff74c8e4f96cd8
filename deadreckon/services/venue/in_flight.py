"""State of the orders in flight at a real venue: a pure fold of intents, requests and reports."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct, field

from deadreckon.accounting.halts import Halts, impose
from deadreckon.accounting.halts import reset_time as reset_halts
from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.clock import ClockReset
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import HaltImposed, HaltRequested, LogDamaged, ResumeRequested
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.orders import OrderCancelling, OrderSubmitting
from deadreckon.contracts.timestamps import DAY
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueConnectionChanged,
    VenueForeignTradeReported,
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

# An order may be at the venue after its first `sending`; `missing` is the venue's own answer.
OrderPhase = Literal["intended", "sending", "missing", "working"]
CancelState = Literal["", "wanted", "refused"]


class InFlightOrder(Struct):
    """Order at a venue, from its intent until all its trades are recorded.

    `intent_id` and `root` are those of the recorded intent, `at` its decision time (nanoseconds
    UTC). `traded` is the quantity of its recorded trades, `filled` what traded in all once the
    order has ended (base units or contracts). `sent` is true once a request was sent; it may
    still be accepted until `valid_until` (nanoseconds UTC, null: no bound). `acknowledged` is
    true once the venue assigned `venue_order_id`; a trade may come before that. `recorded` counts
    the edge's own events about the order and numbers the next.
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
    valid_until: int | None = None
    acknowledged: bool = False
    venue_order_id: str = ""
    recorded: int = 0


class EndedOrder(Struct, frozen=True):
    """Order that has ended; the venue may still report trades of it."""

    order_id: str
    venue: str


class InFlightOrders(Struct):
    """Orders of one edge: the open ones, and those that ended within seven days of log time.

    `venues` are those the edge serves or has served. `orders` are by client order id, oldest intent
    first; `abandoned` are orders that were sent, missing and given up, because a delayed request
    may still arrive. `cursor` is the cursor of the next query for trades, `numbered` the number of
    recorded trades, `trades` the ids of the recent ones. `recorded` counts the edge's events that
    are not about an order.
    """

    edge: str
    venues: dict[str, bool] = {}
    orders: dict[str, InFlightOrder] = {}
    names: dict[str, str] = {}  # open order -> its client order id
    abandoned: dict[str, InFlightOrder] = {}
    past: RecentKeys[EndedOrder] = field(default_factory=RecentKeys)
    trades: RecentKeys[bool] = field(default_factory=RecentKeys)
    halts: Halts = {}
    cursor: str = ""
    numbered: int = 0
    connected: bool = True
    recorded: int = 0
    day: int = 0


def initial(edge: str) -> InFlightOrders:
    """Return the state before the first event: nothing intended, nothing sent."""
    return InFlightOrders(edge)


def evolve(state: InFlightOrders, record: Recorded[Any]) -> InFlightOrders:
    """Fold one event, in place; return the same state."""
    if record.at // DAY != state.day and type(record.event) is not ClockReset:
        _forget(state, record.at // DAY)
    match record.event:
        case OrderSubmitting():
            _intended(state, record)
        case OrderCancelling(order_id=order_id):
            _cancel(state, order_id)
        case VenueConfigured(venue=venue, edge=edge):
            if edge == state.edge or venue in state.venues:
                state.venues[venue] = edge == state.edge
        case HaltRequested() | HaltImposed() | LogDamaged():
            impose(state.halts, record)
        case ResumeRequested():
            state.halts.clear()
        case ClockReset():
            _reset_time(state, record.at)
        case _ if record.source == state.edge:
            _evolve_own(state, record)
    return state


def _intended(state: InFlightOrders, record: Recorded[OrderSubmitting]) -> None:
    intent = record.event
    name = intent.client_order_id
    known = name in state.orders or dedup.find(state.past, name) is not None
    if state.venues.get(intent.venue) and not known:
        state.orders[name] = InFlightOrder(intent, record.id, record.root, record.at)
        state.names[intent.order_id] = name


def _cancel(state: InFlightOrders, order_id: str) -> None:
    order = state.orders.get(state.names.get(order_id, ""))
    if order is not None:
        order.cancel = "wanted"


def _evolve_own(state: InFlightOrders, record: Recorded[Any]) -> None:
    """Fold an event of the edge itself."""
    event = record.event
    name = getattr(event, "client_order_id", "")
    if name in state.abandoned and isinstance(event, VenueOrderAccepted | VenueTradeReported):
        _resurface(state, name)
    order = state.orders.get(name)
    if order is None:
        state.recorded += 1
    else:
        order.recorded += 1
    match event:
        case VenueTradeReported() | VenueForeignTradeReported() | VenueReportRefused():
            _count_trade(state, event, record.at)
        case VenueConnectionChanged(connected=connected):
            state.connected = connected
        case VenueReconciled(cursor=cursor):
            state.connected = True
            state.cursor = cursor or state.cursor
    if order is not None:
        _evolve_order(order, event)
        _settle(state, order, event, record.at)


def _evolve_order(order: InFlightOrder, event: Any) -> None:
    match event:
        case VenueRequestSending(request="submit", valid_until=valid_until):
            order.valid_until = valid_until
            _sent(order)
        case VenueRequestUnanswered(request="submit"):
            _sent(order)
        case VenueRequestUnanswered(request="cancel"):
            order.cancel = "wanted"
        case VenueOrderMissing():
            order.phase = "missing"
        case VenueOrderAccepted(venue_order_id=venue_order_id):
            order.phase, order.acknowledged = "working", True
            order.venue_order_id = venue_order_id
        case VenueTradeReported(quantity=quantity):
            order.phase = "working"  # a trade before the acknowledgement proves as much
            order.traded = EXACT.add(order.traded, quantity)
        case VenueOrderEnded(filled=filled):
            order.filled = filled
        case VenueCancelRejected():
            order.cancel = "refused"


def _sent(order: InFlightOrder) -> None:
    if order.phase != "working":
        order.phase, order.sent = "sending", True


def _settle(state: InFlightOrders, order: InFlightOrder, event: Any, at: int) -> None:
    """Move an order to `past` once it has ended and all its trades are recorded."""
    filled = order.intent.quantity if order.filled is None else order.filled
    is_refused = isinstance(event, VenueOrderRejected | VenueOrderNotSent)
    if not is_refused and order.traded < filled:
        return
    name, intent = order.intent.client_order_id, order.intent
    del state.orders[name]
    state.names.pop(intent.order_id, None)
    if isinstance(event, VenueOrderNotSent) and order.sent:
        state.abandoned[name] = order
    dedup.remember(state.past, name, EndedOrder(intent.order_id, intent.venue), at)


def _resurface(state: InFlightOrders, name: str) -> None:
    """Restore an abandoned order that turned out to be at the venue."""
    order = state.orders[name] = state.abandoned.pop(name)
    order.cancel = ""
    state.names[order.intent.order_id] = name


def _count_trade(
    state: InFlightOrders,
    event: VenueTradeReported | VenueForeignTradeReported | VenueReportRefused,
    at: int,
) -> None:
    """Number a recorded trade, remember its id, and move the cursor behind it."""
    state.numbered = max(state.numbered, event.number)
    state.cursor = event.cursor or state.cursor
    if event.trade_id and dedup.find(state.trades, event.trade_id) is None:
        dedup.remember(state.trades, event.trade_id, True, at)


def _reset_time(state: InFlightOrders, at: int) -> None:
    """Let nothing be of a time that was taken back; what was forgotten under it is known again."""
    state.day = at // DAY
    dedup.recall(state.past)
    dedup.recall(state.trades)
    reset_halts(state.halts, at)
    for order in (*state.orders.values(), *state.abandoned.values()):
        order.at = min(order.at, at)


def _forget(state: InFlightOrders, today: int) -> None:
    """Forget orders and trades older than the horizon, on which no venue reports any more."""
    state.day = today
    oldest = today - dedup.HORIZON_DAYS
    dedup.forget(state.trades, oldest)
    for name in dedup.let_go(state.past, oldest):
        state.abandoned.pop(name, None)


def orders_to_query(state: InFlightOrders) -> Mapping[str, InFlightOrder]:
    """Select the orders that may be at the venue, by client order id."""
    return {
        name: order
        for name, order in state.orders.items()
        if order.phase in ("sending", "working") and order.filled is None
    }


def venue_name(state: InFlightOrders) -> str:
    """Return the venue's name for events without an order; empty while none is configured."""
    return next(iter(state.venues), "")
