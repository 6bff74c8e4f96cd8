"""What reduce-only means: how much of a position an order may close, and when none is left."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.fields import Side

SIDES: tuple[Side, ...] = ("buy", "sell")


def signed(side: Side, quantity: Decimal) -> Decimal:
    """A quantity as a change of position: positive buys."""
    return quantity if side == "buy" else EXACT.minus(quantity)


def reducible(position: Decimal, side: Side) -> Decimal:
    """How much of a signed position an order of this side can close; 0 when it would add."""
    return max(ZERO, position if side == "sell" else EXACT.minus(position))


def closed_sides(before: Decimal, after: Decimal) -> list[Side]:
    """The sides that had something to close before a fill, and have nothing after it."""
    return [side for side in SIDES if reducible(before, side) and not reducible(after, side)]
