"""Membership of legs in brackets: how much they protect, and which leg's end closes the bracket."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import BracketArmed, OrderFilled
from deadreckon.services.fill.prices import opposite
from deadreckon.services.fill.reduction import reducible
from deadreckon.services.fill.state import (
    Bracket,
    Order,
    State,
    find,
    find_remembered,
    is_new,
    position_of,
    status_of,
    trade_of,
)


def armed(state: State, bracket: BracketArmed) -> None:
    """Add a new bracket; one that has grown changes nothing here."""
    if bracket.bracket_id in state.brackets:
        return
    legs = (bracket.stop_order_id, bracket.take_profit_order_id)
    state.brackets[bracket.bracket_id] = Bracket(bracket.entry_order_id, *legs, bracket.quantity)
    for leg, sibling in (legs, legs[::-1]):
        if leg is not None:
            state.legs[leg] = bracket.bracket_id
            order = find(state, leg)
            if order is not None:
                order.sibling = sibling or ""
    _guard(state, bracket.entry_order_id, guarded=True)
    protection = state.protections[bracket.entry_order_id]
    protection.bracket_id = bracket.bracket_id
    protection.generation += 1


def _guard(state: State, entry_order_id: str, *, guarded: bool) -> None:
    entry = find(state, entry_order_id)
    if entry is not None:
        entry.guarded = guarded


def filled(state: State, record: Recorded[OrderFilled]) -> None:
    """Apply a fill to its bracket: a leg's leaves less to protect, the entry's more; legs follow.

    They do so here and not when OrderReplaced is folded: of two fills in one market event the
    second one's consequences must know the first one's.
    """
    if not is_new(state, record):
        return
    fill = record.event
    own = state.brackets.get(state.legs.get(fill.order_id, ""))
    if is_at_real_venue(state, fill):
        if own is not None:
            own.quantity = max(ZERO, EXACT.subtract(own.quantity, fill.quantity))
        return
    if own is not None and fill.leaves:
        _resize(state, own, fill, fill.leaves)
    entered = live_bracket(state, fill.order_id)
    if entered is not None:
        growth = unprotected(state, fill, entered.quantity)
        if growth > 0:
            _resize(state, entered, fill, EXACT.add(entered.quantity, growth))


def is_at_real_venue(state: State, fill: OrderFilled) -> bool:
    """Tell whether a real venue worked the order: legs there never change their quantity."""
    order = find_remembered(state, fill.order_id)
    return order is not None and bool(order.edge)


def ends_sibling(state: State, fill: OrderFilled) -> bool:
    """Tell whether a fill of a leg ends its sibling.

    A real venue cannot resize a take-profit, so that the first fill of the stop ends it; a
    take-profit that fills in part leaves the stop in full, which reduces no more than there is.
    """
    order = find_remembered(state, fill.order_id)
    is_stop = order is not None and bool(order.edge) and order.purpose == "stop_loss"
    return is_stop or not fill.leaves


def _resize(state: State, bracket: Bracket, fill: OrderFilled, quantity: Decimal) -> None:
    bracket.quantity = quantity
    bracket.resized_by = trade_of(fill)
    for leg in legs_of(state, bracket):
        if leg.order_id != fill.order_id:
            leg.quantity = EXACT.add(leg.filled, quantity)


def live_bracket(state: State, entry_order_id: str) -> Bracket | None:
    """Return the bracket that protects what an entry has filled; None when it has none any more."""
    protection = state.protections.get(entry_order_id)
    bracket = None if protection is None else state.brackets.get(protection.bracket_id)
    if bracket is None or bracket.ended_by or not legs_of(state, bracket):
        return None
    return bracket


def covered(state: State, entry_order_id: str) -> Decimal:
    """Sum what all brackets of an entry at a real venue protect: each fill has its own."""
    found = ZERO
    for bracket in state.brackets.values():
        is_own = bracket.entry_order_id == entry_order_id and not bracket.ended_by
        if is_own and legs_of(state, bracket):
            found = EXACT.add(found, bracket.quantity)
    return found


def legs_of(state: State, bracket: Bracket) -> list[Order]:
    """Return the legs that still work."""
    names = (bracket.stop_order_id, bracket.take_profit_order_id)
    legs = [find(state, name) for name in names if name is not None]
    return [leg for leg in legs if leg is not None and not leg.doomed_by]


def unprotected(state: State, fill: OrderFilled, covered: Decimal = ZERO) -> Decimal:
    """Compute how much of an entry's fill to protect: never more than its strategy holds.

    An entry that only reduced a position has opened nothing.
    """
    position = position_of(state, fill.strategy, fill.instrument)
    return min(fill.quantity, EXACT.subtract(reducible(position, opposite(fill.side)), covered))


def leg_ended(state: State, order_id: str, rule: str = "") -> None:
    """Close a bracket with the first leg that ends, except a take-profit that someone cancelled.

    At a real venue whatever ends a take-profit, short of its own fill, leaves the stop in charge.
    """
    bracket = state.brackets.get(state.legs.get(order_id, ""))
    if bracket is None or bracket.ended_by:
        return
    stop = find(state, bracket.stop_order_id) if bracket.stop_order_id is not None else None
    is_target = order_id == bracket.take_profit_order_id
    is_given_up = rule == "requested" or (rule and order_id in state.finished)
    if is_target and is_given_up and stop is not None:
        bracket.take_profit_order_id = None
        del state.legs[order_id]
        return
    bracket.ended_by = order_id
    _guard(state, bracket.entry_order_id, guarded=False)


def closed(state: State, bracket_id: str) -> None:
    """Close a bracket; a leg that is left over stays what it is: a reduce-only order."""
    bracket = state.brackets.pop(bracket_id, None)
    if bracket is None:
        return
    for leg in (bracket.stop_order_id, bracket.take_profit_order_id):
        if leg is not None:
            state.legs.pop(leg, None)
    entry = bracket.entry_order_id
    if status_of(state, entry) == "routed":  # forgotten while its bracket lived on
        state.protections.pop(entry, None)
