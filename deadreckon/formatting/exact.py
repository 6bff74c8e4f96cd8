"""Amounts for people, exact: thousands separators, no rounding."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, canonical
from deadreckon.contracts.rules import RULE_UNITS
from deadreckon.formatting.times import moment, span

HUNDRED = Decimal(100)


def number(amount: Decimal) -> str:
    """Format an amount with thousands separators, every digit.

    >>> number(Decimal("-8039.7468000")), number(Decimal("1E-7"))
    ('-8,039.7468', '0.0000001')
    """
    return f"{canonical(amount):,f}"


def percent(fraction: Decimal) -> str:
    """Format a fraction of one as a percentage, every digit.

    >>> percent(Decimal("0.0005"))
    '0.05 %'
    """
    return f"{number(EXACT.multiply(fraction, HUNDRED))} %"


def rule_amount(rule: str, amount: Decimal) -> str:
    """Format a limit or measured value in the unit of its rule.

    >>> rule_amount("order_gap_min", Decimal(60_000_000_000)), rule_amount("too_old", Decimal(5))
    ('1 min', '5 s')
    """
    match RULE_UNITS.get(rule):
        case "nanoseconds":
            return span(int(amount))
        case "timestamp":
            return moment(int(amount))
        case "seconds":
            return f"{number(amount)} s"
        case _:
            return number(amount)


def named_price(name: str, price: Decimal | None) -> str:
    """Format a named price or amount; empty when there is none."""
    return "" if price is None else f"{name} {number(price)}"
