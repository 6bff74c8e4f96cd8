"""What is promised to orders in flight: reserved at approval, moved by fills, released at the end.

Every change goes through `settle`, which takes an order's old share out of its stake and puts the
new one in, exactly: when all orders have ended, what is in flight is zero again.
"""

from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import EXACT, ROUNDING, ZERO
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import Side
from deadreckon.contracts.orders import (
    OrderApproved,
    OrderFilled,
    OrderRouted,
    OrderUnroutable,
)
from deadreckon.contracts.timestamps import DAY
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

ENDED_KEPT_DAYS = 7  # a cancel that comes later than this finds "never was" in place of "had ended"


def approve(state: State, record: Recorded[OrderApproved]) -> None:
    """Reserve what an approved order can become; an exit never reserves more than the position."""
    event = record.event
    stake = exposure_of(state, event.strategy, event.instrument)
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
        cap=closable(stake, event.side) if event.reduce_only else None,
    )
    state.orders[event.order_id] = order
    if order.purpose == "flatten":
        stake.flatten_orders += 1
    else:
        state.signals[key_of(event.producer, event.signal_id)] = event.order_id
    stake.entry_orders += not order.reduces
    settle(state, order)


def route(state: State, record: Recorded[OrderRouted]) -> None:
    """A routed child stands for its part of the approval; the last one releases the rounding."""
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
    """What traded moves from reserved to held; a repeated trade moves nothing."""
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
    """A routed order ended (rejected, cancelled, expired): what was left of it is free again."""
    order_id: str = record.event.order_id  # type: ignore[attr-defined]  # every end names its order
    if order_id in state.children:
        _end_child(state, record, order_id)


def unroutable(state: State, record: Recorded[OrderUnroutable]) -> None:
    """An approval that found no way to a venue is over."""
    if record.event.order_id in state.orders:
        _forget(state, record, record.event.order_id)


def answered(order: ApprovedOrder, signal_id: str, child: str) -> None:
    """One routed order has answered a replace; with the last one the replace is over."""
    wanted = order.changes[signal_id]
    if child in wanted.waiting:
        wanted.waiting.remove(child)
        if not wanted.waiting:
            del order.changes[signal_id]


def hold(state: State, strategy: str, instrument: str) -> None:
    """Take over what the ledger says a strategy holds."""
    stake = exposure_of(state, strategy, instrument)
    stake.held = ledger.held(state.ledger, strategy, instrument)
    drop_if_empty(state, stake)


def exposure_of(state: State, strategy: str, instrument: str) -> Exposure:
    """The stake of a strategy in an instrument; a new one when there is none."""
    key = key_of(strategy, instrument)
    found = state.stakes.get(key)
    if found is None:
        listing = state.ledger.listings.get(instrument)
        found = Exposure(strategy, instrument, listing.venue if listing else "")
        state.stakes[key] = found
    return found


def drop_if_empty(state: State, stake: Exposure) -> None:
    """Forget a stake in which nothing is held or promised."""
    if stake.held or stake.entry_orders or stake.flatten_orders:
        return
    if not (_promised(stake.buys) or _promised(stake.sells)):
        state.stakes.pop(key_of(stake.strategy, stake.instrument), None)


def _promised(flight: InFlight) -> bool:
    return bool(flight.entries or flight.exits or flight.protection)


def closable(stake: Exposure, side: Side) -> Decimal:
    """How much an order of this side can close that no exit in flight closes already.

    Protective orders do not count: they wait for a price, and must not keep anybody from leaving.
    """
    against = EXACT.minus(stake.held) if side == "buy" else stake.held
    return max(EXACT.subtract(against, side_of(stake, side).exits), ZERO)


def open_quantity(order: ApprovedOrder) -> Decimal:
    """What can still trade, replaces aside."""
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
    if order.reduces:
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
    """Release all of an order; its signal is remembered for a while as one that had ended."""
    order = state.orders.pop(order_id)
    for child in order.leaves:
        state.children.pop(child, None)
    _count(state, order, OrderShare())
    stake = exposure_of(state, order.strategy, order.instrument)
    if order.purpose == "flatten":
        stake.flatten_orders -= 1
    else:
        _remember(state, record.at, key_of(order.producer, order.signal_id), order_id)
    stake.entry_orders -= not order.reduces
    drop_if_empty(state, stake)


def _remember(state: State, at: int, signal: str, order_id: str) -> None:
    if state.signals.get(signal) == order_id:
        del state.signals[signal]
    today = at // DAY
    if str(today) not in state.ended:
        for day in [day for day in state.ended if int(day) < today - ENDED_KEPT_DAYS]:
            del state.ended[day]
    state.ended.setdefault(str(today), {})[signal] = order_id


def _sized(state: State, event: OrderApproved) -> Size:
    """A flattening order is a quantity, so it needs no listing."""
    listing = state.ledger.listings.get(event.instrument)
    if listing is None:
        assert event.quantity is not None, f"{event.order_id}: nothing of that name was ever listed"
        return Size(event.quantity, event.reference_price, event.reference_price)
    return size(event, event.reference_price, listing)
