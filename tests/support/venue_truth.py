"""The log and the exchange side by side: what was intended and folded, and what truly happened."""

import sqlite3
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.accounting import ledger
from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.inbound import read_fact
from deadreckon.contracts.orders import (
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitting,
)
from deadreckon.contracts.venues import VenueOrderNotSent, VenueOrderRejected
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.process.folder import Folder

ROW = ("trade_id", "side", "quantity", "price")


class LogFigures(Struct):
    """What a log of one book comes to. `kinds` counts events by name, `fills` are in log order."""

    intents: list[str]
    never_there: set[str]
    fills: list[tuple[str, ...]]  # trade, side, quantity, price
    open: set[str]  # client order ids
    positions: dict[str, Decimal]  # by symbol
    fees: Decimal
    cash: dict[str, Decimal]
    kinds: Counter[str]

    @property
    def economic(self) -> tuple[Any, ...]:
        """What no fault and no crash may change."""
        orders = (sorted(self.intents), sorted(self.fills), sorted(self.open))
        return (*orders, self.positions, self.fees, self.cash)


async def log_figures(data: Path, book: str = "desk") -> LogFigures:
    """Fold the whole log of a folder."""
    accounts = ledger.initial()
    names: dict[str, str] = {}
    symbols: dict[str, str] = {}
    found = LogFigures([], set(), [], set(), {}, Decimal(0), {}, Counter())
    async with open_bus(Folder(data)) as bus:
        reader, decoding, last = await bus.read(0), Decoding(), (await bus.info()).last
        place = 0
        while place < last:
            for stored in await reader.next(1.0):
                place = stored.sequence
                message = decoding.decode(stored)
                assert not message.damage
                for record in facts(message):
                    accounts = ledger.evolve(accounts, record)
                    fold(found, record, names, symbols)
        await reader.close()
    for (_, _, instrument), position in ledger.positions(accounts):
        quantity = Decimal(position.quantity).scaleb(-position.quantity_scale)
        if quantity:
            symbol = symbols[instrument]
            found.positions[symbol] = found.positions.get(symbol, Decimal(0)) + quantity
    equity = ledger.equity(accounts)
    found.fees, found.cash = equity.fees, dict(equity.cash_by_currency)
    return found


def facts(message: Any) -> list[Recorded[Any]]:
    """A message's facts; what operators said is read as services read it."""
    if message.subject.service != "op":
        return list(message.facts)
    _, digest, event = read_fact(message.subject.leaf, message.payload)
    return [Recorded(digest, 0, "desk", "paper", "op", None, digest, event)]


def fold(
    found: LogFigures, record: Recorded[Any], names: dict[str, str], symbols: dict[str, str]
) -> None:
    found.kinds[type(record.event).__name__] += 1
    match record.event:
        case OrderSubmitting() as intent:
            names[intent.order_id] = intent.client_order_id
            symbols[intent.instrument] = intent.symbol
            found.intents.append(intent.client_order_id)
            found.open.add(intent.client_order_id)
        case OrderFilled() as fill:
            row = (fill.trade_id, fill.side, str(fill.quantity), str(fill.price))
            found.fills.append(row)
            if not fill.leaves:
                found.open.discard(names[fill.order_id])
        case OrderCancelled() | OrderRejected() | OrderExpired():
            found.open.discard(names.get(record.event.order_id, ""))
        case VenueOrderNotSent() | VenueOrderRejected():
            found.never_there.add(record.event.client_order_id)


class ExchangeFigures(Struct):
    """What the exchange has in its book."""

    orders: list[str]
    open: set[str]
    trades: list[tuple[str, ...]]
    positions: dict[str, Decimal]
    cash: dict[str, Decimal]


def exchange_figures(data: Path) -> ExchangeFigures:
    """Read the exchange's own file; it need not run."""
    path = data / "exchange" / "exchange.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        orders = contents(book, "SELECT content FROM orders ORDER BY number")
        trades = contents(book, "SELECT content FROM trades ORDER BY place")
        cells = dict(book.execute("SELECT name, content FROM cells"))
    return ExchangeFigures(
        [order["client_order_id"] for order in orders],
        {order["client_order_id"] for order in orders if order["open"]},
        [tuple(trade[name] for name in ROW) for trade in trades],
        amounts(cells.get("positions", b"{}")),
        amounts(cells.get("cash", b"{}")),
    )


def contents(book: sqlite3.Connection, query: str) -> list[Any]:
    return [msgspec.json.decode(content) for (content,) in book.execute(query)]


def amounts(cell: bytes) -> dict[str, Decimal]:
    return {name: Decimal(held) for name, held in msgspec.json.decode(cell).items()}
