"""Digests of tables: a sum over rows, so that order and batches do not matter."""

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from deadreckon.contracts.amounts import text
from deadreckon.projections.columns import Row

MODULUS = 1 << 256

_encode = msgspec.json.Encoder().encode
_values = msgspec.to_builtins
_sha256 = hashlib.sha256


class Standing(Struct, frozen=True):
    """How many rows a table has, and their digest: the sum of the rows' hashes modulo 2**256."""

    rows: int = 0
    digest: int = 0

    @property
    def text(self) -> str:
        """The digest as 64 hex characters."""
        return f"{self.digest:064x}"


def line_of(row: Row) -> tuple[list[Any], int]:
    """A row as plain values in column order, amounts as canonical text, and its hash."""
    values: list[Any] = _values(row)
    encoded = _encode(values)
    if b"E-" in encoded:  # an amount below 0.000001, or a name that looks like one
        values = [text(one) if type(one) is Decimal else plain for one, plain in _both(row, values)]
        encoded = _encode(values)
    return values, int.from_bytes(_sha256(encoded).digest(), "big")


def row_hash(values: Sequence[Any]) -> int:
    """SHA-256 of a row's canonical JSON (an array without its place), as an integer."""
    return int.from_bytes(_sha256(_encode(values)).digest(), "big")


def _both(row: Row, values: list[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(astuple(row), values, strict=True)
