"""Performance of closed trades against the minima in force; exact, without floats."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import isqrt

from msgspec import Struct

from deadreckon.contracts.amounts import ratio
from deadreckon.contracts.limits import LimitsSet

MEASURED_SCALE = 9  # decimals of a measured figure; the comparison itself is exact


class Shortfall(Struct, frozen=True):
    """Minimum that closed trades fall short of; `measured` is null where it is unbounded below."""

    rule: str
    limit: Decimal
    measured: Decimal | None


PerformanceCheck = Callable[[Sequence[Decimal], Decimal], tuple[bool, Decimal | None]]


def shortfall(limits: LimitsSet, results: Sequence[Decimal]) -> Shortfall | None:
    """Return the first minimum in force that these net profits (oldest first) fall short of."""
    for rule, measure in MEASURES.items():
        least: Decimal | None = getattr(limits, rule)
        if least is None or not results:
            continue
        falls_short, measured = measure(results, least)
        if falls_short:
            return Shortfall(rule, least, measured)
    return None


def profit_factor(results: Sequence[Decimal], least: Decimal) -> tuple[bool, Decimal | None]:
    """Divide wins by losses; without a loss it has no upper bound and never falls short.

    >>> profit_factor([Decimal(3), Decimal(-2)], Decimal("1.6"))
    (True, Decimal('1.5'))
    """
    won = sum((Fraction(result) for result in results if result > 0), Fraction())
    lost = -sum((Fraction(result) for result in results if result < 0), Fraction())
    if not lost:
        return False, None
    return won < Fraction(least) * lost, _shown(won / lost)


def win_rate(results: Sequence[Decimal], least: Decimal) -> tuple[bool, Decimal | None]:
    """Divide the number of profitable trades by all trades; a profit of 0 is not profitable.

    >>> win_rate([Decimal(3), Decimal(-2), Decimal(0)], Decimal("0.3"))
    (False, Decimal('0.333333333'))
    """
    won = Fraction(sum(result > 0 for result in results), len(results))
    return won < Fraction(least), _shown(won)


def sharpe(results: Sequence[Decimal], least: Decimal) -> tuple[bool, Decimal | None]:
    """Divide the mean profit by its sample standard deviation; needs at least two trades.

    No root is taken for the comparison: sharpe < least follows from the squares and the signs.
    Trades that all lost the same amount are unbounded below and fall short of every minimum.

    >>> sharpe([Decimal(3), Decimal(1)], Decimal("1.5"))
    (True, Decimal('1.414213562'))
    """
    count = len(results)
    if count < 2:
        return False, None
    amounts = [Fraction(result) for result in results]
    total = sum(amounts, Fraction())
    spread = count * sum((amount * amount for amount in amounts), Fraction()) - total * total
    if not spread:
        return (total < 0 or (not total and least > 0)), (None if total else Decimal(0))
    square = total * total * (count - 1) / (count * spread)
    wanted = Fraction(least) * Fraction(least)
    falls_short = _signed(square, total) < _signed(wanted, Fraction(least))
    return falls_short, _shown_root(square, negative=total < 0)


MEASURES: dict[str, PerformanceCheck] = {
    "profit_factor_min": profit_factor,
    "win_rate_min": win_rate,
    "sharpe_min": sharpe,
}


def _signed(square: Fraction, sign: Fraction) -> Fraction:
    return -square if sign < 0 else square


def _shown(figure: Fraction) -> Decimal:
    return ratio(Decimal(figure.numerator), Decimal(figure.denominator), MEASURED_SCALE)


def _shown_root(square: Fraction, *, negative: bool) -> Decimal:
    """Return the square root, truncated to MEASURED_SCALE decimals."""
    unit = 10**MEASURED_SCALE
    root = isqrt(square.numerator * unit * unit // square.denominator)
    return ratio(Decimal(-root if negative else root), Decimal(unit), MEASURED_SCALE)
