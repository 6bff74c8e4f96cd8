"""One request to the venue, and what its reply, silence included, adds to the log."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import TypeVar

from msgspec import Struct

from deadreckon.contracts.event import Event
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
    MalformedReportError,
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
    """What came back. `fault` is why nobody knows (empty when the venue answered); `wait` the
    seconds it wants to be left alone; `evidence` the start of what could not be read."""

    venue_order_id: str = ""
    standing: OrderStatus | None = None
    refusal: RejectedError | None = None
    fault: str = ""
    evidence: str | None = None
    wait: float = 0.0
    is_duplicate: bool = False

    @property
    def is_inconclusive(self) -> bool:
        """Whether the same step has to be tried again, and not at once."""
        return bool(self.fault or self.wait or self.is_duplicate)


def request_intent(due: NextAction) -> Event | None:
    """What is recorded before a step is taken; asking changes nothing, so that it needs nothing."""
    intent = due.order.intent
    if due.step == "submit" or due.step == "cancel":
        return VenueRequestSending(intent.venue, intent.order_id, intent.client_order_id, due.step)
    return None


async def perform(venue: Venue, due: NextAction, at: int, edge: str) -> Reply:
    """Take a step, once. `at` (nanoseconds UTC) is the decision time of a cancel."""
    try:
        match due.step:
            case "submit":
                return await _submit(venue, due.order, edge)
            case "cancel":
                return await _cancel(venue, due.order, at, edge)
            case _:
                return Reply(standing=await _query(venue, due.order))
    except ThrottledError as error:
        return Reply(wait=error.wait)
    except MalformedReportError as error:
        return Reply(fault=f"not understood: {error}", evidence=error.evidence)
    except (UnansweredError, RejectedError) as error:
        return Reply(fault=str(error))


async def _submit(venue: Venue, order: InFlightOrder, edge: str) -> Reply:
    try:
        return Reply(venue_order_id=await _left(venue.submit(_ticket(order)), edge))
    except RejectedError as error:
        return Reply(refusal=error)
    except DuplicateError:
        return Reply(is_duplicate=True)


async def _cancel(venue: Venue, order: InFlightOrder, at: int, edge: str) -> Reply:
    """Whoever may not cancel wants to know how the order ended."""
    intent = order.intent
    try:
        standing = await _left(venue.cancel(intent.client_order_id, at), edge)
    except RejectedError as error:
        return Reply(standing=await _query(venue, order), refusal=error)
    return Reply(standing=checked_status(standing, intent.quantity))


async def _query(venue: Venue, order: InFlightOrder) -> OrderStatus | None:
    standing = await venue.query(order.intent.client_order_id)
    return checked_status(standing, order.intent.quantity)


async def _left(request: Awaitable[T], edge: str) -> T:
    """The reply of a request; a process that shall end once it has left does so."""
    if killpoints.armed is None:
        return await request
    leaving = asyncio.ensure_future(request)
    await asyncio.wait({leaving}, timeout=REQUEST_LEAVES)
    killpoints.passed("venue-request", edge)
    reply = await leaving
    killpoints.passed("venue-reply", edge)
    return reply


def _ticket(order: InFlightOrder) -> OrderRequest:
    intent = order.intent
    return OrderRequest(
        client_order_id=intent.client_order_id,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        order_type=intent.order_type,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        time_in_force=intent.time_in_force,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        at=order.at,
    )


def events_of_reply(desk: InFlightOrders, due: NextAction, reply: Reply) -> Iterator[Event]:
    """What a reply adds to the log; nothing about an order that has ended meanwhile."""
    order = desk.orders.get(due.name)
    if order is None or reply.wait:
        return
    intent = order.intent
    name = (intent.venue, intent.order_id, intent.client_order_id)
    if reply.evidence is not None:
        yield report_refusal(intent.venue, "malformed", reply.fault, reply.evidence)
    if reply.fault:
        if due.step == "submit" or due.step == "cancel":
            yield VenueRequestUnanswered(*name, due.step, reply.fault)
    elif due.step == "submit" and reply.refusal is not None:
        yield VenueOrderRejected(*name, reply.refusal.rule, reply.refusal.reason)
    elif due.step == "submit":
        if not (reply.is_duplicate or order.acknowledged):
            yield VenueOrderAccepted(*name, reply.venue_order_id)
    elif due.step == "cancel":
        yield from _cancelled(order, reply)
    else:
        yield from status_events(order, reply.standing)


def _cancelled(order: InFlightOrder, reply: Reply) -> Iterator[Event]:
    intent, refusal, standing = order.intent, reply.refusal, reply.standing
    name = (intent.venue, intent.order_id, intent.client_order_id)
    if refusal is not None:
        yield VenueCancelRejected(*name, refusal.reason)
    yield from status_events(order, standing)
    if standing is not None and standing.open:
        reason = "the venue still works what was to be cancelled"
        yield VenueRequestUnanswered(*name, "cancel", reason)
