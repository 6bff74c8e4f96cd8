"""Derived column values: figures rounded half-even to 18 decimals, and JSON documents."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

from deadreckon.contracts.amounts import EXACT, ROUNDING, SCALE_MAX, ZERO, canonical, text

_STEP = Decimal(1).scaleb(-SCALE_MAX)


def rounded(amount: Decimal) -> Decimal:
    """Round an amount half-even to 18 decimals; canonical."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -SCALE_MAX:
        amount = amount.quantize(_STEP, ROUND_HALF_EVEN, ROUNDING)
    return canonical(amount)


def rounded_product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply, rounded half-even to 18 decimals; canonical."""
    return rounded(EXACT.multiply(left, right))


def rounded_quotient(left: Decimal, right: Decimal) -> Decimal:
    """Divide, rounded half-even to 18 decimals; canonical. 0 when `right` is 0."""
    return rounded(ROUNDING.divide(left, right)) if right else ZERO


def total(left: Decimal, right: Decimal) -> Decimal:
    """Add, exact and canonical."""
    return canonical(EXACT.add(left, right))


def document(value: Any) -> str:
    """Encode lists and objects as JSON text: keys sorted, amounts as canonical text."""
    return _encode(_plain(value)).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


_encode = msgspec.json.Encoder(order="deterministic").encode
