"""A venue in memory with faults on order, and an edge beside a log in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import decode_commit, unwrap, wrap
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.fields import Purpose
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.orders import OrderCancelling, OrderSubmitting
from deadreckon.contracts.subjects import operator_subject
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.venue.edge import VenueEdge
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
from tests.stories import START, at

EDGE_NAME = "venue-sim"
SECOND = NANOSECONDS

# What may go wrong with the next request of a kind; "after" means that it was done all the same.
BEFORE, AFTER, THROTTLED, GARBAGE = "before", "after", "throttled", "garbage"


class FakeVenue:
    """Market orders trade at once, limit orders wait. `faults` are taken one by one, by request;
    `sent` is every request that arrived, done or not."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderStatus] = {}
        self.tickets: dict[str, OrderRequest] = {}
        self.told: list[VenueTrade] = []
        self.faults: dict[str, list[str]] = {}
        self.sent: list[tuple[str, str]] = []
        self.guarantees = Guarantees(unique_ids=True)
        self.refuses: set[str] = set()
        self.pushed: asyncio.Queue[VenueTrade | OrderStatus | Exception] = asyncio.Queue()
        self.clock = 0
        self.page = 1_000  # trades of one answer

    async def submit(self, ticket: OrderRequest) -> str:
        name = ticket.client_order_id
        fault = self._arrived("submit", name)
        if name in self.orders:
            raise DuplicateError
        if name in self.refuses:
            raise RejectedError("no_money", "the account is empty")
        self.tickets[name] = ticket
        self.orders[name] = OrderStatus(name, f"X{name}", Decimal(0), True, None, "")
        if ticket.order_type == "market":
            self.fill(name)
        self._leave(fault)
        return f"X{name}"

    async def cancel(self, order: OrderHandle, at: int) -> OrderStatus:
        client_order_id = order.client_order_id
        fault = self._arrived("cancel", client_order_id)
        standing = self.orders.get(client_order_id)
        if standing is None or not standing.open:
            raise RejectedError("order_ended", "it is no longer open")
        self.end(client_order_id)
        self._leave(fault)
        return self.orders[client_order_id]

    async def query(self, order: OrderHandle) -> OrderStatus | None:
        self._leave(self._arrived("query", order.client_order_id))
        return self.orders.get(order.client_order_id)

    async def open_orders(self) -> list[OrderStatus]:
        self._leave(self._arrived("open_orders", ""))
        return [standing for standing in self.orders.values() if standing.open]

    async def trades_since(self, cursor: str) -> TradePage:
        self._leave(self._arrived("trades", ""))
        begin = int(cursor or "0")
        end = begin + self.page
        trades = self.told[begin:end]
        return TradePage(trades, str(begin + len(trades)), end >= len(self.told))

    async def balances(self) -> dict[str, Decimal]:
        self._leave(self._arrived("balances", ""))
        return {"USD": Decimal(1000)}

    async def positions(self) -> dict[str, Decimal]:
        self._leave(self._arrived("positions", ""))
        return {"BTCUSD": Decimal(2)}

    async def advance(self, at: int) -> None:
        self._leave(self._arrived("clock", ""))
        self.clock = max(self.clock, at)

    async def reports(self) -> AsyncIterator[VenueTrade | OrderStatus]:
        while True:
            report = await self.pushed.get()
            if isinstance(report, Exception):
                raise report
            yield report

    async def close(self) -> None:
        pass

    def fill(self, name: str, quantity: Decimal | None = None) -> VenueTrade:
        """Let an order trade, wholly unless told otherwise."""
        ticket, standing = self.tickets[name], self.orders[name]
        size = ticket.quantity - standing.filled if quantity is None else quantity
        trade = self.print_trade(name, ticket.side, size)
        filled = standing.filled + size
        self._stand(name, filled=filled, open=filled < ticket.quantity)
        return trade

    def print_trade(self, name: str, side: Any, quantity: Decimal) -> VenueTrade:
        """A trade on the account's tape, whoever's it is."""
        number = len(self.told) + 1
        trade = VenueTrade(
            f"t{number}",
            name,
            "BTCUSD",
            side,
            quantity,
            Decimal(100),
            "taker",
            Decimal(1),
            "USD",
            START,
        )
        self.told.append(trade)
        return trade

    def end(self, name: str, reason: str = "requested") -> None:
        """Take an order out of the book."""
        self._stand(name, open=False, outcome="cancelled", reason=reason)

    def _stand(self, name: str, **changes: Any) -> None:
        self.orders[name] = msgspec.structs.replace(self.orders[name], **changes)

    def _arrived(self, request: str, name: str) -> str:
        fault = (self.faults.get(request) or [""]).pop(0)
        self.sent.append((request, name))
        if fault == BEFORE:
            raise UnansweredError("503")
        if fault == THROTTLED:
            raise ThrottledError(0.01)
        return fault

    def _leave(self, fault: str) -> None:
        if fault == AFTER:
            raise UnansweredError("the connection broke")
        if fault == GARBAGE:
            raise MalformedReportError("no JSON", "<html>")


