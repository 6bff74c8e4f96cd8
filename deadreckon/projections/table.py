"""One table of the projections: the shape of its rows, and the pure fold that fills them."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.event import Event, Recorded
from deadreckon.projections.columns import SEQUENCE_COLUMNS, Column, TableRow, columns_of

Key = tuple[str, ...]  # values of the columns that identify a row


class Updates(Struct, frozen=True):
    """How the rows of a table that changes are found again.

    `keys` are the rows an event concerns, `begins` the events that make a row nobody has seen
    before. A row is kept in memory until `column` holds one of `ended`; null: for ever.
    """

    columns: tuple[str, ...]
    keys: Callable[[Recorded[Any]], Sequence[Key]]
    begins: tuple[type[Event], ...]
    column: str | None = None
    ended: frozenset[str] = frozenset()


class Table(Struct, frozen=True):
    """A table: every event of `reads` appends a row, or changes those that `updates` names.

    `repeats` says that a fill told twice is shown twice. `indexes` are the columns by which
    readers look rows up.
    """

    name: str
    note: str
    row: type[TableRow]
    reads: tuple[type[Event], ...]
    initial: Callable[[], TableRow]
    evolve: Callable[[TableRow, Recorded[Any]], TableRow]
    indexes: tuple[tuple[str, ...], ...] = ()
    updates: Updates | None = None
    repeats: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of a row without its place."""
        return columns_of(self.row)

    @property
    def stored(self) -> tuple[Column, ...]:
        """All columns as stored: the row's and those of its place."""
        return self.columns + SEQUENCE_COLUMNS

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that identify a row."""
        return self.updates.columns if self.updates else ("event_id",)

    def ended(self, row: TableRow) -> bool:
        """Whether nothing more is expected to happen to a row."""
        updates = self.updates
        if updates is None or updates.column is None:
            return False
        return getattr(row, updates.column) in updates.ended

    def read(self, values: Sequence[Any]) -> TableRow:
        """The row of its stored values (amounts as text), place left out."""
        return msgspec.convert(list(values), type=self.row, strict=True)


def shape(tables: Sequence[Table]) -> str:
    """A hash of every table's columns: rows written under another shape cannot be continued."""
    shapes = [
        [table.name, table.identity, [[c.name, c.kind, c.nullable] for c in table.stored]]
        for table in tables
    ]
    return hashlib.sha256(msgspec.json.encode(shapes)).hexdigest()[:16]
