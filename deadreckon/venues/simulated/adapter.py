"""Adapter of the simulated exchange over HTTP and WebSocket; it checks whatever it receives.

One request per call, never a second try: the edge finds out what an unanswered one means.
"""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Meta, Struct, field

from deadreckon.contracts.amounts import canonical, is_sane, text
from deadreckon.contracts.fields import Liquidity, Side
from deadreckon.contracts.parsing import WireError, evidence, parse
from deadreckon.contracts.publishers import venue_edge
from deadreckon.contracts.venues import VenueOutcome
from deadreckon.runtime.server.secret import read_secret
from deadreckon.venues.port import (
    DuplicateError,
    Guarantees,
    MalformedReportError,
    OrderHandle,
    OrderRequest,
    OrderStatus,
    RejectedError,
    ThrottledError,
    TradePage,
    UnansweredError,
    VenueTrade,
)

EDGE = True

SERVICE = venue_edge("sim")  # the edge of the simulated venue

TIMEOUT = 2.0  # seconds for a whole request: an order whose outcome is unknown cannot wait longer
HEARTBEAT = 5.0  # seconds between pings: a frozen venue keeps its connections open
ANSWER_BYTES_MAX = 4 * 1024 * 1024  # a page of trades is a tenth of that
WAIT_DEFAULT = 1.0  # seconds after a 429 that does not say how long
WAIT_MAX = 60.0  # seconds; a venue that names more is asked again by then all the same
AT_MAX = 2**63 - 1

Text = Annotated[str, Meta(min_length=1, max_length=128)]
Amount = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,18})?\Z", max_length=40)]


class _Order(Struct, frozen=True, forbid_unknown_fields=True):
    client_order_id: Text
    venue_order_id: Text
    filled: Amount
    open: bool
    outcome: VenueOutcome | None
    reason: Annotated[str, Meta(max_length=500)]


class _Trade(Struct, frozen=True, forbid_unknown_fields=True):
    # its number at the exchange, without a gap
    number: Annotated[int, Meta(ge=1, le=AT_MAX)] = field(name="place")
    trade_id: Text
    client_order_id: Text
    side: Side
    quantity: Amount
    price: Amount
    liquidity: Liquidity
    fee: Amount
    fee_currency: Text
    traded_at: Annotated[int, Meta(ge=0, le=AT_MAX)]
    symbol: Annotated[str, Meta(max_length=128)] = ""  # empty for trades of 0.1.0


class _OrderPushed(_Order, frozen=True, forbid_unknown_fields=True, tag="order"):
    pass


class _TradePushed(_Trade, frozen=True, forbid_unknown_fields=True, tag="trade"):
    pass


class _Orders(Struct, frozen=True, forbid_unknown_fields=True):
    orders: list[_Order]


class _Trades(Struct, frozen=True, forbid_unknown_fields=True):
    trades: list[_Trade]


class _Balances(Struct, frozen=True, forbid_unknown_fields=True):
    balances: dict[Text, Amount]


class _Positions(Struct, frozen=True, forbid_unknown_fields=True):
    positions: dict[Text, Amount]


class _Clock(Struct, frozen=True, forbid_unknown_fields=True):
    at: int


class _Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    # A refusal ends an order, so that it is believed by its known name only.
    code: Literal[
        "bad_request",
        "duplicate_client_order_id",
        "lot_size",
        "missing_price",
        "order_ended",
        "post_only_would_take",
        "tick_size",
        "unknown_order",
        "unknown_symbol",
    ]
    reason: Annotated[str, Meta(max_length=500)] = ""


class ExchangeAddress(Struct, frozen=True):
    """Addresses of an exchange, from `exchange.json` of its folder."""

    url: str
    admin_url: str
    pid: int
    seed: str


Shape = TypeVar("Shape", bound=Struct)


def connect(url: str, key_file: Path) -> "SimulatedVenue":
    """Make the adapter of a login. Raises OSError or ExposedSecretError."""
    return SimulatedVenue(url, read_secret(key_file))


