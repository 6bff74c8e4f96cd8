"""Exact amounts: canonical Decimal text, and integers of a scale for folds. Never a float."""

from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)

# Wide enough for any product of two amounts; anything it would have to round is a bug. Every
# signal is trapped: a context that traps only Inexact returns NaN for an impossible quantize.
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
ROUNDING = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Overflow])

ZERO = Decimal(0)
DIGITS_MAX = 15  # integer digits of any amount from outside
SCALE_MAX = 18  # decimals of any amount from outside; also the scale of cash ledgers


def canonical(amount: Decimal) -> Decimal:
    """Return the number without exponent, trailing zeros or negative zero.

    Raises ValueError for NaN, infinities and numbers that need more than 100 digits.

    >>> [str(canonical(Decimal(t))) for t in ("1E+3", "1.500", "-0.0")]
    ['1000', '1.5', '0']
    """
    record = str(amount)
    if is_canonical_text(record):
        return amount
    if "." in record and "E" not in record:  # a sum of ledgers: 1000.500000000000000000
        return Decimal(record.rstrip("0").rstrip(".")) if amount else ZERO
    return _canonical(amount)


def is_canonical_text(record: str) -> bool:
    """Return True when the `str` of an amount is its canonical text; False with an exponent.

    Most amounts are canonical already, and this check costs a third of `as_tuple`.
    """
    last = record[-1]
    if last == "0":
        if "." in record or record == "-0":
            return False
    elif last in "yN":  # Infinity, NaN
        return False
    return "E" not in record and "N" not in record


def _canonical(amount: Decimal) -> Decimal:
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{amount} is not a finite number")
    if not amount:
        return ZERO
    if exponent == 0 or (exponent < 0 and digits[-1]):
        return amount
    try:
        plain = EXACT.normalize(amount)
        whole = plain == plain.to_integral_value()
        return plain.quantize(Decimal(1), context=EXACT) if whole else plain
    except ArithmeticError as error:
        raise ValueError(f"{amount} needs more than {EXACT.prec} digits") from error


def text(amount: Decimal) -> str:
    """Format an amount as canonical text, without exponent; raises ValueError if not finite.

    >>> [text(Decimal(t)) for t in ("1E-7", "1E+3", "0.10")]
    ['0.0000001', '1000', '0.1']
    """
    record = str(amount)
    return record if is_canonical_text(record) else format(_canonical(amount), "f")


def decimals(amount: Decimal) -> int:
    """Return the number of decimals that an amount needs.

    >>> decimals(Decimal("0.0100")), decimals(Decimal("500"))
    (2, 0)
    """
    return len(text(amount).partition(".")[2])


def to_units(amount: Decimal, scale: int) -> int:
    """Convert an amount to an integer of 10**-scale; raises ValueError when it is not exact.

    >>> to_units(Decimal("1.25"), 2)
    125
    """
    units = amount.scaleb(scale, EXACT)
    whole = int(units)
    if whole != units:
        raise ValueError(f"{amount} has more than {scale} decimals")
    return whole


def from_units(units: int, scale: int) -> Decimal:
    """Convert an integer of 10**-scale to its canonical Decimal.

    >>> from_units(12500, 4)
    Decimal('1.25')
    """
    return canonical(Decimal(units).scaleb(-scale, EXACT))


def divide_half_even(numerator: int, denominator: int) -> int:
    """Divide integers and round half to even, for either sign.

    >>> [divide_half_even(n, 2) for n in (1, 3, -1, -3)]
    [0, 2, 0, -2]
    """
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return quotient


def ratio(numerator: Decimal, denominator: Decimal, scale: int = 9) -> Decimal:
    """Divide amounts, rounding half-even to `scale` decimals; the result is canonical."""
    step = Decimal(1).scaleb(-scale)
    return canonical(
        ROUNDING.divide(numerator, denominator).quantize(step, ROUND_HALF_EVEN, ROUNDING)
    )


def round_down(amount: Decimal, step: Decimal) -> Decimal:
    """Return the greatest multiple of `step` not above `amount` (both positive); canonical.

    >>> round_down(Decimal("1.2399"), Decimal("0.01"))
    Decimal('1.23')
    """
    steps = ROUNDING.divide(amount, step).quantize(Decimal(1), ROUND_DOWN, ROUNDING)
    return canonical(EXACT.multiply(steps, step))


def round_up(amount: Decimal, step: Decimal) -> Decimal:
    """Return the least multiple of `step` not below `amount` (both positive); canonical."""
    down = round_down(amount, step)
    return down if down == amount else canonical(EXACT.add(down, step))


def product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply two amounts exactly; the result is canonical."""
    return canonical(EXACT.multiply(left, right))


def is_sane(amount: Decimal) -> bool:
    """Return True when an amount from outside is finite, within DIGITS_MAX and SCALE_MAX."""
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        return False
    return -SCALE_MAX <= exponent <= DIGITS_MAX and len(digits) + exponent <= DIGITS_MAX
