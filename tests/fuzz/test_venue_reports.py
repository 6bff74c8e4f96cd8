"""Whatever a venue says: its adapter believes only what can be, and no book holds what nobody
traded."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from deadreckon.accounting import ledger
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.codec import canonical_event, wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import OrderFilled, OrderSubmitting
from deadreckon.contracts.venues import (
    ForeignTradeOrigin,
    VenueCancelRejected,
    VenueConnectionChanged,
    VenueForeignTradeReported,
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueOrderNotSent,
    VenueOrderRejected,
    VenueOutcome,
    VenueReconciled,
    VenueReportRefused,
    VenueRequestSending,
    VenueRequestUnanswered,
    VenueTradeReported,
)
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.process.loopback import LOOPBACK
from deadreckon.services.catalogue import BOOK
from deadreckon.venues.port import (
    DuplicateError,
    MalformedReportError,
    OrderStatus,
    RejectedError,
    ThrottledError,
    UnansweredError,
    VenueTrade,
)
from deadreckon.venues.simulated.adapter import SERVICE, SimulatedVenue, parse_report
from tests.fuzz.budget import SEED, attempt, kept, share
from tests.fuzz.mutator import Mutator
from tests.fuzz.samples import ENTRY, TERMS
from tests.fuzz.target import (
    IN,
    FuzzedStack,
    check_books,
    check_refusal,
    check_restart,
    fuzzed_stack,
)
from tests.sessions.player import decoded
from tests.sessions.script import ann
from tests.stories import MINUTE, START, venue
from tests.support.exchange_orders import handle, order_request

PORT_ERRORS = (
    DuplicateError,
    MalformedReportError,
    RejectedError,
    ThrottledError,
    UnansweredError,
)
STANDING = {
    "client_order_id": "one",
    "venue_order_id": "X1",
    "filled": "0.5",
    "open": True,
    "outcome": None,
    "reason": "",
}
TRADE = {
    "place": 1,
    "trade_id": "t1",
    "client_order_id": "one",
    "symbol": "BTCUSD",
    "side": "buy",
    "quantity": "0.5",
    "price": "100.25",
    "liquidity": "taker",
    "fee": "-0.01",
    "fee_currency": "USDT",
    "traded_at": START,
}
PUSHED = [{"type": "trade"} | TRADE, {"type": "order"} | STANDING]
ANSWERS: list[Any] = [
    STANDING,
    {"orders": [STANDING, STANDING]},
    {"trades": [TRADE]},
    {"balances": {"USD": "1000.5"}},
    {"at": START},
    {"code": "unknown_order", "reason": "who?"},
    {"code": "duplicate_client_order_id"},
]
STATUSES = [200, 200, 200, 201, 302, 400, 404, 409, 429, 500, 503]


# The adapter.


def read(payload: bytes) -> VenueTrade | OrderStatus | None:
    """What a push is taken for; refused with bounded evidence otherwise."""
    try:
        return parse_report(payload)
    except MalformedReportError as error:
        return bounded(error)


def bounded(error: MalformedReportError) -> VenueTrade | OrderStatus | None:
    assert len(error.evidence) <= 512
    return None


def test_a_pushed_report_is_one_that_can_be_or_refused() -> None:
    taken = 0
    for path in kept("push"):
        read(path.read_bytes())
    for number in range(share(10)):
        mutator = Mutator(f"push/{SEED}", number)
        payload = mutator.payload(json.dumps(mutator.random.choice(PUSHED)).encode())
        report = attempt("push", number, payload, read)
        taken += report is not None
        if isinstance(report, VenueTrade):
            assert report.quantity > 0
            assert report.price > 0
        elif report is not None:
            assert report.filled >= 0
            assert not (report.open and report.outcome)
    assert 0 < taken < share(10)


class Liar:
    """A server that answers each request with the next of its answers, whatever was asked."""

    def __init__(self) -> None:
        self.answer = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
            writer.close()


@asynccontextmanager
async def a_liar() -> AsyncIterator[tuple[Liar, SimulatedVenue]]:
    liar = Liar()
    server = await asyncio.start_server(liar.serve, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    adapter = SimulatedVenue(f"http://{LOOPBACK}:{port}", "key", timeout=1.0)
    try:
        yield liar, adapter
    finally:
        await adapter.close()
        server.close()
        await server.wait_closed()


def lie(mutator: Mutator) -> bytes:
    """An answer with a mutated body, or with its head mutated too."""
    random = mutator.random
    body = mutator.payload(json.dumps(random.choice(ANSWERS)).encode())
    length = random.choice([len(body), len(body), len(body), len(body) + 5, 0])
    head = (
        f"HTTP/1.1 {random.choice(STATUSES)} X\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\nRetry-After: {random.choice(['1', 'nan', 'inf', '-1', 'é'])}"
        "\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n"
    ).encode()
    return mutator.bytes(head + body) if random.random() < 0.2 else head + body


def requests(adapter: SimulatedVenue) -> list[Callable[[], Awaitable[Any]]]:
    return [
        lambda: adapter.submit(order_request("one", quantity="0.001")),
        lambda: adapter.cancel(handle("one"), START),
        lambda: adapter.query(handle("one")),
        adapter.open_orders,
        lambda: adapter.trades_since(""),
        adapter.balances,
        adapter.positions,
        lambda: adapter.advance(START),
        lambda: anext(aiter(adapter.reports()), None),
    ]


async def test_a_server_that_lies_gets_no_more_than_one_of_the_ports_errors() -> None:
    async with a_liar() as (liar, adapter):
        kinds = requests(adapter)
        for number in range(share(3)):
            mutator = Mutator(f"http/{SEED}", number)
            liar.answer = lie(mutator)
            try:
                # Trades are asked for until none come: a server that repeats itself is found out.
                await asyncio.wait_for(mutator.random.choice(kinds)(), 10)
            except PORT_ERRORS:
                pass
            except BaseException as error:
                error.add_note(f"http, DR_FUZZ_SEED={SEED}, case {number}: {liar.answer[:600]!r}")
                raise


# What the edge records is whatever chance says; fill and all behind it must hold.

SIZES = ["0.001", "0.01", "0.5", "1", "3.333333333333333333", "999999999999999", "1e-18"]
PRICES = ["100", "99.999", "0.000000000000000001", "999999999999999.999999999999999999", "1"]
FEES = ["0", "0.01", "-0.5", "999999999999999", "-0.000000000000000001"]


class Chaos:
    """A venue's edge out of its mind: it says anything about any order, in any order."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)
        self.names: list[tuple[str, str]] = [("nobody", "client of nobody")]
        self.trades = 0

    def learn(self, log: Sequence[Any]) -> None:
        """Which orders fill has intended."""
        for message in decoded(log):
            for record in message.facts:
                if isinstance(record.event, OrderSubmitting):
                    name = (record.event.order_id, record.event.client_order_id)
                    if name not in self.names:
                        self.names.append(name)

    def event(self) -> Event:
        random = self.random
        where = random.choices(["PAPER", "NOWHERE", ""], [30, 1, 1])[0]
        order, client = random.choice(self.names[-12:] + self.names[:1])
        if random.random() < 0.05:
            client = random.choice(self.names)[1]
        name = (where, order, client)
        match random.randrange(12):
            case 0:
                return VenueRequestSending(*name, random.choice(["submit", "cancel"]))
            case 1:
                return VenueOrderNotSent(*name, random.choice(["halted", "", "x" * 500]), "why not")
            case 2:
                return VenueRequestUnanswered(*name, random.choice(["submit", "cancel"]), "lost")
            case 3:
                return VenueOrderMissing(*name)
            case 4:
                return VenueOrderAccepted(*name, random.choice(["", "X1", "🦆" * 100]))
            case 5:
                return VenueOrderRejected(*name, "no_money", "none left")
            case 6 | 7 | 8:
                return self.trade(*name)
            case 9:
                outcome: VenueOutcome = random.choice(["cancelled", "expired"])
                return VenueOrderEnded(*name, outcome, self.size(), "by the venue")
            case 10:
                return VenueCancelRejected(*name, "it has ended")
        return random.choice(
            [
                VenueReportRefused(where, "malformed", "what?", "x" * 512, random.randrange(9)),
                VenueReconciled(where, 1, 2, ["stranger"], {"USD": self.size()}),
                VenueReconciled(where, 0, 0, [], {}),
                self.foreign_trade(where),
                VenueConnectionChanged(where, random.random() < 0.5, "it came and went"),
            ]
        )

    def trade(self, where: str, order: str, client: str) -> VenueTradeReported:
        random = self.random
        self.trades += random.random() < 0.8  # else an id again, perhaps with another content
        number = random.choice([self.trades, 0, 2**63 - 1, 1])
        return VenueTradeReported(
            venue=where,
            order_id=order,
            client_order_id=client,
            trade_id=f"t{self.trades}",
            side=random.choice(["buy", "sell"]),
            quantity=self.size(),
            price=Decimal(random.choice(PRICES)),
            liquidity=random.choice(["maker", "taker"]),
            fee=Decimal(random.choice(FEES)),
            fee_currency=random.choice(["USDT", "USDT", "BTC", "DOGE", "é"]),
            traded_at=random.choice([START, 0, 2**63 - 1]),
            number=number,
            cursor=random.choice(["", "7", "é" * 40]),
        )

    def foreign_trade(self, where: str) -> VenueForeignTradeReported:
        random = self.random
        origins: list[ForeignTradeOrigin] = ["order", "liquidation", "settlement"]
        return VenueForeignTradeReported(
            venue=where,
            symbol=random.choice(["BTCUSD", "", "é"]),
            trade_id=f"foreign {random.randrange(50)}",
            client_order_id=random.choice(["", "somebody"]),
            origin=random.choice(origins),
            side=random.choice(["buy", "sell"]),
            quantity=self.size(),
            price=Decimal(random.choice(PRICES)),
            liquidity="taker",
            fee=Decimal(random.choice(FEES)),
            fee_currency="USDT",
            traded_at=START,
            number=self.trades,
        )

    def size(self) -> Decimal:
        return Decimal(self.random.choice(SIZES))


