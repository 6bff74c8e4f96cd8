"""Errors of venues: one that fails too often takes no entries until a minute without failures."""

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderAccepted, OrderRejected, OrderUnknown
from deadreckon.contracts.venues import VenueRequestUnanswered
from deadreckon.services.risk.state import State, VenueResults
from deadreckon.services.risk.windows import MINUTE, remember

# Rejections that say nothing about the venue: it was never asked, or it answered in good order.
# Every other rule counts as a fault, those we never heard of too.
NOT_ASKED = frozenset({"halted", "cancelled_before_send", "expired_before_send", "known_venue"})
ANSWERED = frozenset(
    {"no_market", "post_only_would_take", "reduce_only_without_position", "reduce_only_exceeded"}
)


def accept(state: State, record: Recorded[OrderAccepted]) -> None:
    """Count an accepted order as an answer."""
    _answer(state, record.at, record.event.order_id, fault=False)


def reject(state: State, record: Recorded[OrderRejected]) -> None:
    """Count a rejection as an answer or a fault, by its rule."""
    if record.event.rule not in NOT_ASKED:
        _answer(state, record.at, record.event.order_id, fault=record.event.rule not in ANSWERED)


def lose(state: State, record: Recorded[OrderUnknown]) -> None:
    """Count an unknown outcome as a fault."""
    _answer(state, record.at, record.event.order_id, fault=True)


def miss(state: State, record: Recorded[VenueRequestUnanswered]) -> None:
    """Count a cancel that was not answered as a fault; submissions are counted by `lose`."""
    if record.event.request == "cancel":
        _answer(state, record.at, record.event.order_id, fault=True)


def _answer(state: State, at: int, order_id: str, *, fault: bool) -> None:
    """Count a result. Runs before an ended order is dropped."""
    venue = _venue(state, order_id)
    if venue is None or state.limits is None or state.limits.venue_errors_max is None:
        return
    results = state.breakers.venues.setdefault(venue, VenueResults())
    remember(results.answers, at, MINUTE)
    if fault:
        remember(results.faults, at, MINUTE)


def _venue(state: State, order_id: str) -> str | None:
    leg = state.legs.get(order_id)
    if leg is not None:
        return leg.venue
    order = state.orders.get(state.children.get(order_id, ""))
    listing = state.ledger.listings.get(order.instrument) if order else None
    return listing.venue if listing else None
