"""Queries of the audit database: each answer with its sequence, age and digest."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from deadreckon.contracts.amounts import text
from deadreckon.contracts.errors import DifferenceError, OperationalError
from deadreckon.contracts.subjects import SHARED
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.formatting.nearest import nearest_name
from deadreckon.projections.columns import Column
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.dust import with_dust
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.tables import BY_NAME
from deadreckon.projections.tables.orders import ENDED
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.runtime.server.rights import ANALYST

# The tables that name what a query may ask for.
NAMING = {
    "strategy": ("signals", "orders", "positions"),
    "instrument": ("instruments", "orders", "positions"),  # a refused signal may name any
}
LIMIT = 50  # rows in an answer by default
LIMIT_MAX = 10_000

RowDocument = dict[str, Any]


class NoViewsError(OperationalError):
    """You queried a folder without an audit database; the message says what creates one."""


class UnknownNameError(DifferenceError):
    """You asked for the rows of a name that the folder does not know; the message suggests one."""


class TableAnswer(Struct, frozen=True):
    """Rows as of message `sequence`, written `age_seconds` ago.

    `digest` is that of the whole table (or of all tables), whichever rows are returned.
    """

    sequence: int
    age_seconds: float
    digest: str
    data: Any


class TableQuery(Struct, frozen=True):
    """Selection of rows: the latest `limit` (None: all), of one strategy, of one instrument.

    `open_only` omits ended orders and flat positions.
    """

    limit: int | None = LIMIT
    strategy: str | None = None
    instrument: str | None = None
    open_only: bool = False


class ViewsReader:
    """The audit database at one sequence: nothing changes while it is read."""

    def __init__(self, book: AuditDatabase, written_at: float) -> None:
        self._book = book
        self.sequence = book.sequence
        self.age_seconds = round(max(time.time() - written_at, 0.0), 3)
        self.digests = book.digests()

    def table(self, name: str, wanted: TableQuery) -> TableAnswer:
        """Query the rows of a table, latest first, with sequence and digest."""
        digest = self.digests[name].text
        return TableAnswer(self.sequence, self.age_seconds, digest, self.wanted(name, wanted))

    def wanted(self, name: str, wanted: TableQuery) -> list[RowDocument]:
        """Query the rows of a table that match, latest first."""
        found = self.rows(name, *_conditions(name, wanted), limit=wanted.limit)
        return [with_dust(row, self._latest) for row in found] if name == "positions" else found

    def _latest(self, name: str, of: RowDocument) -> list[RowDocument]:
        where = "book IN (?, ?) AND instrument = ?"
        return self.rows(name, where, (of["book"], SHARED, of["instrument"]), limit=1)

    def rows(
        self, name: str, where: str = "1", values: Sequence[Any] = (), *, limit: int | None = None
    ) -> list[RowDocument]:
        """Query the rows that fulfil a SQL condition, latest first."""
        columns = BY_NAME[name].stored
        chosen = ", ".join(f'"{column.name}"' for column in columns)
        found = self._book.query(
            f"SELECT {chosen} FROM {name} WHERE {where} "
            "ORDER BY sequence DESC, event_index DESC LIMIT ?",
            *values,
            -1 if limit is None else limit,
        )
        return [row_document(columns, line) for line in found]

    def count(self, name: str, where: str) -> int:
        """Count the rows of a table that fulfil a SQL condition."""
        return int(self._book.query(f"SELECT count(*) FROM {name} WHERE {where}")[0][0])

    def counts(self, name: str, column: str, where: str = "1") -> dict[str, int]:
        """Count the rows that fulfil a SQL condition by the value of a column, most frequent
        first."""
        query = (
            f'SELECT "{column}", count(*) FROM {name} WHERE {where} GROUP BY 1 ORDER BY 2 DESC, 1'
        )
        return dict(self._book.query(query))

    def names(self, column: str) -> set[str]:
        """Query the names in a column of any table: strategies, or instruments, that are known."""
        found: set[str] = set()
        for table in self.digests.keys() & set(NAMING[column]):
            found |= self.counts(table, column).keys()
        return found - {None, ""}

    def answer(self, data: Any, *tables: str) -> TableAnswer:
        """Wrap data made from these tables, or from all of them when none is named."""
        of = {name: self.digests[name] for name in tables or self.digests}
        return TableAnswer(self.sequence, self.age_seconds, _digest(of), data)


@contextmanager
def open_views(folder: Folder) -> Iterator[ViewsReader]:
    """Open a folder's audit database for reading. Raises NoViewsError or SinkError."""
    if not folder.audit.exists():
        raise NoViewsError(
            f"{folder.root} has no views yet: `dr demo` and `dr up` make them as they run, "
            f"`dr rebuild --data {folder.root}` from the log"
        )
    written_at = _written_at(folder.audit.resolve())
    book = AuditDatabase(folder.audit)
    try:
        book.query("BEGIN")
        yield ViewsReader(book, written_at)
    finally:
        book.close()


