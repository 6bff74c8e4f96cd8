"""Reader of the audit database: one SQLite file with the rows, the last sequence and digests."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deadreckon.projections.columns import Column, TableRow
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.sinks import audit_views
from deadreckon.projections.sinks.sink import (
    FORMAT,
    DamagedError,
    NewerFormatError,
    StateShapeError,
)
from deadreckon.projections.table import Key, Table, shape
from deadreckon.projections.tables import TABLES

APPLICATION = 0x44656164  # "Dead": identifies the file to `file` and to this program
_PROJECTION = """
CREATE TABLE _projection (
  "table" TEXT PRIMARY KEY, place INTEGER NOT NULL, rows INTEGER NOT NULL, digest TEXT NOT NULL,
  shape TEXT NOT NULL
) WITHOUT ROWID
"""
_TYPES = {"text": "TEXT", "integer": "INTEGER", "flag": "INTEGER", "amount": "TEXT"}


class AuditDatabase:
    """Read-only view of `audit.sqlite`. It never blocks the writer and the writer never blocks it.

    Raises NewerFormatError, StateShapeError or DamagedError for a file it cannot trust.
    """

    name = "audit"

    def __init__(self, path: Path, *, read_only: bool = True) -> None:
        self.path = path
        if not path.exists():
            raise DamagedError(f"{path} is missing: `dr rebuild` makes it from the log")
        mode = "ro" if read_only else "rw"
        self._file = path.resolve()
        self._database = sqlite3.connect(
            f"{self._file.as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=60,
        )
        with ExitStack() as failing:
            failing.callback(self._database.close)
            try:
                self._check()
            except sqlite3.DatabaseError as error:
                raise DamagedError(f"{path}: {error}; `dr rebuild` makes it anew") from error
            failing.pop_all()

    @property
    def sequence(self) -> int:
        """The last sequence whose events are stored; 0 for none."""
        found = self._database.execute("SELECT min(place) FROM _projection").fetchone()
        return int(found[0])

    def digests(self) -> dict[str, TableDigest]:
        """Return row count and digest of every table, as stored."""
        found = self._database.execute('SELECT "table", rows, digest FROM _projection')
        return {name: TableDigest(rows, int(digest, 16)) for name, rows, digest in found}

    def load(self, table: Table, key: Key) -> TableRow | None:
        """Load the current version of one row; None when there is none."""
        where = " AND ".join(f'"{name}" = ?' for name in table.identity)
        query = f"SELECT {names(table.columns)} FROM {table.name} WHERE {where}"
        found = self._database.execute(query, key).fetchone()
        return None if found is None else table.read(_typed(table, found))

    def unfinished(self, table: Table) -> Iterable[TableRow]:
        """Return the rows of an updating table that further events may still change."""
        query = f"SELECT {names(table.columns)} FROM {table.name}"
        ended: list[str] = []
        if table.updates and table.updates.column:
            ended = sorted(table.updates.ended)
            query += f' WHERE "{table.updates.column}" NOT IN ({", ".join("?" * len(ended))})'
        query += " ORDER BY sequence, event_index"
        found = self._database.execute(query, ended)
        return [table.read(_typed(table, values)) for values in found]

    def recent(self, table: Table, columns: Sequence[str], window: int) -> Iterable[Sequence[Any]]:
        """Return some columns of the latest rows of an appending table, in log order."""
        chosen = ", ".join(f'"{name}"' for name in columns)
        query = (
            f"SELECT {chosen} FROM {table.name} "
            f"WHERE at >= (SELECT max(at) FROM {table.name}) - ? ORDER BY sequence, event_index"
        )
        return self._database.execute(query, (window,)).fetchall()

    def lines(self, table: Table) -> Iterator[list[Any]]:
        """Yield the values of every row, without the sequence columns."""
        query = f"SELECT {names(table.columns)} FROM {table.name} ORDER BY sequence, event_index"
        for values in self._database.execute(query):
            yield _typed(table, values)

    def origins(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """Yield sequence, event index and time of storage of every row, in log order."""
        order = ", ".join(dict.fromkeys(("sequence", "event_index", *table.identity)))
        query = f"SELECT sequence, event_index, stored_at FROM {table.name} ORDER BY {order}"
        yield from self._database.execute(query)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a SQL query. For reports only: folds never query."""
        return self._database.execute(statement, values).fetchall()

    def examine(self) -> None:
        """Check every page, indexes included, and that the views are those of this program.

        Raises DamagedError with the first finding.
        """
        try:
            found = self._database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            record = " ".join(found.split())
            raise DamagedError(f"{self.path}: {record}; `dr rebuild` makes it anew")
        others = set(audit_views.statements().items()) ^ set(
            audit_views.stored(self._database).items()
        )
        if others:
            name = min(name for name, _ in others)
            raise DamagedError(
                f"{self.path}: the view {name} is not the one that this program makes; the stack's "
                "next start or `dr rebuild` makes it anew"
            )

    def close(self) -> None:
        """Close the file; idempotent."""
        self._database.close()

    def _check(self) -> None:
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise DamagedError(f"{self.path} is no audit book: move it away, then `dr rebuild`")
        if version > FORMAT:
            raise NewerFormatError(
                f"{self.path} has format {version}, this program knows up to {FORMAT}: "
                "use the newer program"
            )
        shapes = {row[0] for row in self._database.execute("SELECT shape FROM _projection")}
        if shapes != {shape(TABLES)}:
            raise StateShapeError(f"{self.path} has other columns: `dr rebuild` makes it anew")


def schema() -> list[str]:
    """Return the SQL statements that create an empty audit database."""
    statements = [
        f"PRAGMA application_id = {APPLICATION}",
        f"PRAGMA user_version = {FORMAT}",
        _PROJECTION,
    ]
    for table in TABLES:
        statements.append(_table(table))
        statements += [
            f"CREATE INDEX {table.name}_by_{'_'.join(index)} ON {table.name} ({', '.join(index)})"
            for index in table.indexes
        ]
        statements.append(
            f"INSERT INTO _projection VALUES ('{table.name}', 0, 0, "
            f"'{TableDigest().text}', '{shape(TABLES)}')"
        )
    return statements


def names(columns: Iterable[Column]) -> str:
    """Join column names for SQL."""
    return ", ".join(f'"{column.name}"' for column in columns)


def _table(table: Table) -> str:
    # Without rowid and keyed by sequence, an append only touches the right edge of one tree.
    key = ("sequence", "event_index") if table.updates is None else table.identity
    columns = [
        f'"{column.name}" {_TYPES[column.kind]}{"" if column.nullable else " NOT NULL"}'
        for column in table.stored
    ]
    columns.append(f"PRIMARY KEY ({', '.join(key)})")
    return f"CREATE TABLE {table.name} ({', '.join(columns)}) WITHOUT ROWID"


def _typed(table: Table, values: Sequence[Any]) -> list[Any]:
    """Convert SQLite's integers back to booleans where the column is a flag."""
    plain = list(values)
    for position in _FLAGS[table.name]:
        if plain[position] is not None:
            plain[position] = bool(plain[position])
    return plain


_FLAGS = {
    table.name: [n for n, column in enumerate(table.columns) if column.kind == "flag"]
    for table in TABLES
}
