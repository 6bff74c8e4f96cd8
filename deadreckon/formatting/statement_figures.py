"""Figures of a statement: rounded, with a sign that needs no colour.

The statement shows the exact value next to each. Nothing here depends on a locale or a float.
"""

from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING, canonical
from deadreckon.formatting.exact import number
from deadreckon.formatting.rounded import fixed
from deadreckon.formatting.text import visible_text
from deadreckon.formatting.times import rounded_moment

HALF_A_CENT = Decimal("0.005")  # smaller amounts would round to zero
MINUS = "\N{MINUS SIGN}"


def format_cell(value: str, kind: str) -> str:
    """Format a cell by the kind of its column; text stays as it is.

    >>> [format_cell("-807.1173643", kind) for kind in ("gain", "money", "quantity", "text")]
    ['−807.12', '−807.12', '−807.1173643', '-807.1173643']
    >>> format_cell("767", "count"), format_cell("0.0001", "gain"), format_cell("-1.5", "bps")
    ('767', '+0.000100', '−1.50')
    """
    if not value or kind in ("text", "id", "more"):
        return value
    if kind == "time":
        return rounded_moment(value)
    amount = canonical(Decimal(value))
    if kind == "share":
        return f"{rounded(amount.scaleb(2, ROUNDING), 2)} %"
    digits = 0 if kind == "count" else 2
    if kind in ("gain", "cost", "money") and amount and abs(amount) < HALF_A_CENT:
        digits = 6
    shown = exact(amount) if kind in ("price", "quantity") else rounded(amount, digits)
    return f"+{shown}" if kind in ("gain", "cost") and amount > 0 else shown


def rounded(amount: Decimal, digits: int) -> str:
    """Format an amount with thousands separators, rounded half-even; zero has no sign."""
    text = fixed(amount, digits)
    return text.replace("-", MINUS) if text.strip("-0.") else text.removeprefix("-")


def exact(amount: Decimal) -> str:
    """Format an amount with thousands separators, every digit."""
    return number(amount).replace("-", MINUS)


def one_line(text: str) -> str:
    """Put a text from outside on one line, with spaces for characters that are not visible."""
    return visible_text(text, " ")
