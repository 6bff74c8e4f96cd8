"""Definition of one table: the shape of its rows, and the pure fold that fills them."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.event import Event, Recorded
from deadreckon.projections.columns import SEQUENCE_COLUMNS, Column, TableRow, columns_of

Key = tuple[str, ...]  # values of the columns that identify a row


class Updates(Struct, frozen=True):
    """How an updating table finds the row that an event changes.

    `keys` returns the rows an event concerns, `begins` are the events that create a row. A row
    stays in memory until `column` holds one of `ended`; None: for ever.
    """

    columns: tuple[str, ...]
    keys: Callable[[Recorded[Any]], Sequence[Key]]
    begins: tuple[type[Event], ...]
    column: str | None = None
    ended: frozenset[str] = frozenset()


class Table(Struct, frozen=True):
    """A table: every event of `reads` appends a row, or changes those that `updates` names.

    With `repeats` a repeated fill gets a second row. `indexes` are the columns by which readers
    look rows up.
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
        """Columns of a row without the sequence columns."""
        return columns_of(self.row)

    @property
    def stored(self) -> tuple[Column, ...]:
        """All stored columns: the row's and the sequence columns."""
        return self.columns + SEQUENCE_COLUMNS

    @property
    def identity(self) -> tuple[str, ...]:
        """Names of the columns that identify a row."""
        return self.updates.columns if self.updates else ("event_id",)

    def ended(self, row: TableRow) -> bool:
        """Return True when no further event is expected to change the row."""
        updates = self.updates
        if updates is None or updates.column is None:
            return False
        return getattr(row, updates.column) in updates.ended

    def read(self, values: Sequence[Any]) -> TableRow:
        """Decode a row from its stored values (amounts as text), without the sequence columns."""
        return msgspec.convert(list(values), type=self.row, strict=True)


def shape(tables: Sequence[Table]) -> str:
    """Hash the columns of every table: rows written under another shape cannot be continued."""
    shapes = [
        [table.name, table.identity, [[c.name, c.kind, c.nullable] for c in table.stored]]
        for table in tables
    ]
    return hashlib.sha256(msgspec.json.encode(shapes)).hexdigest()[:16]
