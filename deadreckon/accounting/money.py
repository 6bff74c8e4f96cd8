"""An exact running total of one currency, as an integer that widens rather than rounds."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, SCALE_MAX, ZERO, decimals, to_units


class Money(Struct):
    """`units` of 10**-`scale`. The scale starts where amounts from outside end.

    Products can be finer (a mark of 8 decimals times a funding rate of 8); those widen the scale.
    """

    units: int = 0
    scale: int = SCALE_MAX


def add(money: Money, units: int, scale: int) -> None:
    """Add `units` of 10**-`scale`; negative ones take away."""
    if scale > money.scale:
        money.units *= 10 ** (scale - money.scale)
        money.scale = scale
    money.units += units * 10 ** (money.scale - scale)


def exact_units(amount: Decimal) -> tuple[int, int]:
    """(units, scale) of an amount as events carry it, no finer than it needs."""
    scale = decimals(amount)
    return to_units(amount, scale), scale


def worth(money: Money) -> Decimal:
    """The total as a Decimal, exact; not canonical (callers compute on)."""
    return Decimal(money.units).scaleb(-money.scale, EXACT) if money.units else ZERO
