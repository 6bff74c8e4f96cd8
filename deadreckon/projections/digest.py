"""Digests of tables: a sum over rows, so that order and batches do not matter."""

import hashlib
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from deadreckon.contracts.amounts import ROUNDING, SCALE_MAX, canonical, text
from deadreckon.projections.columns import TableRow

MODULUS = 1 << 256

# The largest amount a column can hold. Sums may exceed it; refusing them would stop the reader for
# good, so a larger amount is stored as this one. The log has every digit.
AMOUNT_MAX = Decimal("99999999999999999999.999999999999999999")
_FINEST = Decimal(1).scaleb(-SCALE_MAX)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_INTEGER, _FRACTION = b"0" * 21, b"." + b"0" * 19

_encode = msgspec.json.Encoder().encode
_values = msgspec.to_builtins
_sha256 = hashlib.sha256


class TableDigest(Struct, frozen=True):
    """Row count of a table and its digest: the sum of the rows' hashes modulo 2**256."""

    rows: int = 0
    digest: int = 0

    @property
    def text(self) -> str:
        """The digest as 64 hex characters."""
        return f"{self.digest:064x}"


def stored_row(row: TableRow) -> tuple[TableRow, list[Any], int]:
    """Prepare a row for storage: the row within bounds, its plain values in column order with
    amounts as canonical text, and its hash."""
    values: list[Any] = _values(row)
    encoded = _encode(values)
    if _may_be_beyond(encoded):
        row = _within_bounds(row)
        pairs = zip(astuple(row), _values(row), strict=True)
        values = [text(one) if type(one) is Decimal else plain for one, plain in pairs]
        encoded = _encode(values)
    return row, values, int.from_bytes(_sha256(encoded).digest(), "big")


def _may_be_beyond(encoded: bytes) -> bool:
    """Return True for a row with an amount beyond its column, or a name that looks like one. Two
    searches of C after a translation cost a fifth of one by a regular expression."""
    digits = encoded.translate(_DIGITS)
    return _INTEGER in digits or _FRACTION in digits or b"E-" in encoded


def _within_bounds(row: TableRow) -> TableRow:
    amounts = {
        name: as_stored(value)
        for name, value in zip(row.__struct_fields__, astuple(row), strict=True)
        if type(value) is Decimal
    }
    return replace(row, **amounts)


def as_stored(amount: Decimal) -> Decimal:
    """Round an amount as columns hold it: 18 decimals, half-even, at most AMOUNT_MAX."""
    if amount.copy_abs() >= AMOUNT_MAX:
        return AMOUNT_MAX.copy_sign(amount)
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -SCALE_MAX:
        return canonical(amount.quantize(_FINEST, ROUND_HALF_EVEN, ROUNDING))
    return amount


def row_hash(values: Sequence[Any]) -> int:
    """Compute the SHA-256 of a row's canonical JSON (an array without the sequence columns) as
    an integer."""
    return int.from_bytes(_sha256(_encode(values)).digest(), "big")
