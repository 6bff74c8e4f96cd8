"""Amounts for people, rounded to be read; programs get exact values instead."""

from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING, decimals
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.rules import RULE_UNITS
from deadreckon.formatting.times import rounded_moment, rounded_span

NOTHING = "-"


def fixed(amount: Decimal, digits: int) -> str:
    """Format an amount with thousands separators and this many decimals, rounded half-even."""
    return f"{amount:,.{digits}f}"


def money(amount: Decimal | None) -> str:
    """Format money with two decimals, or six below one.

    >>> money(Decimal("-8039.7468")), money(Decimal("0.00012")), money(None)
    ('-8,039.75', '0.000120', '-')
    """
    if amount is None:
        return NOTHING
    return fixed(amount, 2 if abs(amount) >= 1 or not amount else 6)


def gain(amount: Decimal | None) -> str:
    """Format money with its sign.

    >>> gain(Decimal("12.5")), gain(Decimal("-3")), gain(Decimal(0))
    ('+12.50', '-3.00', '0.00')
    """
    return f"+{money(amount)}" if amount is not None and amount > 0 else money(amount)


def figure(amount: Decimal | None) -> str:
    """Format an amount of any size with at most eight decimals, without trailing zeros.

    >>> figure(Decimal("47211.0000")), figure(Decimal("0.00100")), figure(Decimal("1e-12"))
    ('47,211', '0.001', '0')
    """
    return NOTHING if amount is None else fixed(amount, 8).rstrip("0").rstrip(".")


def stepped(amount: Decimal | None, step: Decimal | None) -> str:
    """Format a price or quantity with as many decimals as its step, so that columns line up.

    >>> stepped(Decimal("61273.6"), Decimal("0.01")), stepped(Decimal(5), Decimal(10))
    ('61,273.60', '5')
    """
    if amount is None:
        return NOTHING
    return figure(amount) if step is None else fixed(amount, decimals(step))


def share(fraction: Decimal, digits: int = 2) -> str:
    """Format a fraction of one as a percentage.

    >>> share(Decimal("-0.080397"))
    '-8.04 %'
    """
    return f"{fixed(ROUNDING.multiply(fraction, Decimal(100)), digits)} %"


def rule_amount(rule: str, amount: Decimal | None) -> str:
    """Format a limit or measured value, rounded, in the unit of its rule.

    >>> rule_amount("order_gap_min", Decimal(60_000_000_000)), rule_amount("too_old", Decimal(5))
    ('1 min', '5 s')
    >>> rule_amount("daily_loss_max", Decimal("251.09931")), rule_amount("x", Decimal("0.00540592"))
    ('251.10', '0.005406')
    >>> rule_amount("confidence_min", Decimal("0.25")), rule_amount("liability_max", Decimal(0))
    ('0.25', '0')
    """
    if amount is None:
        return NOTHING
    match RULE_UNITS.get(rule):
        case "nanoseconds":
            return rounded_span(float(amount) / NANOSECONDS)
        case "timestamp":
            return rounded_moment(int(amount))
        case "seconds":
            return f"{figure(amount)} s"
    text = figure(amount) if amount == amount.to_integral_value() else money(amount)
    return text.rstrip("0") if 0 < abs(amount) < 1 else text
