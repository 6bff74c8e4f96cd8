"""One request to the venue, and the events that follow from its reply or from the lack of one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from msgspec import Struct

from deadreckon.contracts.event import Event, carried
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueOrderAccepted,
    VenueOrderRejected,
    VenueRequestSending,
    VenueRequestUnanswered,
)
from deadreckon.runtime.process import killpoints
from deadreckon.services.venue.in_flight import InFlightOrder, InFlightOrders
from deadreckon.services.venue.next_actions import NextAction
from deadreckon.services.venue.reports import checked_status, report_refusal, status_events
from deadreckon.venues.port import (
    DuplicateError,
    Guarantees,
    MalformedReportError,
    OrderHandle,
    OrderRequest,
    OrderStatus,
    RejectedError,
    ThrottledError,
    UnansweredError,
    Venue,
)

EDGE = True

REQUEST_LEAVES = 0.01  # seconds until a request has left, where a process shall end just then

T = TypeVar("T")


class Reply(Struct, frozen=True):
    """Reply to one request. `fault` is why its outcome is unknown (empty when the venue answered);
    `wait` the seconds that the venue wants before the next request; `evidence` the start of what
    could not be read. `is_premature` is a "no such order" while a request may still arrive."""

    venue_order_id: str = ""
    status: OrderStatus | None = None
    refusal: RejectedError | None = None
    fault: str = ""
    evidence: str | None = None
    wait: float = 0.0
    is_duplicate: bool = False
    is_premature: bool = False

    @property
    def is_inconclusive(self) -> bool:
        """Tell whether the action has to be tried again, and not at once."""
        return bool(self.fault or self.wait or self.is_duplicate or self.is_premature)


def request_intent(action: NextAction, guarantees: Guarantees, now: int) -> Event | None:
    """Make the record of a request that is about to leave; a query needs none.

    `now` is the wall clock (nanoseconds UTC), from which the request's validity counts.
    """
    intent = action.order.intent
    name = (intent.venue, intent.order_id, intent.client_order_id)
    if action.kind == "submit":
        bound = guarantees.validity
        return VenueRequestSending(*name, "submit", None if bound is None else now + bound)
    return VenueRequestSending(*name, "cancel") if action.kind == "cancel" else None


def is_final(order: InFlightOrder, guarantees: Guarantees, now: int) -> bool:
    """Tell whether "no such order" is the end of the search for an order.

    It is where a request sent again cannot make a second order, and where none that was sent can
    still be accepted; a venue that promises neither is asked until an operator decides.
    """
    if guarantees.unique_ids:
        return True
    return order.valid_until is not None and now > order.valid_until + guarantees.settling


def handle_of(order: InFlightOrder) -> OrderHandle:
    """Name an order for a cancel or a query."""
    intent = order.intent
    return OrderHandle(intent.client_order_id, order.venue_order_id, intent.symbol)


async def perform(
    venue: Venue, action: NextAction, at: int, edge: str, clock: Callable[[], int]
) -> Reply:
    """Send one request, once. `at` (nanoseconds UTC) is the decision time of a cancel."""
    try:
        match action.kind:
            case "submit":
                return await _submit(venue, action.order, edge)
            case "cancel":
                return await _cancel(venue, action.order, at, edge)
            case _:
                return await _search(venue, action.order, clock)
    except ThrottledError as error:
        return Reply(wait=error.wait)
    except MalformedReportError as error:
        return Reply(fault=f"not understood: {error}", evidence=error.evidence)
    except (UnansweredError, RejectedError) as error:
        return Reply(fault=str(error))


async def _submit(venue: Venue, order: InFlightOrder, edge: str) -> Reply:
    try:
        return Reply(venue_order_id=await _left(venue.submit(_order_request(order)), edge))
    except RejectedError as error:
        return Reply(refusal=error)
    except DuplicateError:
        return Reply(is_duplicate=True)


async def _cancel(venue: Venue, order: InFlightOrder, at: int, edge: str) -> Reply:
    """Cancel at the venue; if it refuses, query the order's final status."""
    try:
        status = await _left(venue.cancel(handle_of(order), at), edge)
    except RejectedError as error:
        return Reply(status=await query(venue, order), refusal=error)
    return Reply(status=checked_status(status, order.intent.quantity))


async def _search(venue: Venue, order: InFlightOrder, clock: Callable[[], int]) -> Reply:
    """Query an order; the clock is read before, so that the answer is no older than it says."""
    now = clock()
    status = await query(venue, order)
    lost = status is None and order.phase == "sending"
    return Reply(status=status, is_premature=lost and not is_final(order, venue.guarantees, now))


async def query(venue: Venue, order: InFlightOrder) -> OrderStatus | None:
    """Query an order's status, checked. Raises MalformedReportError and what the venue raises."""
    return checked_status(await venue.query(handle_of(order)), order.intent.quantity)


async def _left(request: Awaitable[T], edge: str) -> T:
    """Await the reply of a request; a process that shall end once it has left does so."""
    if killpoints.armed is None:
        return await request
    leaving = asyncio.ensure_future(request)
    await asyncio.wait({leaving}, timeout=REQUEST_LEAVES)
    killpoints.passed("venue-request", edge)
    reply = await leaving
    killpoints.passed("venue-reply", edge)
    return reply


def _order_request(order: InFlightOrder) -> OrderRequest:
    return carried(OrderRequest, order.intent, at=order.at, valid_until=order.valid_until)


def events_of_reply(state: InFlightOrders, action: NextAction, reply: Reply) -> Iterator[Event]:
    """Translate a reply; nothing is recorded about an order that has ended meanwhile."""
    order = state.orders.get(action.name)
    if order is None or reply.wait or reply.is_premature:
        return
    intent = order.intent
    name = (intent.venue, intent.order_id, intent.client_order_id)
    if reply.evidence is not None:
        yield report_refusal(intent.venue, "malformed", reply.fault, reply.evidence)
    if reply.fault:
        if action.kind == "submit" or action.kind == "cancel":
            yield VenueRequestUnanswered(*name, action.kind, reply.fault)
    elif action.kind == "submit" and reply.refusal is not None:
        yield VenueOrderRejected(*name, reply.refusal.rule, reply.refusal.reason)
    elif action.kind == "submit":
        if not (reply.is_duplicate or order.acknowledged):
            yield VenueOrderAccepted(*name, reply.venue_order_id)
    elif action.kind == "cancel":
        yield from _cancel_events(order, reply)
    else:
        yield from status_events(order, reply.status)


def _cancel_events(order: InFlightOrder, reply: Reply) -> Iterator[Event]:
    intent, refusal, status = order.intent, reply.refusal, reply.status
    name = (intent.venue, intent.order_id, intent.client_order_id)
    if refusal is not None:
        yield VenueCancelRejected(*name, refusal.reason)
    yield from status_events(order, status)
    if status is not None and status.open:
        reason = "the venue still works what was to be cancelled"
        yield VenueRequestUnanswered(*name, "cancel", reason)
