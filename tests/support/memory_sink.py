"""A sink that is nothing but dictionaries: for stories of tables, without files."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from deadreckon.projections.columns import TableRow
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks.sink import Batch
from deadreckon.projections.table import Key, Table
from deadreckon.projections.tables import BY_NAME, TABLES
from tests.support.handmade_logs import FactLog, fold_log


class MemorySink:
    name = "memory"

    def __init__(self) -> None:
        self.sequence = 0
        self.kept: dict[str, dict[Any, list[Any]]] = {table.name: {} for table in TABLES}
        self.changes: dict[str, list[list[Any]]] = {table.name: [] for table in TABLES}
        self._digests = {table.name: TableDigest() for table in TABLES}
        self.loads = 0

    def digests(self) -> dict[str, TableDigest]:
        return self._digests

    def load(self, table: Table, key: Key) -> TableRow | None:
        self.loads += 1
        stored = self.kept[table.name].get(key)
        return table.read(stored[: len(table.columns)]) if stored else None

    def unfinished(self, table: Table) -> Iterable[TableRow]:
        rows = [table.read(line) for line in self.lines(table)]
        return [row for row in rows if not table.ended(row)]

    def recent(self, table: Table, columns: Sequence[str], window: int) -> Iterable[Sequence[Any]]:
        rows = self.rows(table.name)
        since = max((row["at"] for row in rows), default=0) - window
        return [[row[name] for name in columns] for row in rows if row["at"] >= since]

    def write(self, batch: Batch) -> None:
        assert batch.before == self.sequence
        for added in batch.tables:
            lines = [list(line) for line in added.lines]
            self.changes[added.table.name] += lines
            for line in lines:
                self.kept[added.table.name][_key(added.table, line)] = line
        self.sequence, self._digests = batch.sequence, dict(batch.digests)

    def lines(self, table: Table) -> Iterator[list[Any]]:
        for line in self.kept[table.name].values():
            yield line[: len(table.columns)]

    def close(self) -> None:
        pass

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table as they stand, by column name, place included."""
        names = [column.name for column in BY_NAME[name].stored]
        return [dict(zip(names, line, strict=True)) for line in self.kept[name].values()]


def _key(table: Table, line: Sequence[Any]) -> Key:
    names = [column.name for column in table.columns]
    return tuple(line[names.index(name)] for name in table.identity)


def rows(log: FactLog, table: str) -> list[dict[str, Any]]:
    """The rows of a table after a whole log."""
    sink = MemorySink()
    projector = Projector([sink])
    fold_log(projector, log)
    projector.flush()
    return sink.rows(table)


def row(log: FactLog, table: str) -> dict[str, Any]:
    """The only row of a table after a whole log."""
    (only,) = rows(log, table)
    return only
