"""Writes the audit book: rows, place and digests in one transaction."""

import sqlite3
from pathlib import Path

from deadreckon.projections.audit import AuditBook, names, schema
from deadreckon.projections.sink import Batch, SupersededError, TableBatch
from deadreckon.projections.table import Table
from deadreckon.projections.tables import TABLES
from deadreckon.projections.writing import alone, replace_link

_INSERT = {
    table.name: f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.stored))})"
    for table in TABLES
}


class SqliteSink(AuditBook):
    """Keeps the tables in `path`, a link to the current generation in a folder beside it.

    The link is what a rebuild swaps: SQLite finds the journal of a file by the file's real name,
    so those who read the old generation keep it whole, with its own journal.
    """

    def __init__(self, path: Path) -> None:
        with alone(_lock(path)):
            if not path.exists():
                _install(path, _create(generations(path) / "new.sqlite"))
        super().__init__(path, read_only=False)
        self._database.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes, the log has
        self._database.execute("PRAGMA cache_size = -32768")

    def write(self, batch: Batch) -> None:
        """Make a batch visible in one transaction. Raises SupersededError when another writer or
        a rebuild came between."""
        with alone(_lock(self.path)):
            if self.path.resolve() != self._file or not self._file.exists():
                raise SupersededError(f"{self.path} was replaced: open it anew")
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:  # commits at its end, rolls back when anything fails
                self._write(batch)

    def close(self) -> None:
        """Fold the journal into the file, so that a copy of the file alone is whole, and close."""
        try:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.ProgrammingError:
            return  # closed before
        super().close()

    def _write(self, batch: Batch) -> None:
        self._move(batch)  # first: it tells whether this batch is still the next one
        for table in batch.tables:
            self._store(table)

    def _move(self, batch: Batch) -> None:
        standings = [
            (batch.place, standing.rows, standing.text, name, batch.before)
            for name, standing in batch.standings.items()
        ]
        moved = self._database.executemany(
            'UPDATE _projection SET place = ?, rows = ?, digest = ? WHERE "table" = ? '
            "AND place = ?",
            standings,
        )
        if moved.rowcount != len(standings):
            raise SupersededError(
                f"{self.path}: another writer has moved it beyond sequence {batch.before}"
            )

    def _store(self, batch: TableBatch) -> None:
        table = batch.table
        if batch.last is None:
            self._database.executemany(_INSERT[table.name], batch.lines)
        else:
            lines = [batch.lines[line] for line in batch.last]
            self._database.executemany(_upsert(table), lines)


def generations(path: Path) -> Path:
    """The folder that holds the generations of an audit book."""
    return path.with_suffix("")


def adopt(path: Path, built: Path) -> None:
    """Make a closed audit book that was built at `built` the one at `path`, at once for whoever
    opens it from now on."""
    with alone(_lock(path)):
        _install(path, built.resolve())


def _install(path: Path, built: Path) -> None:
    """Make a closed, complete file the current generation.

    Generations before it are deleted: whoever has one open keeps reading it.
    """
    folder = generations(path)
    known = [int(file.stem.rpartition("-")[2]) for file in folder.glob("generation-*.sqlite")]
    current = folder / f"generation-{max(known, default=0) + 1}.sqlite"
    built.rename(current)
    replace_link(path, current)
    for number in known:
        for suffix in ("", "-wal", "-shm"):
            (folder / f"generation-{number}.sqlite{suffix}").unlink(missing_ok=True)


def _lock(path: Path) -> Path:
    return generations(path) / "writer.lock"


def _create(file: Path) -> Path:
    """A new, empty, closed audit book at `file`."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA page_size = 8192")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN")
    for statement in schema():
        database.execute(statement)
    for table in TABLES:
        if table.updates:  # listed latest first; the others are stored in that order
            database.execute(f"CREATE INDEX {table.name}_latest ON {table.name} (sequence)")
    database.execute("COMMIT")
    database.close()
    return file


def _upsert(table: Table) -> str:
    identity = table.identity
    changing = [column.name for column in table.stored if column.name not in identity]
    assignments = ", ".join(f'"{name}" = excluded."{name}"' for name in changing)
    return (
        f"INSERT INTO {table.name} ({names(table.stored)}) "
        f"VALUES ({', '.join('?' * len(table.stored))}) "
        f"ON CONFLICT ({', '.join(identity)}) DO UPDATE SET {assignments}"
    )
