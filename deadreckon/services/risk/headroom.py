"""Headroom promised to orders in flight: reserved at approval, moved by fills, freed at the end.

Every change goes through `settle`, which takes the old share of an order out of its exposure and
puts the new one in, exactly: once all orders have ended, what is in flight is zero again.
"""

from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.accounting.sellable import whole_lots
from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT, ROUNDING, ZERO
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import Side
from deadreckon.contracts.orders import (
    OrderApproved,
    OrderFilled,
    OrderRouted,
    OrderUnroutable,
)
from deadreckon.services.risk.sizes import Size, share_of, size
from deadreckon.services.risk.state import (
    ApprovedOrder,
    Exposure,
    InFlight,
    OrderShare,
    State,
    key_of,
    side_of,
)


def approve(state: State, record: Recorded[OrderApproved]) -> None:
    """Reserve what an approved order can become; an exit never more than the position."""
    event = record.event
    exposure = exposure_of(state, event.strategy, event.instrument)
    sized = _sized(state, event)
    order = ApprovedOrder(
        signal_id=event.signal_id,
        producer=event.producer,
        strategy=event.strategy,
        instrument=event.instrument,
        side=event.side,
        reduces=event.reduce_only,
        purpose=event.purpose,
        reference=event.reference_price,
        price=sized.price,
        limit_price=event.limit_price,
        stop_price=event.stop_price,
        stop_loss=event.stop_loss,
        take_profit=event.take_profit,
        unrouted=sized.quantity,
        cap=closable(exposure, event.side) if event.reduce_only else None,
    )
    order.waits = _waits(order)
    state.orders[event.order_id] = order
    if order.purpose == "flatten":
        exposure.flatten_orders += 1
    else:
        state.signals[key_of(event.producer, event.signal_id)] = event.order_id
    exposure.entry_orders += not order.reduces
    settle(state, order)


def route(state: State, record: Recorded[OrderRouted]) -> None:
    """Move part of the approval to a routed child; the last child frees the rounding."""
    event = record.event
    order = state.orders.get(event.parent_id)
    if order is None:
        return
    state.children[event.order_id] = event.parent_id
    order.children = event.children
    order.routed += 1
    order.leaves[event.order_id] = event.quantity
    rest = EXACT.subtract(order.unrouted, event.quantity)
    order.unrouted = max(rest, ZERO) if order.routed < event.children else ZERO
    settle(state, order)


def fill(state: State, record: Recorded[OrderFilled]) -> None:
    """Move what traded from reserved to held; a repeated trade moves nothing."""
    event = record.event
    hold(state, event.strategy, event.instrument)
    found = state.children.get(event.order_id)
    if found is None or not ledger.is_new_fill(state.ledger, record):
        return
    order = state.orders[found]
    order.filled = EXACT.add(order.filled, event.quantity)
    order.leaves[event.order_id] = event.leaves
    if event.leaves:
        settle(state, order)
    else:
        _end_child(state, record, event.order_id)


def end(state: State, record: Recorded[Event]) -> None:
    """Free what was left of a routed order that was rejected, cancelled or expired."""
    order_id: str = record.event.order_id  # type: ignore[attr-defined]  # every end names its order
    if order_id in state.children:
        _end_child(state, record, order_id)


def unroutable(state: State, record: Recorded[OrderUnroutable]) -> None:
    """Free an approval that the router could not route."""
    if record.event.order_id in state.orders:
        _forget(state, record, record.event.order_id)


def answered(order: ApprovedOrder, signal_id: str, child: str) -> None:
    """Record that one routed order has answered a replace; the last answer ends the replace."""
    wanted = order.changes[signal_id]
    if child in wanted.waiting:
        wanted.waiting.remove(child)
        if not wanted.waiting:
            del order.changes[signal_id]


def hold(state: State, strategy: str, instrument: str) -> None:
    """Copy what the ledger has for a strategy; whole lots of it after a fee taken from coins."""
    exposure = exposure_of(state, strategy, instrument)
    exposure.held = ledger.held(state.ledger, strategy, instrument)
    left = ledger.held_after_fees(state.ledger, strategy, instrument)
    if left != exposure.held:
        exposure.held = whole_lots(left, state.ledger.listings.get(instrument))
    drop_if_empty(state, exposure)


def exposure_of(state: State, strategy: str, instrument: str) -> Exposure:
    """Find the exposure of a strategy in an instrument, or make an empty one."""
    key = key_of(strategy, instrument)
    found = state.exposures.get(key)
    if found is None:
        listing = state.ledger.listings.get(instrument)
        found = Exposure(strategy, instrument, listing.venue if listing else "")
        state.exposures[key] = found
    return found


