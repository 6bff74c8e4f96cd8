"""A venue edge's end of the log: its desk folded as lived, and what it adds, fenced."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import structlog
from msgspec import Struct, structs

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import canonical_event, wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import HaltImposed, HaltRequested, HaltScope, LogDamaged
from deadreckon.contracts.subjects import domain
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain, retry
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import killpoints
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import RecoveryError
from deadreckon.runtime.service.snapshots import LogPosition, Snapshots, StateAtCommit, state_digest
from deadreckon.services.fill import halts
from deadreckon.services.fill.state import Halt
from deadreckon.services.venue.in_flight import InFlightOrders, evolve, initial

EDGE = True

REST_FACTS = 100  # that a snapshot at an orderly end has to spare the next start
COMMIT_EVENTS = 500  # a commit of these is a tenth of what the log takes in one message
TAKE_AT_ONCE = 500  # messages between two looks at the event loop, so that nobody starves

log = structlog.get_logger()


class _Ahead(Struct):
    """The halts in force once everything up to the end of the operators' doors is obeyed."""

    halts: dict[str, Halt]


class Journal:
    """Reads the log into the desk and writes the edge's own events; `position` is the last
    message folded. Recall and life fold in the same order: each of its commits says how far it
    had read."""

    def __init__(
        self,
        name: str,
        bus: Bus,
        feed: Feed,
        *,
        book: str,
        mode: Mode,
        code: str,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.name = name
        self.desk: InFlightOrders = initial(name)
        self.domain = Domain(bus, book, name, code)
        self.position = 0
        self._book = book
        self._mode: Mode = mode
        self._bus = as_role(bus, name)
        self._feed = feed
        self._intake = Ingress(book, mode, reads_signals=False)
        self._committed = 0
        self._n = 0  # commits that were folded in recall
        self._waiting: deque[tuple[int, Recorded[Any]]] = deque()  # read behind the last of them
        self._living = False  # as long as only recalled, the desk stands at the last commit
        self._facts = 0  # folded since the last snapshot
        self._writing = asyncio.Lock()
        self._shelf = (
            snapshots.snapshot_store(name, book, mode, [evolve.__module__], InFlightOrders)
            if snapshots
            else None
        )
        feed.follow(name)

    @property
    def at(self) -> int:
        """Decision time (nanoseconds UTC) at the position."""
        return self._intake.now

    async def restore(self) -> None:
        """Stand where the newest snapshot stood that fits; to be called before the feed starts.

        Raises SnapshotAheadError when the log was cut.
        """
        found = await self._shelf.load(self._feed.bus) if self._shelf else None
        if found is None:
            return
        self.desk, self._intake, self._n = found.state, found.intake, found.moment.n
        self.position = self._committed = found.moment.place
        self._feed.follow(self.name, self.position, found.links)
        log.info("restored", service=self.name, place=self.position, commits=self._n)

    async def replay(self) -> None:
        """Fold the log up to the edge's own last commit; nothing is sent, nothing decided.

        A standby that takes over calls it again: it goes on from where `shadow` has led it.
        """
        await self.domain.recover()
        self._feed.require(self.domain.sequence)
        while self.position < self.domain.sequence:
            await self._feed.reach(self.position + 1)
            most = min(TAKE_AT_ONCE, self.domain.sequence - self.position)
            for message in self._feed.since(self.position, most):
                self.follow_recorded(message)
            self._feed.done(self.name, self.position)
            killpoints.passed("recall", self.name)
            await asyncio.sleep(0)
        log.info("recalled", service=self.name, sequence=self.position, commits=self.domain.n)

    def follow_recorded(self, message: Message) -> None:
        """Take the next message as recall does: what was read before a commit comes before it,
        the rest has to wait.

        Raises RecoveryError for damage in the edge's own domain: what may have been sent would
        be forgotten.
        """
        if message.damage and self._is_own(message):
            place = f"message {message.sequence} of its own domain"
            raise RecoveryError(f"{self.name}: {place} is damaged: {message.damage}")
        self.position = message.sequence
        if message.commit is None or not self._is_own(message):
            facts = self._intake.records_of(message)
            self._waiting.extend((message.sequence, record) for record in facts)
        elif message.commit.n > self._n:
            self._n, self._committed = message.commit.n, message.commit.to
            while self._waiting and self._waiting[0][0] <= self._committed:
                self._fold(self._waiting.popleft()[1])
            for record in message.facts:
                self._fold(record)

    def _fold(self, record: Recorded[Any]) -> None:
        self.desk = evolve(self.desk, record)
        self._facts += 1

    def _is_own(self, message: Message) -> bool:
        return message.subject.service == self.name and message.subject.book == self._book

    async def end(self) -> int:
        """The last message of the log."""
        return (await retry(self._bus.info)).last

    async def arrives(self) -> None:
        """Wait until there is more to take in."""
        await self._feed.reach(self.position + 1)

    async def take_in(self, upto: int | None = None) -> None:
        """Fold everything up to message `upto`, or all that is here."""
        self._living = True
        while self._waiting:
            self._fold(self._waiting.popleft()[1])
        while self.position < (self._feed.last if upto is None else upto):
            await self._feed.reach(self.position + 1)
            most = TAKE_AT_ONCE if upto is None else min(TAKE_AT_ONCE, upto - self.position)
            for message in self._feed.since(self.position, most):
                self._take(message)
            self._feed.done(self.name, self.position)
            await asyncio.sleep(0)

    def _take(self, message: Message) -> None:
        if message.damage or not self._is_own(message):
            for record in self._intake.records_of(message):
                self._fold(record)
        self.position = message.sequence

    async def scope(self) -> HaltScope | None:
        """The strictest halt in force, those included that operators have said since.

        A resume counts only once everything before it was read. Waits for as long as the log is
        away: nothing leaves without it.
        """
        tail = await retry(lambda: self._bus.tail(domain(self._book, "op")))
        ahead = _Ahead(dict(self.desk.halts))
        if tail is not None and tail.sequence > self.position:
            await self._feed.reach(tail.sequence)
            intake = structs.replace(self._intake)
            for message in self._feed.since(self.position, tail.sequence - self.position):
                for record in intake.records_of(message):
                    if isinstance(record.event, HaltRequested | HaltImposed | LogDamaged):
                        halts.imposed(ahead, record)
        return halts.in_force(ahead, self.at)

    async def say(self, events: Iterable[Event]) -> bool:
        """Record events, durable and fenced when this returns; whether there were any.

        They are asked for one by one, each after the one before it was folded.
        Raises FencedOutError: from then on nothing may be sent.
        """
        spoke = False
        coming = iter(events)
        async with self._writing:
            while batch := list(islice(self._folded(coming), COMMIT_EVENTS)):
                await self._append(batch)
                spoke = True
        if self._shelf and self._facts >= self._shelf.facts_between:
            await self.keep_snapshot()
        return spoke

    async def _append(self, record: list[Recorded[Any]]) -> None:
        covers = (self._committed + 1, self.position, 0)
        await self.domain.append(covers, [], [wrap(each) for each in record])
        self._committed = covers[1]

    async def standing(self) -> StateAtCommit:
        """Where the desk stands at a commit; what was read in silence is recorded first."""
        async with self._writing:
            if self._living:
                await self._record_progress()
            n = self.domain.n if self._living else self._n
            return StateAtCommit(n, self._committed, 0, state_digest(self.desk))

    async def _record_progress(self) -> None:
        while self._committed < self.position:
            await self._append([])

    async def keep_snapshot(self) -> None:
        """Write the desk down as it stands at a commit."""
        if self._shelf is None:
            return
        async with self._writing:
            await self._record_progress()
            links = self._feed.links_at(self.position)
            if links is not None:
                token = self.domain
                moment = LogPosition(token.sequence, token.previous, token.n, self.position)
                self._shelf.keep(moment, self._intake, links, self.desk)
                self._facts = 0

    async def rest(self) -> None:
        """Leave a snapshot behind that spares the next start something."""
        if self._shelf is not None:
            if self._living and self._facts >= REST_FACTS:
                await self.keep_snapshot()
            await self._shelf.written()

    def _folded(self, events: Iterator[Event]) -> Iterator[Recorded[Any]]:
        for event in events:
            record = self._recorded(event)
            self._fold(record)
            yield record

    def _recorded(self, event: Event) -> Recorded[Any]:
        """Its id derives from the order (or the venue), the kind of event, and how many came
        before it: never from a clock."""
        name = getattr(event, "client_order_id", "")
        order = self.desk.orders.get(name)
        ordinal = self.desk.told if order is None else order.told
        fact_id = derive_id(name if order else self.name, NAMES[type(event)], ordinal)
        return Recorded(
            id=fact_id,
            at=self.at,
            book=self._book,
            mode=self._mode,
            source=self.name,
            cause=None if order is None else order.intent_id,
            root=fact_id if order is None else order.root,
            event=canonical_event(event),
        )
