"""Finds the first row in which two projections differ, and says how."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Protocol

from msgspec import Struct

from deadreckon.projections.digest import MODULUS, TableDigest, row_hash
from deadreckon.projections.table import Key, Table


class TableDifference(Struct, frozen=True):
    """Where a projection is not what the log says: the first table and key that differ.

    `key` holds the values of the identifying columns, `column` is the first column that differs;
    empty when the difference is not in one row.
    """

    projection: str
    table: str
    key: tuple[str, ...]
    column: str
    stored: str
    expected: str
    note: str


class Readable(Protocol):
    """A projection whose rows can be read; what a sink promises of itself."""

    name: str

    def standings(self) -> dict[str, TableDigest]:
        """Rows and digest of every table, as stored."""
        ...

    def lines(self, table: Table) -> Iterator[list[Any]]:
        """The values of every row as it stands."""
        ...


def measure(lines: Iterable[Sequence[Any]]) -> TableDigest:
    """Rows and digest computed anew."""
    rows, digest = 0, 0
    for values in lines:
        rows += 1
        digest += row_hash(values)
    return TableDigest(rows, digest % MODULUS)


def compare(table: Table, stored: Readable, fresh: Readable) -> TableDifference | None:
    """The first difference in a table: of its rows from a fresh fold, or of its digest from its
    rows."""
    found = measure(stored.lines(table))
    if found != fresh.standings()[table.name]:
        return first_row(table, stored.name, table.name, stored.lines(table), fresh.lines(table))
    written = stored.standings()[table.name]
    if found != written:
        return TableDifference(
            stored.name, table.name, (), "digest", written.text, found.text, "digest altered"
        )
    return None


def first_row(
    table: Table,
    projection: str,
    name: str,
    stored: Iterable[list[Any]],
    fresh: Iterable[list[Any]],
) -> TableDifference:
    """The first row that differs, in log order; both sides in log order."""
    expected = {key_of(table, values): values for values in fresh}
    for values in stored:
        key = key_of(table, values)
        wanted = expected.pop(key, None)
        if wanted is None:
            return TableDifference(projection, name, key, "", "a row", "none", "row not in the log")
        if wanted != values:
            return _differing(table, projection, name, key, values, wanted)
    key = next(iter(expected), ())
    return TableDifference(projection, name, key, "", "none", "a row", "row missing")


def first_change(
    table: Table, projection: str, stored: Iterable[list[Any]], fresh: Iterable[list[Any]]
) -> TableDifference | None:
    """The first change row that differs; both sides hold every change in log order."""
    name = f"{table.name}_changes"
    for values, wanted in zip_longest(stored, fresh):
        if values == wanted:
            continue
        if values is None or wanted is None:
            key = key_of(table, values or wanted)
            sides = ("none", "a row") if values is None else ("a row", "none")
            return TableDifference(projection, name, key, "", *sides, "rows end early")
        return _differing(table, projection, name, key_of(table, values), values, wanted)
    return None


def key_of(table: Table, values: Sequence[Any]) -> Key:
    """The identifying columns of a row."""
    names = [column.name for column in table.columns]
    return tuple(str(values[names.index(name)]) for name in table.identity)


def _differing(
    table: Table, projection: str, name: str, key: Key, stored: list[Any], wanted: list[Any]
) -> TableDifference:
    for column, found, expected in zip(table.columns, stored, wanted, strict=True):
        if found != expected:
            return TableDifference(
                projection, name, key, column.name, str(found), str(expected), "value differs"
            )
    raise AssertionError(f"{name} {key}: rows differ in no column")
