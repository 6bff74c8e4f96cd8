"""Where sessions are played: every service on the memory bus, in turns, as on any tape."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import canonical_event, wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.market import TapeOpened
from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.subjects import SHARED, operator_subject, producer_subject
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.narrate.narrate import lines, narrated_stories
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import Decoding, Feed, Message
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.runtime.service.turns import LocalTurnTaker, Round
from deadreckon.services.assembly import assemble
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.services.market.tape_player import TapeProgress
from deadreckon.venues.simulated.adapter import SERVICE
from tests.sessions.script import Fact, Report, Row, Script, Step, Wire
from tests.stories import START

CODE = "session"


class ServiceStack:
    """The services of one life, and the market edge beside them."""

    def __init__(self, bus: MemoryBus, name: str, snapshots: Snapshots | None = None) -> None:
        self.bus = bus
        self.feed = Feed(bus)
        self._name = name
        self._market = Domain(bus, SHARED, "market", CODE)
        self._edge = Domain(bus, BOOK, SERVICE, CODE)
        self.services = assemble(RANK, bus, self.feed, book=BOOK, mode="paper", snapshots=snapshots)
        self._turns = Round([LocalTurnTaker(service) for service in self.services], self.feed)

    async def open(self) -> None:
        """Recall everything from the log, and finish the turn in which the last life ended."""
        for service in self.services:
            await service.restore()
        await self.feed.start()
        await self._market.recover()
        await self._edge.recover()
        for service in self.services:
            await service.replay()
        played = TapeProgress()
        for message in decoded(self.bus.log.messages):
            played.fold(message)
            if message.subject.is_inbound:  # a turn of its own, which begins with the first in rank
                played.publisher = None
        self._turns.tail = self.bus.log.last
        await self._turns.settle(played.publisher)

    async def take(self, number: int, step: Step, now: int) -> None:
        """Say what a step says, and let everybody answer until all are silent."""
        match step:
            case Row(event=event):
                await self._row(number, event, now)
            case Fact(who=who, record=record, id=id):
                payload = (
                    record if isinstance(record, bytes) else _fact(id or f"fact {number}", record)
                )
                self._turns.tail = await self.bus.append(operator_subject(BOOK, who), payload)
            case Report(of=of, record=record):
                await self._report(number, of, record, now)
            case Wire(who=who, sent=sent):
                payload = _signals(sent, now)
                self._turns.tail = await self.bus.append(producer_subject(BOOK, who), payload)
        await self._turns.settle()
        for service in self.services:
            if isinstance(service, Service) and service.snapshot_store:
                await service.snapshot_store.written()

    async def _report(
        self, number: int, of: int, words: Callable[[OrderSubmitting], Event], now: int
    ) -> None:
        intent = self._intents[of]
        record: Recorded[Any] = Recorded(
            id=derive_id(self._name, "report", number),
            at=now,
            book=BOOK,
            mode="paper",
            source=SERVICE,
            cause=intent.id,
            root=intent.root,
            event=canonical_event(words(intent.event)),
        )
        place = self._edge.sequence
        self._turns.tail = await self._edge.append((place + 1, place, 0), [], [wrap(record)])

    @property
    def _intents(self) -> list[Recorded[OrderSubmitting]]:
        facts = [record for message in decoded(self.bus.log.messages) for record in message.facts]
        return [record for record in facts if isinstance(record.event, OrderSubmitting)]

    async def settle(self) -> None:
        """Let everybody answer what was appended beside the script, until all are silent."""
        self._turns.tail = self.bus.log.last
        await self._turns.settle()

    async def _row(self, number: int, event: Event, now: int) -> None:
        fact_id = derive_id(self._name, "row", number)
        record: Recorded[Any] = Recorded(
            id=fact_id,
            at=now,
            book=SHARED,
            mode="paper",
            source="market",
            cause=None,
            root=fact_id,
            event=canonical_event(event),
        )
        place = self._market.sequence
        self._turns.tail = await self._market.append((place + 1, place, 0), [], [wrap(record)])

    @property
    def states(self) -> dict[str, Any]:
        """What each service remembers now."""
        return {service.name: service.state for service in self.services}

    async def close(self) -> None:
        await self.feed.stop()


def _fact(fact_id: str, event: Event) -> bytes:
    return write_fact(fact_id, NAMES[type(event)], event)


def _signals(sent: dict[str, Any] | list[Any] | bytes, now: int) -> bytes:
    if isinstance(sent, bytes):
        return sent
    if isinstance(sent, list):
        return msgspec.json.encode([_dated(item, now) for item in sent])
    return msgspec.json.encode(_dated(sent, now))


def _dated(item: Any, now: int) -> Any:
    return {"at": format_timestamp(now)} | item if isinstance(item, dict) else item


class Session:
    """A script with what it left: the log, how long that was after each step (`places`), and what
    each service remembers at the end (`states`)."""

    def __init__(self, name: str, script: Script, snapshots: Snapshots | None = None) -> None:
        self.name = name
        self.snapshots = snapshots
        events: list[Any] = [step.event for step in script if isinstance(step, Row)]
        opened = TapeOpened(name, events[0].instrument, "bars", len(events), "base")
        self.steps = [Row(opened, 0), *script]
        self.log: list[Stored] = []
        self.places: list[int] = []
        self.states: dict[str, Any] = {}

    async def play(self) -> None:
        async with self._stage([]) as stage:
            for number in range(len(self.steps)):
                await self._step(stage, number)
                self.places.append(stage.bus.log.last)
            self.log = stage.bus.log.messages
            self.states = stage.states

    @property
    def places_of_rows(self) -> list[int]:
        """How long the log was whenever everybody had answered a row of the tape."""
        places = zip(self.steps, self.places, strict=True)
        return [place for step, place in places if isinstance(step, Row)]

    async def played_after_a_cut(self, place: int) -> list[Stored]:
        """The log as it comes out when all services die at a message, and live on with the rest."""
        done = sum(reached < place for reached in self.places)
        begun = place > (self.places[done - 1] if done else 0)
        async with self._stage(self.log[:place]) as stage:
            for number in range(done + begun, len(self.steps)):
                await self._step(stage, number)
            return stage.bus.log.messages

    async def turn_after_a_cut(self, place: int) -> list[Stored]:
        """The same, but no further than to the end of the turn."""
        async with self._stage(self.log[:place]) as stage:
            return stage.bus.log.messages

    @asynccontextmanager
    async def _stage(self, messages: list[Stored]) -> AsyncIterator[ServiceStack]:
        stage = ServiceStack(MemoryBus(MemoryLog(list(messages))), self.name, self.snapshots)
        await stage.open()
        try:
            yield stage
        finally:
            await stage.close()

    async def _step(self, stage: ServiceStack, number: int) -> None:
        now = START + sum(step.after for step in self.steps[: number + 1] if isinstance(step, Row))
        await stage.take(number, self.steps[number], now)


def decoded(messages: Iterable[Stored]) -> list[Message]:
    """The messages of a log, decoded."""
    decoding = Decoding()
    return [decoding.decode(stored) for stored in messages]


def narration(messages: Iterable[Stored]) -> str:
    """A log in words."""
    return "\n".join(lines(narrated_stories(decoded(messages), BOOK, "paper"))) + "\n"


def audited(messages: Iterable[Stored]) -> Audit:
    """A log's own arithmetic, beside what portfolio said of it."""
    found = Audit(BOOK, "paper", None)
    for message in decoded(messages):
        found.fold(message)
    found.finish()
    return found