def drop_if_empty(state: State, exposure: Exposure) -> None:
    """Drop an exposure in which nothing is held or promised."""
    if exposure.held or exposure.entry_orders or exposure.flatten_orders:
        return
    if not (_promised(exposure.buys) or _promised(exposure.sells)):
        state.exposures.pop(key_of(exposure.strategy, exposure.instrument), None)


def _promised(flight: InFlight) -> bool:
    return bool(flight.entries or flight.exits or flight.protection)


def closable(exposure: Exposure, side: Side) -> Decimal:
    """Return how much an order of this side can close that no exit in flight closes already.

    What waits for a price does not count: it must not block other exits, and fill shrinks or ends
    it with the position.
    """
    return max(EXACT.subtract(against(exposure, side), side_of(exposure, side).exits), ZERO)


def against(exposure: Exposure, side: Side) -> Decimal:
    """Return how much an order of this side could close; 0 or less when it would add."""
    return EXACT.minus(exposure.held) if side == "buy" else exposure.held


def _waits(order: ApprovedOrder) -> bool:
    """Tell whether the market has yet to come to an exit's stop, else to its limit."""
    if not order.reduces or (price := order.stop_price or order.limit_price) is None:
        return False
    above = (order.side == "sell") == (order.stop_price is None)
    return price > order.reference if above else price < order.reference


def reprice(state: State, order: ApprovedOrder) -> None:
    """Count an order at its new prices: it may wait for the market now, or do so no more."""
    _count(state, order, OrderShare())
    order.waits = _waits(order)
    settle(state, order)


def open_quantity(order: ApprovedOrder) -> Decimal:
    """Return what can still trade, replaces not included."""
    found = order.unrouted
    for leaves in order.leaves.values():
        found = EXACT.add(found, leaves)
    return found


def settle(state: State, order: ApprovedOrder) -> None:
    """Count for an order what can still trade: what is open, or what a replace asks for."""
    quantity = open_quantity(order)
    value = ROUNDING.multiply(quantity, order.price)
    for wanted in order.changes.values():
        left = EXACT.subtract(wanted.quantity, order.filled)
        quantity = max(quantity, left)
        value = max(value, ROUNDING.multiply(left, wanted.price))
    quantity = quantity if order.cap is None else min(quantity, order.cap)
    share = share_of(order.side, quantity, value, order.entry_price, order.stop_loss)
    _count(state, order, share)


def _count(state: State, order: ApprovedOrder, share: OrderShare) -> None:
    flight = side_of(exposure_of(state, order.strategy, order.instrument), order.side)
    before = order.share
    if order.waits:
        flight.protection = _moved(flight.protection, before.quantity, share.quantity)
    elif order.reduces:
        flight.exits = _moved(flight.exits, before.quantity, share.quantity)
    else:
        flight.entries = _moved(flight.entries, before.quantity, share.quantity)
        flight.value = _moved(flight.value, before.value, share.value)
        flight.stopped = _moved(flight.stopped, before.stopped, share.stopped)
        flight.bare = _moved(flight.bare, before.bare, share.bare)
    order.share = share


def _moved(total: Decimal, before: Decimal, after: Decimal) -> Decimal:
    return EXACT.add(total, EXACT.subtract(after, before))


def _end_child(state: State, record: Recorded[Event], order_id: str) -> None:
    parent_id = state.children.pop(order_id)
    order = state.orders[parent_id]
    del order.leaves[order_id]
    for signal_id in list(order.changes):
        answered(order, signal_id, order_id)
    if order.routed == order.children and not order.leaves:
        _forget(state, record, parent_id)
    else:
        settle(state, order)


def _forget(state: State, record: Recorded[Event], order_id: str) -> None:
    """Free all of an order; its signal is remembered for seven days as one that had ended."""
    order = state.orders.pop(order_id)
    for child in order.leaves:
        state.children.pop(child, None)
    _count(state, order, OrderShare())
    exposure = exposure_of(state, order.strategy, order.instrument)
    if order.purpose == "flatten":
        exposure.flatten_orders -= 1
    else:
        _remember(state, record.at, key_of(order.producer, order.signal_id), order_id)
    exposure.entry_orders -= not order.reduces
    drop_if_empty(state, exposure)


def _remember(state: State, at: int, signal: str, order_id: str) -> None:
    if state.signals.get(signal) == order_id:
        del state.signals[signal]
    dedup.remember(state.ended, signal, order_id, at)


def _sized(state: State, event: OrderApproved) -> Size:
    """Return the size of an approval; a flattening order is a quantity and needs no listing."""
    listing = state.ledger.listings.get(event.instrument)
    if listing is None:
        assert event.quantity is not None, f"{event.order_id}: nothing of that name was ever listed"
        return Size(event.quantity, event.reference_price, event.reference_price)
    return size(event, event.reference_price, listing)
