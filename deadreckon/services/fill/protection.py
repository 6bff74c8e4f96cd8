"""Brackets: reduce-only legs that protect what an entry has filled, and cancel each other."""

from decimal import Decimal

from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, carried
from deadreckon.contracts.fields import Purpose
from deadreckon.contracts.orders import (
    BracketArmed,
    BracketClosed,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderSubmitting,
)
from deadreckon.services.fill.brackets import (
    covered,
    is_at_real_venue,
    legs_of,
    live_bracket,
    unprotected,
)
from deadreckon.services.fill.prices import opposite
from deadreckon.services.fill.reduction import reducible
from deadreckon.services.fill.state import (
    Order,
    Protection,
    State,
    leaves_of,
    position_of,
    trade_of,
)


def protect(state: State, fill: OrderFilled) -> list[Event]:
    """Arm an entry's bracket with what has just filled, or let it grow by that much.

    At a real venue nothing grows: each fill gets a bracket of its own.
    """
    protection = state.protections.get(fill.order_id)
    if protection is None:
        return []
    if is_at_real_venue(state, fill):
        quantity = unprotected(state, fill, covered(state, fill.order_id))
        return _arm(protection, quantity) if quantity > 0 else []
    bracket = live_bracket(state, fill.order_id)
    if bracket is None:
        quantity = unprotected(state, fill)
        return _arm(protection, quantity) if quantity > 0 else []
    if bracket.resized_by != trade_of(fill):
        return []
    return [
        *(_resized(leg) for leg in legs_of(state, bracket)),
        BracketArmed(
            bracket_id=protection.bracket_id,
            entry_order_id=protection.entry_order_id,
            strategy=protection.strategy,
            instrument=protection.instrument,
            stop_order_id=bracket.stop_order_id,
            take_profit_order_id=bracket.take_profit_order_id,
            quantity=bracket.quantity,
        ),
    ]


def _arm(protection: Protection, quantity: Decimal) -> list[Event]:
    stop = _leg(protection, "stop_loss", protection.stop_loss, quantity)
    take_profit = _leg(protection, "take_profit", protection.take_profit, quantity)
    armed = BracketArmed(
        bracket_id=derive_id(protection.entry_order_id, "bracket", protection.generation),
        entry_order_id=protection.entry_order_id,
        strategy=protection.strategy,
        instrument=protection.instrument,
        stop_order_id=None if stop is None else stop.order_id,
        take_profit_order_id=None if take_profit is None else take_profit.order_id,
        quantity=quantity,
    )
    return [*(leg for leg in (stop, take_profit) if leg is not None), armed]


def _leg(
    protection: Protection, purpose: Purpose, price: Decimal | None, quantity: Decimal
) -> OrderSubmitting | None:
    if price is None:
        return None
    order_id = derive_id(protection.entry_order_id, purpose, protection.generation)
    is_stop = purpose == "stop_loss"
    return carried(
        OrderSubmitting,
        protection,
        order_id=order_id,
        parent_id=protection.entry_order_id,
        client_order_id=derive_id(order_id, "client", 0),
        side=opposite(protection.side),
        quantity=quantity,
        order_type="stop" if is_stop else "limit",
        limit_price=None if is_stop else price,
        stop_price=price if is_stop else None,
        time_in_force="gtc",
        post_only=False,
        reduce_only=True,
        purpose=purpose,
    )


def shrink(state: State, fill: OrderFilled) -> list[Event]:
    """Shrink the sibling of a leg that filled in part."""
    bracket = state.brackets.get(state.legs.get(fill.order_id, ""))
    if bracket is None or bracket.resized_by != trade_of(fill):
        return []
    return [_resized(leg) for leg in legs_of(state, bracket) if leg.order_id != fill.order_id]


def _resized(leg: Order) -> OrderReplaced:
    return OrderReplaced(
        order_id=leg.order_id,
        quantity=leg.quantity,
        leaves=leaves_of(leg),
        limit_price=leg.limit_price,
        stop_price=leg.stop_price,
    )


def close(state: State, event: OrderFilled | OrderCancelled | OrderRejected) -> list[Event]:
    """Publish how a bracket ended, once, at the leg whose end has closed it."""
    bracket_id = state.legs.get(event.order_id, "")
    bracket = state.brackets.get(bracket_id)
    if bracket is None or bracket.ended_by != event.order_id:
        return []
    is_stop = event.order_id == bracket.stop_order_id
    own = "stop_loss" if is_stop else "take_profit"
    outcome = _outcome(event, own)
    if outcome == "unprotected" and _is_flat(state, event.order_id):
        outcome = "position_closed"
    return [BracketClosed(bracket_id, bracket.entry_order_id, outcome)]


def _is_flat(state: State, order_id: str) -> bool:
    """Tell whether a leg that its venue ended or refused had nothing left to protect."""
    leg = state.finished.get(order_id)
    if leg is None:
        return False
    return not reducible(position_of(state, leg.strategy, leg.instrument), leg.side)


def _outcome(event: OrderFilled | OrderCancelled | OrderRejected, own: str) -> str:
    match event:
        case OrderFilled() | OrderCancelled(rule="reduce_only_exceeded"):
            return own
        case OrderCancelled(rule="position_closed"):
            return "position_closed"
        case OrderRejected(rule="reduce_only_without_position"):
            return "position_closed"
    return "unprotected"
