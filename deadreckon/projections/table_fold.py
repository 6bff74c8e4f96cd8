"""In-memory folds of one table: its open rows, and the rows since the last flush."""

from collections.abc import Callable, Iterable
from typing import Any

from deadreckon.contracts.event import Recorded
from deadreckon.projections.columns import TableRow
from deadreckon.projections.digest import MODULUS, TableDigest, stored_row
from deadreckon.projections.sinks.sink import TableBatch
from deadreckon.projections.table import Key, Table, Updates


class AppendingFold:
    """Fold of a table to which every event it reads appends one row."""

    def __init__(self, table: Table, digest: TableDigest) -> None:
        self.table = table
        self.digest = digest
        # Tuples of plain values cost the garbage collector nothing.
        self.lines: list[tuple[Any, ...]] = []
        self._added = 0
        self._blank = table.initial()
        self._evolve = table.evolve

    def fold(self, record: Recorded[Any], stored_at: int | None) -> None:
        """Append the row of an event."""
        _, values, digest = stored_row(self._evolve(self._blank, record))
        self._added += digest
        self.lines.append((*values, record.sequence, record.index, stored_at))

    def take(self) -> TableBatch | None:
        """Return the rows since the last call; None when there are none."""
        if not self.lines:
            return None
        batch = TableBatch(self.table, self.lines, self._added % MODULUS, None)
        digest = (self.digest.digest + self._added) % MODULUS
        self.digest = TableDigest(self.digest.rows + len(self.lines), digest)
        self.lines, self._added = [], 0
        return batch


class UpdatingFold:
    """Fold of a table whose rows change: open rows stay in memory, finished ones are dropped at
    a flush."""

    def __init__(
        self,
        table: Table,
        updates: Updates,
        digest: TableDigest,
        unfinished: Iterable[TableRow],
        load: Callable[[Table, Key], TableRow | None],
    ) -> None:
        self.table = table
        self.digest = digest
        # Tuples of plain values cost the garbage collector nothing.
        self.lines: list[tuple[Any, ...]] = []
        self._updates = updates
        self._load = load
        self._rows: dict[Key, TableRow] = {}
        self._settled: dict[Key, int] = {}  # hash of the version included in the digest
        # Since the last flush: index of the line, and its hash.
        self._last: dict[Key, tuple[int, int]] = {}
        self._changed = 0
        for row in unfinished:
            self._remember(self._key(row), row)

    def fold(self, record: Recorded[Any], stored_at: int | None) -> None:
        """Update the rows that an event concerns."""
        for key in self._updates.keys(record):
            row = self._rows.get(key)
            if row is None:
                row = self._find(key, record)
            after = self.table.evolve(row, record)
            if after is not row:
                self._change(key, after, record, stored_at)

    def take(self) -> TableBatch | None:
        """Return the rows since the last call; None when there are none."""
        if not self.lines:
            return None
        last = [line for line, _ in self._last.values()]
        batch = TableBatch(self.table, self.lines, self._changed % MODULUS, last)
        self._settle()
        self.lines, self._last, self._changed = [], {}, 0
        return batch

    def _change(
        self, key: Key, row: TableRow, record: Recorded[Any], stored_at: int | None
    ) -> None:
        self._rows[key], values, digest = stored_row(row)
        self._last[key] = (len(self.lines), digest)
        self._changed += digest
        self.lines.append((*values, record.sequence, record.index, stored_at))

    def _find(self, key: Key, record: Recorded[Any]) -> TableRow:
        """Return a row that is not in memory: a new one if the event may begin one, else the
        stored one."""
        stored = None if type(record.event) in self._updates.begins else self._load(self.table, key)
        if stored is None:
            return self.table.initial()
        self._remember(key, stored)
        return stored

    def _settle(self) -> None:
        rows, digest = self.digest.rows, self.digest.digest
        for key, (_, after) in self._last.items():
            before = self._settled.get(key)
            rows += before is None
            digest += after - (before or 0)
            if self.table.ended(self._rows[key]):
                self._settled.pop(key, None)
                del self._rows[key]
            else:
                self._settled[key] = after
        self.digest = TableDigest(rows, digest % MODULUS)

    def _remember(self, key: Key, row: TableRow) -> None:
        self._rows[key] = row
        self._settled[key] = stored_row(row)[2]

    def _key(self, row: TableRow) -> Key:
        return tuple(getattr(row, name) for name in self._updates.columns)
