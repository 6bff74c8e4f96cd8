"""Stop-losses and take-profits in flight: what they can close of a position.

They come from fill as intents, not through an approval. A stop-loss and its take-profit cancel each
other, so a bracket closes as much as the bigger of both, not their sum.
"""

from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import Purpose
from deadreckon.contracts.orders import OrderFilled, OrderReplaced, OrderSubmitting
from deadreckon.services.risk.headroom import drop_if_empty, exposure_of
from deadreckon.services.risk.state import Bracket, Leg, State, side_of

PROTECTIVE: tuple[Purpose, ...] = ("stop_loss", "take_profit")


def arm(state: State, record: Recorded[OrderSubmitting]) -> None:
    """Add a protective order; an intent with the same id replaces its quantity."""
    event = record.event
    if event.purpose not in PROTECTIVE:
        return
    bracket = state.brackets.get(event.parent_id)
    if bracket is None:
        bracket = Bracket(event.strategy, event.instrument, event.venue, event.side)
        state.brackets[event.parent_id] = bracket
    if event.order_id not in bracket.legs:
        bracket.legs.append(event.order_id)
    state.legs[event.order_id] = Leg(
        event.parent_id, event.venue, event.purpose, event.quantity, event.stop_price
    )
    _settle(state, bracket)


def fill(state: State, record: Recorded[OrderFilled]) -> None:
    """Reduce what is protected by what a protective order traded."""
    leg = state.legs.get(record.event.order_id)
    if leg is None or not ledger.is_new_fill(state.ledger, record):
        return
    leg.struck = True
    _leave(state, record.event.order_id, record.event.leaves)


def replaced(state: State, record: Recorded[OrderReplaced]) -> None:
    """Resize a leg with its entry or its position."""
    leg = state.legs.get(record.event.order_id)
    if leg is not None:
        leg.stop_price = record.event.stop_price
        _leave(state, record.event.order_id, record.event.leaves)


def end(state: State, record: Recorded[Event]) -> None:
    """Remove a protective order that was cancelled, rejected or expired."""
    order_id: str = record.event.order_id  # type: ignore[attr-defined]  # every end names its order
    if order_id in state.legs:
        _leave(state, order_id, ZERO)


def _leave(state: State, order_id: str, leaves: Decimal) -> None:
    leg = state.legs[order_id]
    leg.leaves = leaves
    bracket = state.brackets[leg.bracket]
    if not leaves:
        del state.legs[order_id]
        bracket.legs.remove(order_id)
    _settle(state, bracket)
    if not bracket.legs:
        del state.brackets[leg.bracket]


def _settle(state: State, bracket: Bracket) -> None:
    sums = dict.fromkeys(PROTECTIVE, ZERO)
    for leg in (state.legs[name] for name in bracket.legs):
        sums[leg.purpose] = EXACT.add(sums[leg.purpose], leg.leaves)
    quantity = max(sums.values())
    exposure = exposure_of(state, bracket.strategy, bracket.instrument)
    flight = side_of(exposure, bracket.side)
    flight.protection = EXACT.add(flight.protection, EXACT.subtract(quantity, bracket.counted))
    bracket.counted = quantity
    drop_if_empty(state, exposure)
