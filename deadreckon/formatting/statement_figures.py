"""Figures of a statement: rounded, with a sign that needs no colour.

The statement shows the exact value next to each. Nothing here depends on a locale or a float.
"""

import re
from decimal import Decimal

from deadreckon.contracts.amounts import ROUNDING, canonical

# Control characters, zero widths, bidirectional overrides, line separators, lone surrogates;
# spelled out, because character tables differ between versions of Python.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
HALF_A_CENT = Decimal("0.005")  # smaller amounts would round to zero
MINUS = "\N{MINUS SIGN}"


def written(value: str, kind: str) -> str:
    """Format a cell by the kind of its column; text stays as it is.

    >>> [written("-807.1173643", kind) for kind in ("gain", "money", "quantity", "text")]
    ['−807.12', '−807.12', '−807.1173643', '-807.1173643']
    >>> written("767", "count"), written("0.0001", "gain"), written("-1.5", "bps")
    ('767', '+0.000100', '−1.50')
    """
    if not value or kind in ("text", "id", "more"):
        return value
    if kind == "time":
        return value[:19].replace("T", " ").removesuffix("Z")
    amount = canonical(Decimal(value))
    if kind == "share":
        return f"{rounded(amount.scaleb(2, ROUNDING), 2)} %"
    digits = 0 if kind == "count" else 2
    if kind in ("gain", "cost", "money") and amount and abs(amount) < HALF_A_CENT:
        digits = 6
    told = plain(amount) if kind in ("price", "quantity") else rounded(amount, digits)
    return f"+{told}" if kind in ("gain", "cost") and amount > 0 else told


def rounded(amount: Decimal, digits: int) -> str:
    """Format an amount with thousands separators, rounded half-even."""
    told = amount.quantize(Decimal(1).scaleb(-digits), context=ROUNDING)
    return f"{told:,f}".replace("-", MINUS) if told else f"{abs(told):f}"


def plain(amount: Decimal) -> str:
    """Format an amount with thousands separators, every digit."""
    return f"{amount:,f}".replace("-", MINUS)


def clean(text: str) -> str:
    """Put a text from outside on one line, without characters that would move or reverse its
    surroundings."""
    return UNSEEN.sub(" ", text)
