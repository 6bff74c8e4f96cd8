"""Figures a row adds to what events say: rounded half-even to the 18 decimals a column holds."""

from decimal import ROUND_HALF_EVEN, Decimal

from deadreckon.contracts.amounts import EXACT, ROUNDING, SCALE_MAX, ZERO, canonical

_STEP = Decimal(1).scaleb(-SCALE_MAX)


def rounded(amount: Decimal) -> Decimal:
    """The amount rounded half-even to 18 decimals; canonical."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -SCALE_MAX:
        amount = amount.quantize(_STEP, ROUND_HALF_EVEN, ROUNDING)
    return canonical(amount)


def rounded_product(left: Decimal, right: Decimal) -> Decimal:
    """left x right, rounded half-even to 18 decimals; canonical."""
    return rounded(EXACT.multiply(left, right))


def rounded_quotient(left: Decimal, right: Decimal) -> Decimal:
    """left / right, rounded half-even to 18 decimals; canonical. 0 when `right` is 0."""
    return rounded(ROUNDING.divide(left, right)) if right else ZERO


def total(left: Decimal, right: Decimal) -> Decimal:
    """left + right, exact and canonical."""
    return canonical(EXACT.add(left, right))
