"""Store of all that the exchange knows, in one SQLite file: synced before a request is answered."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from deadreckon.venues.simulated.exchange.orders import ExchangeOrder, ExchangeTrade

_TABLES = """
CREATE TABLE IF NOT EXISTS cells (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL UNIQUE,
    open INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS open_orders ON orders (open) WHERE open;
CREATE TABLE IF NOT EXISTS trades (
    place INTEGER PRIMARY KEY,
    trade_id TEXT NOT NULL UNIQUE,
    content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL,
    content BLOB NOT NULL
);
"""

T = TypeVar("T")


class RequestRecord(Struct, frozen=True):
    """Request that named an order: its kind, the fault done to it, and its answer."""

    number: int
    request: str
    fault: str
    status: int
    code: str


class ExchangeStore:
    """The file of one exchange; every change is made within `transaction`."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block as one transaction: all of it is on disk at its end, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def cell(self, name: str, shape: Any, missing: T) -> T:
        """Return a value kept under a name, decoded as `shape`; `missing` when there is none."""
        row = self._connection.execute(
            "SELECT content FROM cells WHERE name = ?", (name,)
        ).fetchone()
        if row is None:
            return missing
        content: T = msgspec.json.decode(row[0], type=shape)
        return content

    def keep(self, name: str, content: Any) -> None:
        """Put a small thing under a name."""
        self._connection.execute(
            "INSERT INTO cells VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET content = excluded.content",
            (name, msgspec.json.encode(content)),
        )

    def orders(self, *, only_open: bool) -> list[ExchangeOrder]:
        """Return the orders in their order of arrival."""
        where = "WHERE open" if only_open else ""
        rows = self._connection.execute(f"SELECT content FROM orders {where} ORDER BY number")
        return [msgspec.json.decode(content, type=ExchangeOrder) for (content,) in rows]

    def order(self, client_order_id: str) -> ExchangeOrder | None:
        """Return the order of that name, if one was ever accepted."""
        row = self._connection.execute(
            "SELECT content FROM orders WHERE client_order_id = ?", (client_order_id,)
        ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=ExchangeOrder)

    def put(self, order: ExchangeOrder) -> None:
        """Keep an order as it is now."""
        self._connection.execute(
            "INSERT INTO orders VALUES (?, ?, ?, ?) "
            "ON CONFLICT (number) DO UPDATE SET open = excluded.open, content = excluded.content",
            (order.number, order.client_order_id, order.open, msgspec.json.encode(order)),
        )

    def order_count(self) -> int:
        """Return how many orders were ever accepted."""
        return self._count("SELECT coalesce(max(number), 0) FROM orders")

    def trade_count(self) -> int:
        """Return how many trades there were; also the number of the last one."""
        return self._count("SELECT coalesce(max(place), 0) FROM trades")

    def add_trade(self, trade: ExchangeTrade) -> None:
        """Keep a new trade; raises sqlite3.IntegrityError for a place or id that is taken."""
        self._connection.execute(
            "INSERT INTO trades VALUES (?, ?, ?)",
            (trade.number, trade.trade_id, msgspec.json.encode(trade)),
        )

    def trades(self, since: int, at_most: int) -> list[ExchangeTrade]:
        """Return the trades after a number, oldest first."""
        rows = self._connection.execute(
            "SELECT content FROM trades WHERE place > ? ORDER BY place LIMIT ?", (since, at_most)
        )
        return [msgspec.json.decode(content, type=ExchangeTrade) for (content,) in rows]

    def add_request(self, client_order_id: str, asked: RequestRecord) -> None:
        """Remember that an order was named in a request, whatever its outcome."""
        self._connection.execute(
            "INSERT INTO requests VALUES (?, ?, ?)",
            (asked.number, client_order_id, msgspec.json.encode(asked)),
        )

    def requests(self) -> dict[str, list[RequestRecord]]:
        """Return every request that named an order, by client order id, in order of arrival."""
        found: dict[str, list[RequestRecord]] = {}
        rows = self._connection.execute(
            "SELECT client_order_id, content FROM requests ORDER BY number"
        )
        for name, content in rows:
            found.setdefault(name, []).append(msgspec.json.decode(content, type=RequestRecord))
        return found

    def _count(self, query: str) -> int:
        count: int = self._connection.execute(query).fetchone()[0]
        return count
