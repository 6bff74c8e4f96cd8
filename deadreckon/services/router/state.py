"""State of the router: listings, venues, and the open routed orders."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.fields import OrderType, Side
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.orders import OrderFilled, OrderReplaced, OrderRouted


class Listing(Struct):
    """An instrument's specification, the id of the event that set it, and of its delisting."""

    listed: InstrumentListed
    set_by: str
    delisted_by: str | None = None


class ChildOrder(Struct):
    """A routed order that has not ended; quantities in base units or contracts."""

    instrument: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    reduce_only: bool
    filled: Decimal = ZERO


class ParentOrder(Struct):
    """The open children of an approved order, and what the ended ones have filled."""

    children: dict[str, ChildOrder] = {}
    filled_before: Decimal = ZERO


class State(Struct):
    """State of the router, bounded by what is listed and what is open."""

    listings: dict[str, Listing] = {}
    venues: dict[str, VenueConfigured] = {}
    families: dict[str, ParentOrder] = {}  # by the approved order
    parents: dict[str, str] = {}  # child -> approved order, open ones only


def listed(state: State, record: Recorded[InstrumentListed]) -> None:
    """Add a listing, which replaces the one before and undoes a delisting."""
    state.listings[record.event.instrument] = Listing(record.event, record.id)


def delisted(state: State, instrument: str, by: str) -> None:
    """Mark an instrument as delisted; one that was never listed is ignored."""
    if instrument in state.listings:
        state.listings[instrument].delisted_by = by


def routed(state: State, order: OrderRouted) -> None:
    """Add a routed order, which is open from its routing to its end."""
    family = state.families.setdefault(order.parent_id, ParentOrder())
    family.children[order.order_id] = ChildOrder(
        instrument=order.instrument,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        reduce_only=order.reduce_only,
    )
    state.parents[order.order_id] = order.parent_id


def filled(state: State, fill: OrderFilled) -> None:
    """Count a fill by its `leaves`, so that a fill reported twice counts once."""
    child = _find(state, fill.order_id)
    if child is None:
        return
    child.filled = max(child.filled, EXACT.subtract(child.quantity, fill.leaves))
    if not fill.leaves:
        ended(state, fill.order_id)


def replaced(state: State, change: OrderReplaced) -> None:
    """Apply a change that the venue has taken."""
    child = _find(state, change.order_id)
    if child is not None:
        child.quantity = change.quantity
        child.limit_price = change.limit_price
        child.stop_price = change.stop_price


def ended(state: State, order_id: str) -> None:
    """Move an ended child's fills to its parent order; the last child removes the parent."""
    parent = state.parents.pop(order_id, None)
    if parent is None:
        return
    family = state.families[parent]
    child = family.children.pop(order_id)
    family.filled_before = EXACT.add(family.filled_before, child.filled)
    if not family.children:
        del state.families[parent]


def _find(state: State, order_id: str) -> ChildOrder | None:
    parent = state.parents.get(order_id)
    return None if parent is None else state.families[parent].children[order_id]
