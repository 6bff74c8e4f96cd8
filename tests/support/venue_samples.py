"""Short words for stories about orders that a real venue works."""

from typing import Any

from msgspec.structs import replace

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import Side
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueOrderNotSent,
    VenueOrderRejected,
    VenueOutcome,
    VenueReconciled,
    VenueRequest,
    VenueRequestUnanswered,
    VenueTradeReported,
)
from deadreckon.services.fill import decider as fill
from tests.stories import SECOND, START, Number, exact, listed, venue
from tests.support.driver import DeciderDriver

VENUE = "PAPER"  # the name that routed() sends to; an edge makes it a real one
EDGE = "venue-sim"
LIMIT = 30 * SECOND


def venue_fill_driver(*given: Event | Recorded[Any], **terms: Any) -> DeciderDriver:
    """A fill service whose only venue is a real one."""
    story = DeciderDriver(fill, "fill")
    configured = replace(venue(**terms), edge=EDGE, unknown_after=LIMIT)
    story.tell(listed(), configured, *given)
    return story


def client_id_of(order: str) -> str:
    return f"client of {order}"


def accepted(order: str = "o1") -> VenueOrderAccepted:
    return VenueOrderAccepted(VENUE, order, client_id_of(order), f"venue's {order}")


def refused(order: str = "o1", rule: str = "insufficient_balance") -> VenueOrderRejected:
    return VenueOrderRejected(VENUE, order, client_id_of(order), rule, "no")


def not_sent(order: str = "o1", rule: str = "halted") -> VenueOrderNotSent:
    return VenueOrderNotSent(VENUE, order, client_id_of(order), rule, "stopped at the door")


def unanswered(order: str = "o1", request: VenueRequest = "submit") -> VenueRequestUnanswered:
    return VenueRequestUnanswered(VENUE, order, client_id_of(order), request, "timed out")


def missing(order: str = "o1") -> VenueOrderMissing:
    return VenueOrderMissing(VENUE, order, client_id_of(order))


def traded(
    side: Side,
    quantity: Number,
    price: Number,
    *,
    order: str = "o1",
    id: str = "t1",
    fee: Number = 0,
) -> VenueTradeReported:
    return VenueTradeReported(
        venue=VENUE,
        order_id=order,
        client_order_id=client_id_of(order),
        trade_id=id,
        side=side,
        quantity=exact(quantity),
        price=exact(price),
        liquidity="taker",
        fee=exact(fee),
        fee_currency="USDT",
        traded_at=START,
        number=0,  # fill counts trades by their id
    )


def order_ended(
    filled: Number = 0, order: str = "o1", outcome: VenueOutcome = "cancelled"
) -> VenueOrderEnded:
    """The venue no longer works the order; so much of it had traded."""
    return VenueOrderEnded(
        VENUE, order, client_id_of(order), outcome, exact(filled), "by the venue"
    )


def cancel_refused(order: str = "o1") -> VenueCancelRejected:
    return VenueCancelRejected(VENUE, order, client_id_of(order), "it has ended")


def reconciled(*strangers: str) -> VenueReconciled:
    return VenueReconciled(VENUE, 0, 0, list(strangers), {})
