"""Headroom of a replace, from its approval until every routed order has answered it."""

from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import CancelMissed, OrderReplaced, ReplaceApproved
from deadreckon.services.risk.headroom import (
    answered,
    closable,
    exposure_of,
    open_quantity,
    reprice,
    settle,
)
from deadreckon.services.risk.state import ApprovedOrder, PendingReplace, State


def grows(order: ApprovedOrder, wanted: ReplaceApproved) -> bool:
    """Tell whether a replace asks for more: quantity, worth, or a price nearer to a trade."""
    promised = max([total(order), *(check.quantity for check in order.changes.values())])
    if wanted.quantity is not None and wanted.quantity > promised:
        return True
    if _dearer(wanted.limit_price, order.limit_price):
        return True
    if _dearer(wanted.stop_price, order.stop_price):
        return True
    return not order.reduces and _nearer(order, wanted)


def _dearer(after: Decimal | None, before: Decimal | None) -> bool:
    return after is not None and after > (before or ZERO)


def _nearer(order: ApprovedOrder, wanted: ReplaceApproved) -> bool:
    """Tell whether a price of an entry may have come closer to the market: a sell's by going down.

    A stop comes closer from either side, as the market may have passed its limit. While another
    replace is on its way its price is unknown, so any change counts.
    """
    if order.changes:
        return wanted.limit_price is not None or wanted.stop_price is not None
    if wanted.stop_price is not None and wanted.stop_price != order.stop_price:
        return True
    moved = wanted.limit_price is not None and wanted.limit_price != order.limit_price
    return moved and order.side == "sell"


def total(order: ApprovedOrder) -> Decimal:
    """Return the whole quantity of the order: traded and open."""
    return EXACT.add(order.filled, open_quantity(order))


def changed(state: State, order: ApprovedOrder, wanted: ReplaceApproved) -> PendingReplace:
    """Return the order as it would be, valued at the worst of mark, limit and stop."""
    mark = ledger.mark(state.ledger, order.instrument)
    reference = mark.price if mark else order.reference
    limit = wanted.limit_price or order.limit_price
    stop = wanted.stop_price or order.stop_price
    price = max([reference, *(price for price in (limit, stop) if price is not None)])
    quantity = wanted.quantity if wanted.quantity is not None else total(order)
    return PendingReplace(quantity, reference, price, list(order.leaves))


def approve(state: State, record: Recorded[ReplaceApproved]) -> None:
    """Reserve what a replace asks for beyond the order, until its outcome is known."""
    event = record.event
    order = state.orders.get(event.order_id)
    if order is None:
        return
    order.changes[event.signal_id] = changed(state, order, event)
    if order.cap is not None:
        exposure = exposure_of(state, order.strategy, order.instrument)
        counted = ZERO if order.waits else order.share.quantity
        order.cap = EXACT.add(closable(exposure, order.side), counted)
    settle(state, order)


def missed(state: State, record: Recorded[CancelMissed]) -> None:
    """Free the headroom of a replace that found nothing to change."""
    event = record.event
    parent_id = state.children.get(event.order_id, event.order_id)
    order = state.orders.get(parent_id)
    if order is None or event.signal_id not in order.changes:
        return
    if parent_id == event.order_id:
        del order.changes[event.signal_id]
    else:
        answered(order, event.signal_id, event.order_id)
    settle(state, order)


def replaced(state: State, record: Recorded[OrderReplaced]) -> None:
    """Apply a replace; a venue takes replaces in the order of their approval."""
    event = record.event
    found = state.children.get(event.order_id)
    if found is None:
        return
    order = state.orders[found]
    order.leaves[event.order_id] = event.leaves
    order.limit_price, order.stop_price = event.limit_price, event.stop_price
    for signal_id, wanted in order.changes.items():
        if event.order_id in wanted.waiting:
            order.reference = wanted.reference
            answered(order, signal_id, event.order_id)
            break
    prices = [price for price in (event.limit_price, event.stop_price) if price is not None]
    order.price = max([order.reference, *prices])
    reprice(state, order)
