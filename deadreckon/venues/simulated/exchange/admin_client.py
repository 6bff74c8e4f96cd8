"""Client of the exchange's admin API: symbols, time, faults, and all that the exchange knows."""

from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from deadreckon.contracts.amounts import text
from deadreckon.venues.simulated.exchange.faults import Faults
from deadreckon.venues.simulated.exchange.orders import Symbol

TIMEOUT = 30.0  # seconds; nothing goes wrong here, but a long truth takes its time


class AdminRefusedError(Exception):
    """You sent an admin request that the exchange refused; the message is its answer."""


class GroundTruth(Struct, frozen=True):
    """Everything the exchange knows, to compare a log with.

    `requests` is every request that named an order, by client order id. Amounts are decimal text.
    """

    clock: int
    orders: list[dict[str, Any]]
    requests: dict[str, list[dict[str, Any]]]
    trades: list[dict[str, Any]]
    positions: dict[str, Decimal]
    cash: dict[str, Decimal]
    open_orders: list[str]


class AdminClient:
    """Client of the admin API.

    Raises AdminRefusedError for a refusal, aiohttp.ClientError and TimeoutError when the exchange
    is not there.
    """

    def __init__(self, admin_url: str, key: str) -> None:
        self._url = admin_url
        self._headers = {"X-Api-Key": key}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "AdminClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connection back; idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def list_symbol(self, symbol: Symbol) -> None:
        """Let a symbol trade."""
        await self._ask("POST", "/symbols", symbol)

    async def deposit(self, id: str, currency: str, amount: Decimal) -> None:
        """Give the account cash, once per id."""
        body = {"id": id, "currency": currency, "amount": text(amount)}
        await self._ask("POST", "/deposits", body)

    async def advance(self, at: int) -> None:
        """Play the market up to a time (nanoseconds UTC)."""
        await self._ask("POST", "/clock", {"at": at})

    async def price(self, symbol: str, at: int) -> Decimal:
        """Return the price of a symbol at a time (nanoseconds UTC)."""
        answer = await self._ask("GET", "/price", None, symbol=symbol, at=str(at))
        return Decimal(msgspec.json.decode(answer)["price"])

    async def disturb(self, faults: Faults) -> None:
        """Set what goes wrong from now on; `Faults()` is nothing."""
        await self._ask("POST", "/faults", faults)

    async def fault_counts(self) -> dict[str, int]:
        """Return how often each fault was played."""
        counts: dict[str, int] = msgspec.json.decode(await self._ask("GET", "/faults"))["counts"]
        return counts

    async def truth(self) -> GroundTruth:
        """Fetch everything that the exchange knows."""
        return msgspec.json.decode(await self._ask("GET", "/truth"), type=GroundTruth)

    async def _ask(self, method: str, path: str, body: Any = None, **query: str) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            )
        content = None if body is None else msgspec.json.encode(body)
        async with self._session.request(
            method, self._url + path, data=content, params=query, headers=self._headers
        ) as response:
            answer = await response.read()
            if response.status != 200:
                raise AdminRefusedError(
                    f"{path}: {response.status} {answer.decode('utf-8', 'replace')}"
                )
        return answer