class EdgeDriver:
    """A log, what others say in it, and the edge that serves the venue, life after life."""

    def __init__(self, venue: FakeVenue) -> None:
        self.venue = venue
        self.log = MemoryLog()
        self.now = START
        self._others: dict[tuple[str, str], Domain] = {}
        self._bus = MemoryBus(self.log)
        self._numbers = 0
        self.edge: VenueEdge
        self.following: asyncio.Task[None]
        self.snapshots: Snapshots | None = None
        self.started = 0  # the place at which the edge's life began to read
        self.feed: Feed

    async def open(self) -> "EdgeDriver":
        """The venue is configured and the clock has ticked; nothing is intended."""
        await self.tick()
        await self.operator(configured())
        await self.born()
        return self

    async def born(self) -> None:
        """An edge that knows nothing but the log; the last one is gone without a word."""
        bus = MemoryBus(self.log)
        self.feed = Feed(bus)
        self.edge = VenueEdge(
            EDGE_NAME,
            bus,
            self.feed,
            self.venue,
            book="desk",
            mode="paper",
            code="test",
            snapshots=self.snapshots,
        )
        await self.edge.restore()
        self.started = self.edge.position
        await self.feed.start()
        await self.edge.replay()

    async def closed(self) -> None:
        """Stop reading."""
        await self.feed.stop()

    async def turn(self) -> list[str]:
        """Let the edge take its turn; the names of what it said, in order."""
        before = self.log.last
        await self.edge.take_turn(self.log.last)
        return [name_of(record) for record in self.record(before)]

    def record(self, after: int = 0) -> list[Recorded[Any]]:
        """What the edge has recorded."""
        return [
            unwrap(envelope, stored.sequence)
            for stored in self.log.messages
            if stored.sequence > after and f".{EDGE_NAME}." in stored.subject
            for envelope in decode_commit(stored.payload).events
        ]

    async def tick(self, seconds: int = 1) -> None:
        """Time passes."""
        self.now += seconds * SECOND
        await self._say("shared", "clock", [ClockTicked()])

    async def fill(self, *events: Event) -> None:
        """What fill says, in one commit."""
        await self._say("desk", "fill", events)

    async def operator(self, event: Event) -> None:
        """A fact at an operator's door."""
        self._numbers += 1
        payload = write_fact(f"fact-{self._numbers}", NAMES[type(event)], event)
        await self._bus.append(operator_subject("desk", "ann"), payload)

    async def _say(self, book: str, service: str, events: Iterable[Event]) -> None:
        domain = self._others.setdefault((book, service), Domain(self._bus, book, service, "test"))
        place = self.log.last
        envelopes = [
            wrap(at(event, self.now, id=f"{service}-{place}-{index}", book=book))
            for index, event in enumerate(events)
        ]
        await domain.append((place + 1, place, 0), [], envelopes)


async def wait_until(holds: Callable[[], Any], what: str) -> None:
    """Wait until something holds; fails with `what` when it does not in time."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")


def name_of(record: Recorded[Any]) -> str:
    """An event's name, with what tells apart those of one name."""
    event = record.event
    what = getattr(event, "request", None) or getattr(event, "rule", None)
    name = type(event).__name__.removeprefix("Venue")
    return f"{name} {what}" if what else name


def configured(edge: str = EDGE_NAME) -> VenueConfigured:
    """The venue is behind an edge."""
    return VenueConfigured(
        venue="SIM",
        maker_fee_rate=Decimal(0),
        taker_fee_rate=Decimal(0),
        fee_currency="",
        slippage_bps=Decimal(0),
        latency=0,
        participation=Decimal(1),
        actor="ann",
        reason="test",
        edge=edge,
    )


def intent(
    name: str = "a",
    *,
    limit: int | None = None,
    quantity: int = 2,
    purpose: Purpose = "entry",
    reduce_only: bool = False,
    expires_at: int | None = None,
    venue: str = "SIM",
) -> OrderSubmitting:
    """An order that fill wants at the venue; its client order id is its name."""
    return OrderSubmitting(
        order_id=f"order-{name}",
        parent_id=f"order-{name}",
        client_order_id=name,
        signal_id=f"signal-{name}",
        producer="",
        strategy="cross",
        instrument="BTCUSD.SIM",
        venue=venue,
        symbol="BTCUSD",
        side="buy",
        quantity=Decimal(quantity),
        order_type="market" if limit is None else "limit",
        limit_price=None if limit is None else Decimal(limit),
        stop_price=None,
        time_in_force="gtc",
        post_only=False,
        reduce_only=reduce_only,
        purpose=purpose,
        expires_at=expires_at,
    )


def cancelling(name: str = "a") -> OrderCancelling:
    """Fill wants an order out of the venue's book."""
    return OrderCancelling(f"order-{name}", name, "SIM", "requested", "somebody asked")