class ChaosDriver:
    """A desk whose venue is chaos."""

    def __init__(self, stack: FuzzedStack, chaos: Chaos) -> None:
        self.stack = stack
        self.chaos = chaos
        self._edge = Domain(stack.stage.bus, BOOK, SERVICE, "chaos")
        self._said = 0

    async def open(self) -> None:
        await self.stack.prepare()
        await self.mend()
        await self._edge.recover()

    async def mend(self) -> None:
        """Trade on after a halt: the venue is the edge's, and its silence is borne for a while."""
        await self.stack.mend()
        real = replace(venue(), edge=SERVICE, unknown_after=2 * MINUTE)
        await self.stack.say(ann(real))

    async def signals(self, number: int) -> None:
        for offset in range(4):
            terms = self.chaos.random.choice(TERMS[:5])
            side = self.chaos.random.choice(["buy", "sell"])
            more = {"id": f"w{number}-{offset}", "side": side, "at": self.stack.moment}
            payload = json.dumps(ENTRY | terms | more).encode()
            await self.stack.stage.bus.append(IN, payload)
        await self.stack.stage.settle()

    async def reports(self, count: int) -> None:
        self.chaos.learn(self.stack.log)
        for _ in range(count // 5):
            events = [self._recorded(self.chaos.event()) for _ in range(5)]
            place = self._edge.sequence
            await self._edge.append((place + 1, place, 0), [], [wrap(record) for record in events])
        await self.stack.stage.settle()

    def _recorded(self, event: Event) -> Recorded[Any]:
        self._said += 1
        fact_id = derive_id("chaos", SERVICE, self._said)
        return Recorded(
            id=fact_id,
            at=self.stack.now,
            book=BOOK,
            mode="paper",
            source=SERVICE,
            cause=None,
            root=fact_id,
            event=canonical_event(event),
        )


@pytest.mark.parametrize("life", range(2))
async def test_no_position_is_held_that_no_accepted_trade_explains(
    life: int, tmp_path: Path
) -> None:
    for lot in range(0, share(5), 2_000):
        seed = f"chaos/{SEED}/{life}/{lot}"
        async with fuzzed_stack(seed) as stack:
            chaos = ChaosDriver(stack, Chaos(seed))
            await chaos.open()
            for number in range(min(2_000, share(5) - lot) // 50 + 1):
                await chaos.signals(number)
                await chaos.reports(50)
                await stack.tick()
                if number % 3:
                    await chaos.mend()
            log, states = stack.log, stack.stage.states
        for message in decoded(log):
            for record in message.facts:
                check_refusal(record.event)
        check_positions(log, states)
        check_books(log, tmp_path / f"{lot}")
        await check_restart(log, seed, states)


def check_positions(log: Sequence[Any], states: dict[str, Any]) -> None:
    """What is held is what was filled, and every fill is a trade that the venue told first."""
    facts = [record.event for message in decoded(log) for record in message.facts]
    reports: dict[tuple[str, str], VenueTradeReported] = {}
    fills: dict[tuple[str, str], OrderFilled] = {}
    for event in facts:
        if isinstance(event, VenueTradeReported):
            reports.setdefault((event.order_id, event.trade_id), event)
        if isinstance(event, OrderFilled):
            assert (event.venue, event.trade_id) not in fills, event
            fills[event.venue, event.trade_id] = event
    quantities: dict[tuple[str, str], Decimal] = {}
    for fill in fills.values():
        if not fill.trade_id.startswith("t"):
            continue
        named = [it for (_, trade_id), it in reports.items() if trade_id == fill.trade_id]
        assert any((it.quantity, it.price) == (fill.quantity, fill.price) for it in named), fill
    for fill in fills.values():
        key = (fill.strategy, fill.instrument)
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        quantities[key] = EXACT.add(quantities.get(key, ZERO), signed)
    assert fills
    book = states["portfolio"].ledger
    for (strategy, instrument), quantity in quantities.items():
        assert ledger.held(book, strategy, instrument) == quantity
