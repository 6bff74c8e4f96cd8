"""Decider that puts approved orders into a venue's own terms: symbol, lots, ticks, children."""

from collections.abc import Sequence
from typing import Any

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.instruments import (
    InstrumentDelisted,
    InstrumentListed,
    VenueConfigured,
)
from deadreckon.contracts.orders import (
    OrderApproved,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    ReplaceApproved,
)
from deadreckon.services.router import state as book
from deadreckon.services.router.replacing import route_replacement
from deadreckon.services.router.routing import route
from deadreckon.services.router.state import State

HANDLES = frozenset(
    {
        InstrumentListed,
        InstrumentDelisted,
        VenueConfigured,
        OrderApproved,
        OrderRouted,
        OrderFilled,
        OrderCancelled,
        OrderRejected,
        OrderExpired,
        OrderReplaced,
        ReplaceApproved,
    }
)


def initial() -> State:
    """Return the state with nothing listed, so that nothing can be routed."""
    return State()


def evolve(state: State, record: Recorded[Any]) -> State:
    """Fold one event, in place; the same state comes back."""
    match record.event:
        case OrderFilled() as fill:
            book.filled(state, fill)
        case OrderRouted() as order:
            book.routed(state, order)
        case OrderCancelled() | OrderRejected() | OrderExpired():
            book.ended(state, record.event.order_id)
        case OrderReplaced() as change:
            book.replaced(state, change)
        case InstrumentListed():
            book.listed(state, record)
        case InstrumentDelisted(instrument=instrument):
            book.delisted(state, instrument, record.id)
        case VenueConfigured() as venue:
            state.venues[venue.venue] = venue
    return state


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    """Answer approvals; everything else is others' affair."""
    match record.event:
        case OrderApproved():
            return route(state, record)
        case ReplaceApproved() as change:
            return route_replacement(state, change)
    return ()
