"""Words for the tests of the exchange: a symbol, a start, orders with the number that matters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.venues.port import OrderHandle, OrderRequest, VenueTrade
from deadreckon.venues.simulated.adapter import SimulatedVenue
from deadreckon.venues.simulated.exchange.admin_client import AdminClient
from deadreckon.venues.simulated.exchange.http_server import ExchangeServers
from deadreckon.venues.simulated.exchange.orders import Symbol
from deadreckon.venues.simulated.exchange.store import ExchangeStore
from tests.conftest import PATIENCE

SYMBOL = Symbol(
    symbol="BTCUSD",
    base_price=Decimal(47_000),
    tick_size=Decimal("0.5"),
    lot_size=Decimal("0.001"),
    quote_currency="USD",
    maker_fee_rate=Decimal("0.0002"),
    taker_fee_rate=Decimal("0.0005"),
)
START = 1_640_995_200 * NANOSECONDS  # 2022-01-01, a whole second and a whole day
KEY = "a key of tests"


def seconds_after_start(seconds: int) -> int:
    """So many seconds behind START."""
    return START + seconds * NANOSECONDS


def order_request(
    client_order_id: str, side: Any = "buy", quantity: str = "0.1", **more: Any
) -> OrderRequest:
    """A market order at START, unless more is said."""
    published: dict[str, Any] = {
        "order_type": "market",
        "limit_price": None,
        "stop_price": None,
        "time_in_force": "gtc",
        "post_only": False,
        "reduce_only": False,
        "at": START,
    } | more
    return OrderRequest(
        client_order_id=client_order_id,
        symbol=SYMBOL.symbol,
        side=side,
        quantity=Decimal(quantity),
        **published,
    )


def handle(client_order_id: str) -> OrderHandle:
    """Name an order that the venue may not have acknowledged."""
    return OrderHandle(client_order_id, "", SYMBOL.symbol)


async def all_trades(venue: SimulatedVenue) -> list[VenueTrade]:
    """Fetch every trade, page by page."""
    trades: list[VenueTrade] = []
    page = await venue.trades_since("")
    while not page.complete:
        trades += page.trades
        page = await venue.trades_since(page.cursor)
    return trades


class RunningExchange:
    """An exchange in this process, a client of each of its doors, and SYMBOL trading there."""

    def __init__(
        self, folder: Path, servers: ExchangeServers, venue: SimulatedVenue, admin: AdminClient
    ) -> None:
        self.folder = folder
        self.servers = servers
        self.venue = venue
        self.admin = admin


@asynccontextmanager
async def running_exchange(
    folder: Path, *, seed: str = "7", timeout: float = PATIENCE
) -> AsyncIterator[RunningExchange]:
    """An exchange on free ports; `timeout` (seconds) is the adapter's patience."""
    book = ExchangeStore(folder / "exchange.sqlite")
    servers = ExchangeServers(book, seed, KEY)
    address = await servers.open(0, 0)
    venue = SimulatedVenue(address.url, KEY, timeout=timeout)
    admin = AdminClient(address.admin_url, KEY)
    try:
        await admin.list_symbol(SYMBOL)
        await admin.deposit("start", "USD", Decimal(100_000))
        yield RunningExchange(folder, servers, venue, admin)
    finally:
        await venue.close()
        await admin.close()
        await servers.close()
        book.close()
        await asyncio.sleep(0)  # the closed sockets' own callbacks
