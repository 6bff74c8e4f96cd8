"""Digests of tables: a sum over rows, so that order and batches do not matter."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.projections.columns import Row

MODULUS = 1 << 256

_encode = msgspec.json.Encoder(decimal_format="string").encode
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


def values_of(row: Row) -> list[Any]:
    """A row as plain values in column order; amounts as canonical text."""
    values: list[Any] = _values(row)
    return values


def row_hash(values: Sequence[Any]) -> int:
    """SHA-256 of a row's canonical JSON (an array without its place), as an integer."""
    return int.from_bytes(_sha256(_encode(values)).digest(), "big")
