"""Search for the first row in which two projections differ."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Protocol

from msgspec import Struct

from deadreckon.projections.columns import SEQUENCE_COLUMNS
from deadreckon.projections.digest import MODULUS, TableDigest, row_hash
from deadreckon.projections.table import Key, Table


class TableDifference(Struct, frozen=True):
    """The first table and key at which a projection differs from a fresh fold of the log.

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
    """A projection whose rows can be read; every sink is one."""

    name: str

    def digests(self) -> dict[str, TableDigest]:
        """Return row count and digest of every table, as stored."""
        ...

    def lines(self, table: Table) -> Iterator[list[Any]]:
        """Yield the values of every current row."""
        ...


def measure(lines: Iterable[Sequence[Any]]) -> TableDigest:
    """Compute row count and digest from the rows."""
    rows, digest = 0, 0
    for values in lines:
        rows += 1
        digest += row_hash(values)
    return TableDigest(rows, digest % MODULUS)


def compare(table: Table, stored: Readable, fresh: Readable) -> TableDifference | None:
    """Find the first difference in a table: between its rows and a fresh fold, or between its
    digest and its rows."""
    found = measure(stored.lines(table))
    if found != fresh.digests()[table.name]:
        return first_row(table, stored.name, table.name, stored.lines(table), fresh.lines(table))
    written = stored.digests()[table.name]
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
    """Find the first row that differs; both sides are in log order."""
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
    """Find the first change that differs; both sides hold every change in log order."""
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


def first_origin(
    table: Table, projection: str, stored: Iterable[Sequence[Any]], fresh: Iterable[Sequence[Any]]
) -> TableDifference | None:
    """Find the first row that names another place in the log, or time of storage; both sides are
    in log order, and their rows are known to agree otherwise."""
    for found, wanted in zip(stored, fresh, strict=True):
        for column, value, expected in zip(SEQUENCE_COLUMNS, found, wanted, strict=True):
            if value != expected:
                key, sides = (str(wanted[0]), str(wanted[1])), (str(value), str(expected))
                return TableDifference(
                    projection, table.name, key, column.name, *sides, "value differs"
                )
    return None


def key_of(table: Table, values: Sequence[Any]) -> Key:
    """Return the values of a row's identifying columns."""
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
