"""What a replace promises from its approval until every routed order has answered it."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import CancelMissed, OrderReplaced, ReplaceApproved
from deadreckon.services.portfolio import ledger
from deadreckon.services.risk.headroom import answered, closable, open_quantity, settle, stake_of
from deadreckon.services.risk.state import Change, Order, State


def grows(order: Order, wanted: ReplaceApproved) -> bool:
    """Whether more could be traded than is promised already, or at a higher price."""
    promised = max([total(order), *(asked.quantity for asked in order.changes.values())])
    pairs = (
        (wanted.quantity, promised),
        (wanted.limit_price, order.limit_price),
        (wanted.stop_price, order.stop_price),
    )
    return any(after is not None and after > (before or ZERO) for after, before in pairs)


def total(order: Order) -> Decimal:
    """The order's whole quantity: traded and open."""
    return EXACT.add(order.filled, open_quantity(order))


def changed(state: State, order: Order, wanted: ReplaceApproved) -> Change:
    """What the order would be once it is replaced, valued at the worst of mark, limit and stop."""
    mark = ledger.mark(state.ledger, order.instrument)
    reference = mark.price if mark else order.reference
    limit = wanted.limit_price or order.limit_price
    stop = wanted.stop_price or order.stop_price
    price = max([reference, *(price for price in (limit, stop) if price is not None)])
    quantity = wanted.quantity if wanted.quantity is not None else total(order)
    return Change(quantity, reference, price, list(order.leaves))


def approve(state: State, said: Recorded[ReplaceApproved]) -> None:
    """Reserve what a replace asks for beyond what the order has, until its outcome is known."""
    event = said.event
    order = state.orders.get(event.order_id)
    if order is None:
        return
    order.changes[event.signal_id] = changed(state, order, event)
    if order.cap is not None:
        stake = stake_of(state, order.strategy, order.instrument)
        order.cap = EXACT.add(closable(stake, order.side), order.share.quantity)
    settle(state, order)


def missed(state: State, said: Recorded[CancelMissed]) -> None:
    """A replace that found nothing to change needs no headroom, in a routed order or in all."""
    event = said.event
    parent_id = state.children.get(event.order_id, event.order_id)
    order = state.orders.get(parent_id)
    if order is None or event.signal_id not in order.changes:
        return
    if parent_id == event.order_id:
        del order.changes[event.signal_id]
    else:
        answered(order, event.signal_id, event.order_id)
    settle(state, order)


def replaced(state: State, said: Recorded[OrderReplaced]) -> None:
    """The order stands as replaced; a venue takes replaces in the order of their approval."""
    event = said.event
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
    settle(state, order)