class SimulatedVenue:
    """Adapter of the account at a simulated exchange, an implementation of `Venue`.

    `timeout` is in seconds.
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._headers = {"X-Api-Key": key}
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    @staticmethod
    def of(folder: Path, *, timeout: float = TIMEOUT) -> "SimulatedVenue":
        """Return the exchange that keeps this folder. Raises UnansweredError when none ever ran
        there."""
        try:
            address = msgspec.json.decode(
                (folder / "exchange.json").read_bytes(), type=ExchangeAddress
            )
            key = (folder / "key").read_text("ascii").strip()
        except (OSError, msgspec.MsgspecError) as error:
            raise UnansweredError(f"no exchange is known in {folder}: {error}") from error
        return SimulatedVenue(address.url, key, timeout=timeout)

    @property
    def guarantees(self) -> Guarantees:
        """Promises of this exchange: it refuses a repeated id for ever, so "no such order" is
        final."""
        return Guarantees(unique_ids=True)

    async def submit(self, order: OrderRequest) -> str:
        """Send an order; return the venue's own id of it."""
        answer = await self._ask("POST", "/orders", _Order, body=_order_body(order))
        return _status(answer, order.client_order_id).venue_order_id

    async def cancel(self, order: OrderHandle, at: int) -> OrderStatus:
        """Cancel what is open of an order; return its state after that."""
        path = f"{_path(order)}?at={at}"
        return _status(await self._ask("DELETE", path, _Order), order.client_order_id)

    async def query(self, order: OrderHandle) -> OrderStatus | None:
        """Return the state of an order, None when the venue does not know it."""
        try:
            answer = await self._ask("GET", _path(order), _Order)
        except RejectedError as error:
            if error.rule == "unknown_order":
                return None
            raise
        return _status(answer, order.client_order_id)

    async def open_orders(self) -> list[OrderStatus]:
        """List every order that is open at the venue."""
        answer = await self._ask("GET", "/orders", _Orders)
        return [_status(order, order.client_order_id) for order in answer.orders]

    async def trades_since(self, cursor: str) -> TradePage:
        """Return a page of trades; the cursor is the exchange's own number of the last one."""
        number = int(cursor or "0")
        page = await self._ask("GET", f"/trades?since={number}", _Trades)
        for trade in page.trades:
            if trade.number != number + 1:
                _malformed(f"trade {number + 1} expected, found {trade.number}", trade)
            number = trade.number
        return TradePage([_trade(trade) for trade in page.trades], str(number), not page.trades)

    async def balances(self) -> dict[str, Decimal]:
        """Return what the account holds, by currency."""
        answer = await self._ask("GET", "/balances", _Balances)
        return {currency: _amount(record, answer) for currency, record in answer.balances.items()}

    async def positions(self) -> dict[str, Decimal]:
        """Return the signed quantity of each symbol that is not flat."""
        answer = await self._ask("GET", "/positions", _Positions)
        return {symbol: _amount(text, answer) for symbol, text in answer.positions.items()}

    async def advance(self, at: int) -> None:
        """Play the exchange's market up to `at` (nanoseconds UTC)."""
        answer = await self._ask("POST", "/clock", _Clock, body={"at": at})
        if answer.at < at:
            _malformed(f"the clock stands at {answer.at} after it was set to {at}", answer)

    async def reports(self) -> AsyncIterator[VenueTrade | OrderStatus]:
        """Yield trades and changed orders as the venue pushes them, until the connection ends."""
        try:
            async with self._opened().ws_connect(
                f"{self._url}/reports",
                headers=self._headers,
                heartbeat=HEARTBEAT,
                max_msg_size=ANSWER_BYTES_MAX,
            ) as pushed:
                async for message in pushed:
                    if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        yield parse_report(message.data)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnansweredError(f"reports: {_named(error)}") from error

    async def close(self) -> None:
        """Give the connection back; idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # A connection for each: one that was kept and has died meanwhile would make a request
            # unanswered that never left.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=self._timeout,
                middlewares=(_only_once,),
            )
        return self._session

    async def _ask(
        self, method: str, path: str, shape: type[Shape], body: dict[str, Any] | None = None
    ) -> Shape:
        try:
            async with self._opened().request(
                method,
                f"{self._url}{path}",
                json=body,
                headers=self._headers,
                allow_redirects=False,  # they would send an order twice
            ) as response:
                content = await _content(response.content)
                status, wait = response.status, response.headers.get("Retry-After")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnansweredError(f"{method} {path}: {_named(error)}") from error
        if status in (200, 201):
            return _decoded(content, shape)
        if status == 429:
            raise ThrottledError(_seconds(wait))
        if status in (400, 404, 409):
            _refuse(_decoded(content, _Refusal))
        # 5xx; and 401, for who is not let in learns nothing about an order sent before.
        raise UnansweredError(f"{method} {path}: status {status}")


async def _only_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise a broken connection as our own error at once: aiohttp repeats a GET or DELETE by itself
    when it meets its own error."""
    try:
        return await send(request)
    except (aiohttp.ClientError, OSError) as error:
        raise UnansweredError(f"{request.method} {request.url.path}: {_named(error)}") from error