def read_table(folder: Folder, name: str, wanted: TableQuery) -> TableAnswer:
    """Query the rows of one table. Raises NoViewsError or SinkError."""
    with open_views(folder) as book:
        return book.table(name, wanted)


def read_named(folder: Folder, name: str, wanted: TableQuery) -> TableAnswer:
    """Query the rows of one table. Raises UnknownNameError where nothing in the folder has the
    strategy or instrument that is asked for."""
    with open_views(folder) as book:
        found = book.table(name, wanted)
        for column in NAMING if not found.data else ():
            value = getattr(wanted, column)
            if value is not None and value not in (known := book.names(column)):
                raise UnknownNameError(f"no {column} {value}: {nearest_name(value, known)}")
        return found


async def log_end(folder: Folder) -> int | None:
    """Return the last sequence of the log, or None when no server runs on it."""
    found = running_server(folder.root)
    if found is None:
        return None
    bus = await found.endpoint.bus(ANALYST)
    try:
        return (await bus.info()).last
    finally:
        await bus.close()


def _written_at(file: Path) -> float:
    """Return when rows were last written to the file or its journal (seconds since 1970)."""
    journal = file.with_name(f"{file.name}-wal")
    moments = [file.stat().st_mtime]
    # A journal that a reader has just created is empty, and not the writer's.
    if journal.exists() and journal.stat().st_size:
        moments.append(journal.stat().st_mtime)
    return max(moments)


def _conditions(name: str, wanted: TableQuery) -> tuple[str, list[Any]]:
    conditions, values = ["1"], []
    for column in ("strategy", "instrument"):
        value = getattr(wanted, column)
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if wanted.open_only:
        conditions.append("quantity != '0'" if name == "positions" else OPEN_ORDERS)
    return " AND ".join(conditions), values


OPEN_ORDERS = f"status NOT IN ({', '.join(repr(status) for status in sorted(ENDED))})"


def row_document(columns: Sequence[Column], values: Sequence[Any]) -> RowDocument:
    """Return stored values by the names of their columns, as answers show them."""
    pairs = zip(columns, values, strict=True)
    return {column.name: _value(column, value) for column, value in pairs}


def _value(column: Column, value: Any) -> Any:
    """Convert a value as for input formats: amounts as text, times as RFC 3339, documents as
    JSON."""
    if value is None:
        return None
    if column.kind == "flag":
        return bool(value)
    if isinstance(value, Decimal):
        return text(value)
    if column.kind == "integer" and _is_moment(column.name):
        return format_timestamp(value)
    if column.kind == "text" and column.note.startswith("JSON"):
        return Raw(value.encode())
    return value


def _is_moment(name: str) -> bool:
    return name in ("at", "until") or name.endswith("_at")


def _digest(digests: dict[str, TableDigest]) -> str:
    texts = {name: digest.text for name, digest in sorted(digests.items())}
    return hashlib.sha256(msgspec.json.encode(texts)).hexdigest()
