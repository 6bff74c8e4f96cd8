"""Puts approved orders into a venue's own terms: symbol, lots, ticks, children."""

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
from deadreckon.services.router.replacing import replace
from deadreckon.services.router.routing import route
from deadreckon.services.router.state import State

HEEDS = frozenset(
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
    """Nothing is listed, so nothing can be routed."""
    return State()


def evolve(state: State, said: Recorded[Any]) -> State:
    """Fold one event, in place; the same state comes back."""
    match said.event:
        case OrderFilled() as fill:
            book.filled(state, fill)
        case OrderRouted() as order:
            book.routed(state, order)
        case OrderCancelled() | OrderRejected() | OrderExpired():
            book.ended(state, said.event.order_id)
        case OrderReplaced() as change:
            book.replaced(state, change)
        case InstrumentListed():
            book.listed(state, said)
        case InstrumentDelisted(instrument=instrument):
            book.delisted(state, instrument, said.id)
        case VenueConfigured() as venue:
            state.venues[venue.venue] = venue
    return state


def decide(state: State, said: Recorded[Any]) -> Sequence[Event]:
    """Answer approvals; everything else is others' affair."""
    match said.event:
        case OrderApproved():
            return route(state, said)
        case ReplaceApproved() as change:
            return replace(state, change)
    return ()
