"""HTTP API of the exchange: the trading port, where faults are played, and the admin port."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from hmac import compare_digest
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from deadreckon.contracts.amounts import is_sane, text
from deadreckon.contracts.parsing import WireError, parse
from deadreckon.venues.simulated.exchange.account import ExchangeAccount, NewOrder
from deadreckon.venues.simulated.exchange.faults import (
    NOT_DONE,
    REPORTED,
    ChosenFault,
    Faults,
    choose_fault,
    count_fault,
    garbage,
)
from deadreckon.venues.simulated.exchange.orders import RefusedError, Symbol
from deadreckon.venues.simulated.exchange.push import PushChannel
from deadreckon.venues.simulated.exchange.store import ExchangeStore, RequestRecord

BODY_BYTES_MAX = 64 * 1024

Shape = TypeVar("Shape", bound=Struct)


class ClockRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A time to play the market to (nanoseconds UTC)."""

    at: int


class DepositRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Cash for the account, once per id."""

    id: str
    currency: str
    amount: Decimal


class HandledRequest(Struct, frozen=True):
    """Result of a request: the answer meant for it, what is to be pushed, the fault."""

    number: int
    status: int
    content: bytes
    batch: list[bytes]
    trouble: ChosenFault | None


RequestHandler = Callable[[web.Request, bytes], tuple[int, Any]]


class ExchangeApi:
    """The requests, each in one transaction. `go_down(seconds)` is what "down" asks for."""

    def __init__(
        self, book: ExchangeStore, seed: str, key: str, go_down: Callable[[float | None], None]
    ) -> None:
        self.reports = PushChannel()
        self._book = book
        self._account = ExchangeAccount(book, seed)
        self._key = key
        self._go_down = go_down
        self._faults = book.cell("faults", Faults, Faults())

    def trading(self) -> web.Application:
        """Build the application of the trading port."""
        rooms: list[tuple[str, str, str, RequestHandler]] = [
            ("POST", "/orders", "submit", self._submit),
            ("DELETE", "/orders/{client_order_id}", "cancel", self._cancel),
            ("GET", "/orders/{client_order_id}", "query", self._query),
            ("GET", "/orders", "open_orders", self._open_orders),
            ("GET", "/trades", "trades", self._trades),
            ("GET", "/balances", "balances", self._balances),
            ("GET", "/positions", "positions", self._positions),
            ("POST", "/clock", "clock", self._clock),
        ]
        routes = [
            web.route(method, path, self._disturbed(name, action))
            for method, path, name, action in rooms
        ]
        return self._application([*routes, web.get("/reports", self.reports.listen)])

    def keeping(self) -> web.Application:
        """Build the application of the admin port, where no fault is played."""
        rooms: list[tuple[str, str, RequestHandler]] = [
            ("POST", "/symbols", self._list_symbol),
            ("POST", "/deposits", self._deposit),
            ("POST", "/clock", self._clock),
            ("GET", "/price", self._price),
            ("POST", "/faults", self._set_faults),
            ("GET", "/faults", self._tell_faults),
            ("GET", "/truth", self._truth),
        ]
        return self._application(
            [web.route(method, path, self._undisturbed(action)) for method, path, action in rooms]
        )

    # --- How a request is handled -----------------------------------------------------------------

    def _application(self, routes: list[web.RouteDef]) -> web.Application:
        application = web.Application(middlewares=[self._with_key], client_max_size=BODY_BYTES_MAX)
        application.add_routes(routes)
        return application

    @web.middleware
    async def _with_key(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = request.headers.get("X-Api-Key", "")
        if not compare_digest(given.encode(), self._key.encode()):
            return _response(
                401, _error_body("wrong_key", "the X-Api-Key header is missing or wrong")
            )
        return await handler(request)

    def _undisturbed(
        self, action: RequestHandler
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            self._account.record.clear()
            with self._book.transaction():
                status, answer = _outcome(action, request, body)
            await self.reports.push(self._encoded_reports(), None, 0)
            return _response(status, msgspec.json.encode(answer))

        return handle

    def _disturbed(
        self, name: str, action: RequestHandler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            done = self._do(name, action, request, body)
            return await self._answer(request, done)

        return handle

    def _do(
        self, name: str, action: RequestHandler, request: web.Request, body: bytes
    ) -> HandledRequest:
        """Handle a request in one transaction: it is counted, done unless a fault forbids it, and
        kept."""
        self._account.record.clear()
        with self._book.transaction():
            number = self._book.cell("requests", int, 0) + 1
            self._book.keep("requests", number)
            order = _named(request, body)
            trouble = choose_fault(self._faults, number, name, order)
            status, answer = _stopped(trouble)
            if not status:
                status, answer = _outcome(action, request, body)
            batch = self._encoded_reports()
            if trouble and trouble.fault in REPORTED and not batch:
                trouble = None  # there is nothing to report wrongly
            if trouble:
                self._count(trouble)
            if order:
                self._book.add_request(order, _asked(number, name, status, answer, trouble))
        return HandledRequest(number, status, msgspec.json.encode(answer), batch, trouble)

    async def _answer(self, request: web.Request, done: HandledRequest) -> web.StreamResponse:
        fault = done.trouble.fault if done.trouble else ""
        seconds = done.trouble.seconds if done.trouble else 0.0
        if fault == "before_ack":
            await self.reports.push(done.batch, done.trouble, done.number)
        if fault in ("before_ack", "late"):
            await asyncio.sleep(seconds)
        if fault == "down":
            self._go_down(seconds)
        response = _response(done.status, done.content)
        if fault == "rate_limit":
            response.headers["Retry-After"] = f"{seconds:g}"
        if fault == "error_after":
            response = _response(503, _error_body("broken", "something went wrong"))
        if fault == "garbage_answer":
            response = _response(done.status, garbage(done.number, done.content))
        if fault in ("drop_before", "drop_after", "down"):
            if request.transport is not None:
                request.transport.abort()
        else:
            await _write(request, response)
        if fault != "before_ack":
            await self.reports.push(done.batch, done.trouble, done.number)
        return response

    def _encoded_reports(self) -> list[bytes]:
        return [msgspec.json.encode(message) for message in self._account.record]

    def _count(self, trouble: ChosenFault) -> None:
        counts: dict[str, int] = self._book.cell("fault_counts", dict[str, int], {})
        count_fault(trouble, counts)
        self._book.keep("fault_counts", counts)
        self._book.keep("faults", self._faults)

    # --- Requests at the trading port -------------------------------------------------------------

    def _submit(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        order = _read(body, NewOrder)
        return 201, self._account.status(self._account.submit(order))

    def _cancel(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        name = request.match_info["client_order_id"]
        order = self._account.cancel(name, _whole(request.query.get("at", "")))
        return 200, self._account.status(order)

    def _query(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        order = self._account.order(request.match_info["client_order_id"])
        return 200, self._account.status(order)

    def _open_orders(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        return 200, {"orders": self._account.open_statuses()}

    def _trades(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        return 200, {"trades": self._account.trades(_whole(request.query.get("since", "0")))}

    def _balances(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        return 200, {"balances": self._account.cash()}

    def _positions(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        return 200, {"positions": self._account.positions()}

    def _clock(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        return 200, {"at": self._account.advance(_read(body, ClockRequest).at)}

    # --- Requests at the admin port ---------------------------------------------------------------

    def _list_symbol(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        self._account.list_symbol(_read(body, Symbol))
        return 200, {}

    def _deposit(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        deposit = _read(body, DepositRequest)
        self._account.deposit(deposit.id, deposit.currency, deposit.amount)
        return 200, {}

    def _price(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        symbol, at = request.query.get("symbol", ""), _whole(request.query.get("at", ""))
        return 200, {"price": text(self._account.price(symbol, at))}

    def _set_faults(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        self._faults = _read(body, Faults)
        self._book.keep("faults", self._faults)
        self._go_down(self._faults.down)
        return 200, self._faults

    def _tell_faults(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        counts: dict[str, int] = self._book.cell("fault_counts", dict[str, int], {})
        return 200, {"faults": self._faults, "counts": counts}

    def _truth(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        orders = [self._account.detail(order) for order in self._book.orders(only_open=False)]
        return 200, {
            "clock": self._account.clock(),
            "orders": orders,
            "requests": self._book.requests(),
            "trades": self._book.trades(0, self._book.trade_count()),
            "positions": self._account.positions(),
            "cash": self._account.cash(),
            "open_orders": [order["client_order_id"] for order in orders if order["open"]],
        }


def _outcome(action: RequestHandler, request: web.Request, body: bytes) -> tuple[int, Any]:
    try:
        return action(request, body)
    except RefusedError as refused:
        return refused.status, {"code": refused.code, "reason": refused.reason}


def _stopped(trouble: ChosenFault | None) -> tuple[int, Any]:
    """Return the answer of a fault that comes before anything is done; status 0 when it goes on."""
    if trouble is None or trouble.fault not in NOT_DONE:
        return 0, None
    if trouble.fault == "rate_limit":
        return 429, {"code": "rate_limited", "reason": "too many requests"}
    return 503, {"code": "broken", "reason": "something went wrong"}


def _asked(
    number: int, request: str, status: int, answer: Any, trouble: ChosenFault | None
) -> RequestRecord:
    code = answer.get("code", "") if isinstance(answer, dict) else ""
    return RequestRecord(number, request, trouble.fault if trouble else "", status, code)


def _named(request: web.Request, body: bytes) -> str:
    """Return the client order id that a request names, empty for none."""
    if name := request.match_info.get("client_order_id"):
        return name
    try:
        content = parse(body) if request.path == "/orders" and body else None
    except WireError:
        return ""
    name = content.get("client_order_id") if isinstance(content, dict) else None
    return name if isinstance(name, str) else ""


def _read(body: bytes, shape: type[Shape]) -> Shape:
    """Decode the body in its shape and check every amount. Raises RefusedError."""
    try:
        content = msgspec.convert(parse(body), type=shape)
    except (WireError, msgspec.ValidationError) as error:
        raise RefusedError(400, "bad_request", str(error)) from error
    for name in content.__struct_fields__:
        amount = getattr(content, name)
        if isinstance(amount, Decimal) and not is_sane(amount):
            raise RefusedError(400, "bad_request", f"{name}: {amount} is no amount")
    return content


def _whole(record: str) -> int:
    if not (record.isascii() and record.isdigit()) or len(record) > 19:
        raise RefusedError(400, "bad_request", f"a whole number expected, found {record[:40]!r}")
    return int(record)


def _error_body(code: str, reason: str) -> bytes:
    return msgspec.json.encode({"code": code, "reason": reason})


def _response(status: int, content: bytes) -> web.Response:
    return web.Response(status=status, body=content, content_type="application/json")


async def _write(request: web.Request, response: web.Response) -> None:
    """Send the answer now, so that what is pushed about it comes after it."""
    try:
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:
        pass  # the client did not wait; that is what some of this is for
