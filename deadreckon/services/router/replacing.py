"""One approved change in the venue's own terms, for every open child of the order."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO, product
from deadreckon.contracts.event import Event
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.orders import CancelMissed, ReplaceApproved, ReplaceRouted
from deadreckon.services.router import rounding
from deadreckon.services.router.rounding import shares
from deadreckon.services.router.state import ChildOrder, ParentOrder, State


def route_replacement(state: State, change: ReplaceApproved) -> list[Event]:
    """Route a change to each open child, or answer why there is none."""
    family = state.families.get(change.order_id)
    if family is None:
        return [_missed(change, "the order has ended, or never was routed")]
    first = next(iter(family.children.values()))
    listed = state.listings[first.instrument].listed
    limit, stop = _on_ticks(change, first, listed)
    reason = _misfit(change, first, limit, stop) or _shortfall(change, family, first, listed, limit)
    if reason is not None:
        return [_missed(change, reason)]
    quantities = _quantities(change, family, listed)
    return [
        ReplaceRouted(order_id, change.signal_id, quantity, limit, stop)
        for order_id, quantity in zip(family.children, quantities, strict=True)
    ]


def _missed(change: ReplaceApproved, reason: str) -> CancelMissed:
    return CancelMissed(change.order_id, change.signal_id, reason)


def _on_ticks(
    change: ReplaceApproved, child: ChildOrder, listed: InstrumentListed
) -> tuple[Decimal | None, Decimal | None]:
    tick = listed.tick_size
    stop_rule = rounding.exit_stop if child.reduce_only else rounding.entry_stop
    limit = change.limit_price and rounding.limit_price(change.limit_price, child.side, tick)
    stop = change.stop_price and stop_rule(change.stop_price, child.side, tick)
    return limit, stop


def _misfit(
    change: ReplaceApproved, child: ChildOrder, limit: Decimal | None, stop: Decimal | None
) -> str | None:
    """Find why an order cannot have these prices."""
    if change.limit_price is not None and child.limit_price is None:
        return f"a {child.order_type} order has no limit price"
    if change.stop_price is not None and child.stop_price is None:
        return f"a {child.order_type} order has no stop price"
    if ZERO in (limit, stop):
        return "the price is less than one tick"
    return None


def _shortfall(
    change: ReplaceApproved,
    family: ParentOrder,
    child: ChildOrder,
    listed: InstrumentListed,
    limit: Decimal | None,
) -> str | None:
    """Find why the order cannot have this total quantity."""
    if change.quantity is None:
        return None
    lots = rounding.whole_lots(change.quantity, listed)
    total = rounding.quantity_of(lots, listed)
    if total < _filled(family):
        return f"{_filled(family)} has filled already"
    if not lots or total < listed.minimum_quantity:
        return f"{total} is less than the least quantity {listed.minimum_quantity}"
    price = limit or child.limit_price or child.stop_price
    if price is None or child.reduce_only:
        return None
    if rounding.notional_of(lots, price, listed) < listed.minimum_notional:
        return f"{total} at {price} is worth less than the least notional {listed.minimum_notional}"
    return None


def _quantities(
    change: ReplaceApproved, family: ParentOrder, listed: InstrumentListed
) -> list[Decimal | None]:
    """Return the new total of each open child; what is left to fill is spread evenly over them."""
    children = family.children.values()
    if change.quantity is None:
        return [None] * len(children)
    total = rounding.quantity_of(rounding.whole_lots(change.quantity, listed), listed)
    open_lots = rounding.whole_lots(EXACT.subtract(total, _filled(family)), listed)
    return [
        EXACT.add(child.filled, product(Decimal(lots), listed.lot_size))
        for child, lots in zip(children, shares(open_lots, len(children)), strict=True)
    ]


def _filled(family: ParentOrder) -> Decimal:
    total = family.filled_before
    for child in family.children.values():
        total = EXACT.add(total, child.filled)
    return total
