"""Arithmetic of reduce-only orders: how much of a position they may close."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.fields import Side

SIDES: tuple[Side, ...] = ("buy", "sell")


def signed(side: Side, quantity: Decimal) -> Decimal:
    """Sign a quantity as a change of position: positive buys."""
    return quantity if side == "buy" else EXACT.minus(quantity)


def reducible(position: Decimal, side: Side) -> Decimal:
    """Compute how much of a signed position an order of this side can close; 0 if it adds."""
    return max(ZERO, position if side == "sell" else EXACT.minus(position))


def closed_sides(before: Decimal, after: Decimal) -> list[Side]:
    """List the sides that had something to close before a fill and have nothing after it."""
    return [side for side in SIDES if reducible(before, side) and not reducible(after, side)]
