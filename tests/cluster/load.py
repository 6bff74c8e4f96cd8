"""Fenced writers, services and a producer on a log, each on a connection of its own; and what must
be true of the log when they are done, whatever happened to the servers meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from types import ModuleType
from typing import Any, cast

from msgspec import Struct

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import HaltAcknowledged
from deadreckon.contracts.inbound import read_fact, write_fact
from deadreckon.contracts.portfolio import CashDeposited
from deadreckon.contracts.subjects import operator_subject
from deadreckon.runtime.log.bus import LogInfo
from deadreckon.runtime.log.domain import Domain, retry
from deadreckon.runtime.log.feed import Decoding, Feed, Message
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.service.service import Service

WRITERS = ("alpha", "beta", "gamma")
SERVICES = ("echo", "second")
PAUSE = 0.004  # seconds between two writes of one writer: load, but not a busy machine


class Answered(Struct):
    """What a service remembers: how many facts it has heard."""

    heard: int = 0


class Echo:
    """Answers every deposit with an acknowledgement that carries its amount."""

    def initial(self) -> Answered:
        return Answered()

    def evolve(self, state: Answered, record: Recorded[Any]) -> Answered:
        state.heard += isinstance(record.event, CashDeposited)
        return state

    def decide(self, state: Answered, record: Recorded[Any]) -> Sequence[Event]:
        match record.event:
            case CashDeposited(amount=amount):
                return [HaltAcknowledged(record.id, "all", int(amount))]
            case _:
                return []


class Load:
    """`async with Load(servers) as load:` keeps writing until the end of the block."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._stack = AsyncExitStack()
        self._writers: list[asyncio.Task[None]] = []
        self._services: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self.buses: list[JetStreamBus] = []
        self.acknowledged: dict[str, list[int]] = {name: [] for name in WRITERS}
        self.record: list[int] = []  # sequences of the producer's facts, by their number

    async def __aenter__(self) -> "Load":
        first = await self._bus()
        for name in WRITERS:
            writing = self._write(await self._bus(), name)
            self._writers.append(asyncio.create_task(writing, name=name))
        for name in SERVICES:
            await self._serve(await self._bus(), name)
        self._writers.append(asyncio.create_task(self._produce(first), name="producer"))
        return self

    async def _bus(self) -> JetStreamBus:
        bus = await JetStreamBus.connect(self._servers)
        self._stack.push_async_callback(bus.close)
        await bus.provision()
        self.buses.append(bus)
        return bus

    async def _write(self, bus: JetStreamBus, name: str) -> None:
        domain = Domain(bus, "desk", name, "load")
        await domain.recover()
        while not self._stopping.is_set():
            self.acknowledged[name].append(await domain.append((1, 0, 0), [], []))
            await asyncio.sleep(PAUSE)

    async def _produce(self, bus: JetStreamBus) -> None:
        """A producer that tries again until the log has what it says; a copy does no harm."""
        subject = operator_subject("desk", "producer")
        while not self._stopping.is_set():
            number = len(self.record) + 1
            event = CashDeposited("USD", Decimal(number), "producer", "load")
            fact = write_fact(f"fact-{number}", NAMES[CashDeposited], event)
            self.record.append(await retry(lambda fact=fact: bus.append(subject, fact)))  # type: ignore[misc]
            await asyncio.sleep(PAUSE)

    async def _serve(self, bus: JetStreamBus, name: str) -> None:
        feed = Feed(bus)
        decider = cast(ModuleType, Echo())
        service = Service(name, decider, bus, feed, book="desk", mode="paper", code="load")
        await feed.start()
        self._stack.push_async_callback(feed.stop)
        await service.replay()
        self._services.append(asyncio.create_task(service.follow(), name=name))

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        for task in [*self._writers, *self._services]:
            task.cancel()
        await asyncio.gather(*self._writers, *self._services, return_exceptions=True)
        await self._stack.aclose()

    @property
    def count(self) -> int:
        """How many writes the log has acknowledged so far, to writers and producer."""
        return len(self.record) + sum(map(len, self.acknowledged.values()))

    @property
    def is_waiting(self) -> bool:
        """Whether nobody's writes are acknowledged any more."""
        writing = self.buses[: 1 + len(WRITERS)]
        return not any(bus.log_health.available for bus in writing)

    def check_alive(self) -> None:
        """Raise what ended a writer or a service."""
        for task in [*self._writers, *self._services]:
            if task.done():
                task.result()

    async def progress(self, more: int = 50) -> None:
        """Wait until every writer and the producer has written `more`."""
        wanted = [len(it) + more for it in [self.record, *self.acknowledged.values()]]
        while any(
            len(it) < want
            for it, want in zip([self.record, *self.acknowledged.values()], wanted, strict=True)
        ):
            self.check_alive()
            await asyncio.sleep(0.02)

    async def finish(self) -> "Found":
        """Stop writing, let services answer all that was said, and read the whole log."""
        self._stopping.set()
        await asyncio.gather(*self._writers)
        bus = self.buses[0]
        while True:
            self.check_alive()
            found = await read_all(bus)
            asked = set(found.facts.values())
            if all(asked <= set(found.answers[name]) for name in SERVICES):
                return found
            await asyncio.sleep(0.1)

    def check(self, found: "Found") -> None:
        """Acknowledged and lost: none. Stored twice: none. Every input answered once."""
        assert not found.damage, found.damage[:3]
        assert (found.info.messages, found.info.deleted) == (found.info.last, 0)
        for name, sequences in self.acknowledged.items():
            stored = found.commits[name]
            assert set(sequences) <= set(stored), f"{name} lost an acknowledged commit"
            assert sequences == sorted(set(sequences)), f"{name} was acknowledged one twice"
            assert len(stored) == len(sequences), f"{name} wrote one twice"
        for number, sequence in enumerate(self.record, 1):
            assert found.facts.get(sequence) == number, f"fact {number} is lost"
        for name in SERVICES:
            answered = Counter(found.answers[name])
            assert max(answered.values()) == 1, f"{name} answered an input twice"
            assert set(found.facts.values()) == answered.keys(), f"{name} left an input unanswered"


class Found(Struct):
    """A log, read from its first message to its last without a hole."""

    info: LogInfo
    commits: dict[str, list[int]]  # by writer: sequences
    facts: dict[int, int]  # what the producer said: its number by sequence, copies included
    answers: dict[str, list[int]]  # by service: the numbers it has answered
    damage: list[str]


async def read_all(bus: JetStreamBus) -> Found:
    """The whole log: contiguous by the reader's promise, its chains followed."""
    info = await retry(bus.info)
    found = Found(info, {name: [] for name in WRITERS}, {}, {name: [] for name in SERVICES}, [])
    reader = await bus.read(0)
    decoding, last = Decoding(), 0
    while last < info.last:
        for stored in await reader.next(1.0):
            last = stored.sequence
            if last <= info.last:
                _take(found, decoding.decode(stored))
    await reader.close()
    return found


def _take(found: Found, message: Message) -> None:
    service = message.subject.service
    if message.damage:
        found.damage.append(f"{message.sequence}: {message.damage}")
    elif service in found.commits:
        found.commits[service].append(message.sequence)
    elif message.subject.is_inbound:
        _, _, fact = read_fact("producer", message.payload)
        found.facts[message.sequence] = int(cast(CashDeposited, fact).amount)
    else:
        found.answers[service] += [record.event.open_orders for record in message.facts]