async def _content(stream: aiohttp.StreamReader) -> bytes:
    """Read an answer whole, or up to just beyond the size that is accepted."""
    content = b""
    while len(content) <= ANSWER_BYTES_MAX and (chunk := await stream.readany()):
        content += chunk
    return content


def _path(order: OrderHandle) -> str:
    return f"/orders/{quote(order.client_order_id, safe='')}"


def _order_body(order: OrderRequest) -> dict[str, Any]:
    return {
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": text(order.quantity),
        "type": order.order_type,
        "limit_price": None if order.limit_price is None else text(order.limit_price),
        "stop_price": None if order.stop_price is None else text(order.stop_price),
        "time_in_force": order.time_in_force,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "at": order.at,
    }


def _refuse(refusal: _Refusal) -> NoReturn:
    if refusal.code == "duplicate_client_order_id":
        raise DuplicateError(refusal.reason)
    raise RejectedError(refusal.code, refusal.reason)


def _seconds(wait: str | None) -> float:
    try:
        seconds = float(wait) if wait is not None else WAIT_DEFAULT
    except ValueError:
        return WAIT_DEFAULT
    return min(max(seconds, 0.0), WAIT_MAX) if seconds == seconds else WAIT_DEFAULT


def _named(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def _decoded(content: bytes, shape: type[Shape]) -> Shape:
    """Decode JSON of exactly this shape; the parser refuses depth and fields named twice."""
    if len(content) > ANSWER_BYTES_MAX:
        raise MalformedReportError(f"longer than {ANSWER_BYTES_MAX} bytes", evidence(content))
    try:
        return msgspec.convert(parse(content), type=shape)
    except (WireError, msgspec.ValidationError) as error:
        raise MalformedReportError(str(error), evidence(content)) from error


def parse_report(data: str | bytes) -> VenueTrade | OrderStatus:
    """Parse a pushed report. Raises MalformedReportError."""
    content = data.encode() if isinstance(data, str) else data
    try:
        report = msgspec.convert(parse(content), type=_OrderPushed | _TradePushed)
    except (WireError, msgspec.ValidationError) as error:
        raise MalformedReportError(str(error), evidence(content)) from error
    return (
        _trade(report)
        if isinstance(report, _TradePushed)
        else _status(report, report.client_order_id)
    )


def _status(report: _Order, client_order_id: str) -> OrderStatus:
    if report.client_order_id != client_order_id:
        _malformed(
            f"asked about {client_order_id}, answered about {report.client_order_id}", report
        )
    if report.open and report.outcome is not None:
        _malformed("open and ended at once", report)
    return OrderStatus(
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        filled=_checked(report.filled, report, lambda filled: filled >= 0),
        open=report.open,
        outcome=report.outcome,
        reason=report.reason,
    )


def _trade(report: _Trade) -> VenueTrade:
    return VenueTrade(
        trade_id=report.trade_id,
        client_order_id=report.client_order_id,
        symbol=report.symbol,
        side=report.side,
        quantity=_checked(report.quantity, report, lambda quantity: quantity > 0),
        price=_checked(report.price, report, lambda price: price > 0),
        liquidity=report.liquidity,
        fee=_amount(report.fee, report),
        fee_currency=report.fee_currency,
        traded_at=report.traded_at,
    )


def _checked(record: str, report: Struct, holds: Callable[[Decimal], bool]) -> Decimal:
    amount = _amount(record, report)
    if not holds(amount):
        _malformed(f"{record} is no amount that can be traded", report)
    return amount


def _amount(record: str, report: Struct) -> Decimal:
    amount = Decimal(record)
    if not is_sane(amount):
        _malformed(f"{record} is beyond any amount of ours", report)
    return canonical(amount)


def _malformed(reason: str, report: Struct) -> NoReturn:
    raise MalformedReportError(reason, evidence(msgspec.json.encode(report)))
