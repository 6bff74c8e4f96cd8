"""Writer of the audit database: rows, sequence and digests in one transaction."""

import sqlite3
from functools import cache
from itertools import chain
from pathlib import Path

from deadreckon.projections.sinks import audit_views
from deadreckon.projections.sinks.atomic_files import replace_link
from deadreckon.projections.sinks.audit_database import AuditDatabase, schema
from deadreckon.projections.sinks.sink import Batch, SupersededError, TableBatch
from deadreckon.projections.tables import BY_NAME, TABLES
from deadreckon.runtime.process import durable, killpoints
from deadreckon.runtime.process.file_lock import file_lock

# Rows of one statement. SQLite releases the interpreter lock while a statement runs, and must win
# it back after each: row by row, a flush next to busy services took half as long again.
ROWS_AT_ONCE = 100


class SqliteSink(AuditDatabase):
    """Sink that stores the tables in `path`, a link to the current generation in a folder next to
    it.

    A rebuild swaps the link. SQLite finds a file's journal by the file's real name, so readers of
    the old generation keep it complete, with its own journal.
    """

    def __init__(self, path: Path) -> None:
        with file_lock(_lock(path), wait=True):
            if not path.exists():
                _install(path, _create(generations(path) / "new.sqlite"))
        super().__init__(path, read_only=False)
        audit_views.refresh(self._database)
        # Rows lost in a power cut are folded from the log again.
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA cache_size = -32768")
        self._variables_max = self._database.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)

    def write(self, batch: Batch) -> None:
        """Write a batch in one transaction. Raises SupersededError when another writer or a
        rebuild came between."""
        with file_lock(_lock(self.path), wait=True):
            if self.path.resolve() != self._file or not self._file.exists():
                raise SupersededError(f"{self.path} was replaced: open it anew")
            self._database.execute("BEGIN IMMEDIATE")
            with self._database:  # commits at its end, rolls back when anything fails
                self._write(batch)
        killpoints.passed("book-done", "views")

    def close(self) -> None:
        """Fold the journal into the file, so that a copy of the file alone is whole, and close."""
        try:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.ProgrammingError:
            return  # closed already
        super().close()

    def _write(self, batch: Batch) -> None:
        self._move(batch)  # first: it shows whether this batch is still the next one
        for table in batch.tables:
            self._store(table)
            killpoints.passed("book-open", "views")

    def _move(self, batch: Batch) -> None:
        digests = [
            (batch.sequence, digest.rows, digest.text, name, batch.before)
            for name, digest in batch.digests.items()
        ]
        moved = self._database.executemany(
            'UPDATE _projection SET place = ?, rows = ?, digest = ? WHERE "table" = ? '
            "AND place = ?",
            digests,
        )
        if moved.rowcount != len(digests):
            raise SupersededError(
                f"{self.path}: another writer has moved it beyond sequence {batch.before}"
            )

    def _store(self, batch: TableBatch) -> None:
        table = batch.table
        lines = batch.lines if batch.last is None else [batch.lines[line] for line in batch.last]
        at_once = min(ROWS_AT_ONCE, self._variables_max // len(table.stored))
        whole = len(lines) - len(lines) % at_once
        for start in range(0, whole, at_once):
            values = list(chain.from_iterable(lines[start : start + at_once]))
            self._database.execute(_insertion(table.name, at_once), values)
        self._database.executemany(_insertion(table.name, 1), lines[whole:])


def begin_anew(path: Path) -> None:
    """Replace the audit database by an empty one, which the next fold fills from the log."""
    adopt(path, _create(generations(path) / "new.sqlite"))


def generations(path: Path) -> Path:
    """Return the folder that holds the generations of an audit database."""
    return path.with_suffix("")


def adopt(path: Path, built: Path) -> None:
    """Replace the audit database at `path` by the closed one at `built`, atomically for everyone
    who opens it afterwards."""
    with file_lock(_lock(path), wait=True):
        _install(path, built.resolve())


def _install(path: Path, built: Path) -> None:
    """Make a closed, complete file the current generation.

    Older generations are deleted; processes that have one open keep reading it.
    """
    folder = generations(path)
    known = [int(file.stem.rpartition("-")[2]) for file in folder.glob("generation-*.sqlite")]
    current = folder / f"generation-{max(known, default=0) + 1}.sqlite"
    durable.sync(built)
    durable.move(built, current)
    replace_link(path, current)
    for number in known:
        for suffix in ("", "-wal", "-shm"):
            (folder / f"generation-{number}.sqlite{suffix}").unlink(missing_ok=True)


def _lock(path: Path) -> Path:
    return generations(path) / "writer.lock"


def _create(file: Path) -> Path:
    """Create an empty, closed audit database at `file`."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA page_size = 8192")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN")
    for statement in schema():
        database.execute(statement)
    for table in TABLES:
        if table.updates:  # this query returns the latest first; the other rows are in log order
            database.execute(f"CREATE INDEX {table.name}_latest ON {table.name} (sequence)")
    database.execute("COMMIT")
    database.close()
    return file


@cache
def _insertion(table_name: str, rows: int) -> str:
    """Return the statement that inserts this many rows, replacing older versions."""
    table = BY_NAME[table_name]
    row = f"({', '.join('?' * len(table.stored))})"
    statement = f"INSERT INTO {table.name} VALUES {', '.join([row] * rows)}"
    if table.updates is None:
        return statement
    identity = table.identity
    changing = [column.name for column in table.stored if column.name not in identity]
    assignments = ", ".join(f'"{name}" = excluded."{name}"' for name in changing)
    return f"{statement} ON CONFLICT ({', '.join(identity)}) DO UPDATE SET {assignments}"
