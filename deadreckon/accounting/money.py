"""Exact running total of one currency: an integer whose scale widens, so it never rounds."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, SCALE_MAX, ZERO, decimals, to_units


class Money(Struct):
    """Running total of `units` of 10**-`scale`, which starts at the finest scale of inputs.

    Products can be finer (a mark of 8 decimals times a funding rate of 8); those widen the scale.
    """

    units: int = 0
    scale: int = SCALE_MAX


def add(money: Money, units: int, scale: int) -> None:
    """Add `units` of 10**-`scale`, which may be negative, in place."""
    if scale > money.scale:
        money.units *= 10 ** (scale - money.scale)
        money.scale = scale
    money.units += units * 10 ** (money.scale - scale)


def exact_units(amount: Decimal) -> tuple[int, int]:
    """Return (units, scale) of an amount at the coarsest exact scale."""
    scale = decimals(amount)
    return to_units(amount, scale), scale


def worth(money: Money) -> Decimal:
    """Return the exact total as a Decimal; not canonical, because callers compute further."""
    return Decimal(money.units).scaleb(-money.scale, EXACT) if money.units else ZERO
