"""The loop of every service: recall without deciding, then live; answer, append, go on."""

import asyncio
from collections.abc import Iterator
from typing import Any

import structlog

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import Envelope
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.market import ClockTicked
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain, FencedOutError
from deadreckon.runtime.log.feed import ChainLinks, Feed, Message
from deadreckon.runtime.process import killpoints
from deadreckon.runtime.service.crash_counter import CrashCounter, CrashGuard
from deadreckon.runtime.service.decider_runner import Decider, DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery
from deadreckon.runtime.service.snapshots import (
    LogPosition,
    Snapshots,
    SnapshotStore,
    StateAtCommit,
    state_digest,
)

PROGRESS_EVERY = 1_000  # business inputs without an answer before a progress commit says so
ENVELOPE_BYTES = 420  # what an envelope weighs without its data, generously
REST_FACTS = 100  # since the last snapshot, for one at the end: less is folded in no time
RECALLED_AT_ONCE = 2_000  # facts: a connection that is not looked after for seconds is given up
GIVE_WAY_EVERY = 200  # facts between two looks at the event loop, so that nobody starves

log = structlog.get_logger()


class Service:
    """One decider at its place in the log.

    `position` is the last message wholly behind it; `part` counts facts of the next one that are
    behind it too. `committed` and `committed_part` say the same of what its commits cover.
    `answered`, `events` and `weight` are the commit in the making.
    """

    def __init__(
        self,
        name: str,
        decider: Decider,
        bus: Bus,
        feed: Feed,
        *,
        book: str,
        mode: Mode,
        code: str,
        crashes: CrashCounter | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.name = name
        self.lived = DeciderRunner(name, book, decider)
        self.intake = Ingress(book, mode, reads_signals=name == "signal")
        self._recollection = Recovery(name, book, self.intake)
        self.domain = Domain(bus, book, name, code)
        self._answering = CrashGuard(crashes or CrashCounter(), name)
        self.ready = False
        self._feed = feed
        self._payload_max = bus.payload_max
        self._weight_max = bus.payload_max * 3 // 4
        self.position = 0
        self.part = 0
        self._committed = 0  # last input covered by our commits
        self._committed_part = 0
        self._silent = 0  # business inputs since our last commit
        self._asked = 0  # inputs of any kind since then
        self._deciding = False  # as long as only recalled, the state stands at the last commit
        self._busy = asyncio.Lock()  # held from the first question to the commit of its answer
        self._answered: list[tuple[int, int, int]] = []
        self._events: list[Envelope] = []
        self._weight = 0
        self._facts = 0  # inputs since the last snapshot
        self.snapshot_store = self._find_shelf(snapshots) if snapshots else None
        feed.follow(name)

    def _find_shelf(self, snapshots: Snapshots) -> SnapshotStore:
        decider: Any = self.lived.decider
        module = getattr(decider, "__name__", type(decider).__module__)
        intake, shape = self.intake, type(self.lived.state)
        return snapshots.snapshot_store(self.name, intake.book, intake.mode, [module], shape)

    @property
    def state(self) -> Any:
        """The decider's state."""
        return self.lived.state

    # Recall: what was recorded is what happened.

    async def restore(self) -> None:
        """Stand where the newest snapshot stood that fits; to be called before the feed starts.

        Raises SnapshotAheadError when the log was cut.
        """
        found = await self.snapshot_store.load(self._feed.bus) if self.snapshot_store else None
        if found is None:
            return
        moment = found.moment
        self.lived.state, self.intake = found.state, found.intake
        self._recollection = Recovery(
            self.name, self.intake.book, self.intake, moment.n, moment.place
        )
        self.position = self._committed = moment.place
        self._feed.follow(self.name, moment.place, found.links)
        log.info("restored", service=self.name, place=moment.place, commits=moment.n)

    async def replay(self) -> None:
        """Fold the log up to the service's own last commit without deciding anything.

        A standby that takes over calls it again: it goes on from where `shadow` has led it.
        """
        await self.domain.recover()
        self._feed.require(self.domain.sequence)
        while self.position < self.domain.sequence:
            await self._feed.reach(self.position + 1)
            behind = self.domain.sequence - self.position
            enough = self._facts + RECALLED_AT_ONCE
            for message in self._feed.since(self.position, min(500, behind)):
                self.follow_recorded(message)
                if self._facts > enough:
                    break
            self._feed.done(self.name, self.position)
            killpoints.passed("recall", self.name)
            await asyncio.sleep(0)
        self.ready = True
        log.info("recalled", service=self.name, sequence=self.position, commits=self.domain.n)

    def follow_recorded(self, message: Message) -> None:
        """Take the next message as recall does: questions with the answers that some instance of
        this service has recorded. What nobody has answered yet waits."""
        for (_, _, question), answers in self._recollection.take(message):
            self.lived.replay(question, answers)
            self._facts += 1
        self.position = message.sequence
        self._committed = self._recollection.committed
        self._committed_part = self._recollection.part

    async def standing(self) -> StateAtCommit:
        """Where the state stands at a commit, once no answer waits for one; another instance that
        has taken the same commit stands alike.

        Of a service at work, what it has heard in silence is recorded by progress first.
        """
        async with self._busy:
            if self._deciding and self._asked:
                await self._record()
            n = self.domain.n if self._deciding else self._recollection.n
            digest = state_digest(self.lived.state)
            return StateAtCommit(n, self._committed, self._committed_part, digest)

    async def _answer_leftovers(self) -> bool:
        """Inputs that lie before our last commit but were not covered by it: decide them now."""
        spoke = False
        self._deciding = True
        end = self.position
        leftovers = self._recollection.waiting
        while leftovers:
            sequence, index, question = leftovers.popleft()
            begun = self._recollection.begun.pop((sequence, index), [])
            with self._answering:
                self._ask(sequence, index, question, len(begun))
            self.position, self.part = sequence - 1, index + 1
            if self._weight > self._weight_max:
                spoke |= await self.commit()
        self.position, self.part = end, 0
        return spoke

    # Live: evolve, decide, answer.

    async def follow(self) -> None:
        """Answer what comes for as long as the log does; commits what is at hand together."""
        async with self._busy:
            await self._answer_leftovers()
            await self.commit()
        while True:
            await self._feed.reach(self.position + 1)
            async with self._busy:
                await self._take(self._feed.last)
                await self.commit()

    async def take_turn(self, upto: int) -> bool:
        """Answer everything up to message `upto`; whether anything was said."""
        async with self._busy:
            spoke = await self._answer_leftovers()
            while self.position < upto:
                await self._feed.reach(self.position + 1)
                spoke |= await self._take(upto)
            return await self.commit() or spoke

    async def _take(self, upto: int) -> bool:
        """Answer what is here up to `upto`, in one commit unless it grows too heavy."""
        spoke = False
        asked = 0
        for message in self._feed.since(self.position, min(500, upto - self.position)):
            own = self._recollection.is_own(message)
            if own and not message.damage and message.sequence > self.domain.sequence:
                raise FencedOutError(f"{self.domain.filter}: another instance wrote a commit")
            if not own or message.damage:
                questions = list(self.intake.records_of(message))
                killpoints.passed("question", self.name)
                unasked = enumerate(questions)
                while self._ask_until_full(message.sequence, unasked):
                    spoke |= await self.commit()
                asked += len(questions)
            self.position, self.part = message.sequence, 0
            if asked > GIVE_WAY_EVERY:
                break
        self._feed.done(self.name, self.position)
        await asyncio.sleep(0)
        return spoke

    def _ask_until_full(
        self, sequence: int, questions: Iterator[tuple[int, Recorded[Any]]]
    ) -> bool:
        """Answer questions of one message until the commit is full; whether it is."""
        with self._answering:
            for index, question in questions:
                self._ask(sequence, index, question)
                if self._weight > self._weight_max:
                    self.part = index + 1
                    return True
        return False

    def _ask(self, sequence: int, index: int, question: Recorded[Any], begun: int = 0) -> None:
        """Answer a question; the first `begun` answers are in the log already."""
        self._answering.question = question
        answers = self.lived.live(question)[begun:]
        if answers:
            self._answered.append((sequence, index, len(answers)))
            self._keep(answers)
        self._asked += 1
        self._facts += 1
        if type(question.event) is not ClockTicked:
            self._silent += 1

    def _keep(self, answers: list[Recorded[Event]]) -> None:
        envelopes = [wrap(record) for record in answers]
        self._events += envelopes
        self._weight += sum(map(_weight_of, envelopes))

    async def commit(self) -> bool:
        """Append what was answered, or progress when it is due; whether anything was said."""
        due = self.snapshot_store is not None and self._facts >= self.snapshot_store.facts_between
        links = self._links_here() if due else None
        if not self._events and self._silent < PROGRESS_EVERY and links is None:
            return False
        spoke = bool(self._events)
        await self._record()
        if links is not None:
            self._keep_snapshot(links)
        return spoke

    async def _record(self) -> None:
        """Append the commit in the making; one without events is progress."""
        while self._weight > self._payload_max and len(self._events) > 1:
            await self._record_begun()
        covers = (self._committed + 1, self.position, self.part)
        killpoints.passed("answer", self.name)
        await self.domain.append(covers, self._answered, self._events)
        self._committed, self._committed_part = self.position, self.part
        self._silent = self._asked = 0
        self._answered, self._events, self._weight = [], [], 0
        killpoints.passed("stored", self.name)

    async def _record_begun(self) -> None:
        """Append as many answers as one commit takes: a halt may cancel thousands of orders. The
        question of those that follow is not behind us yet."""
        place, weight = 1, _weight_of(self._events[0])
        for envelope in self._events[1:-1]:
            if weight + _weight_of(envelope) > self._weight_max:
                break
            weight += _weight_of(envelope)
            place += 1
        told, rest = _cut(self._answered, place)
        sequence, index, _ = rest[0]
        covers = (self._committed + 1, sequence - 1, index)
        killpoints.passed("answer", self.name)
        await self.domain.append(covers, told, self._events[:place])
        self._committed, self._committed_part = sequence - 1, index
        self._answered, self._events = rest, self._events[place:]
        self._weight -= weight
        killpoints.passed("stored", self.name)

    # Snapshots: what a start need not fold again.

    def _links_here(self) -> ChainLinks | None:
        """The chains at our place; null where no snapshot can stand, between the facts of one
        message or before damage."""
        if not self._deciding or self.part or self._recollection.waiting:
            return None
        return self._feed.links_at(self.position)

    def _keep_snapshot(self, links: ChainLinks) -> None:
        """Write the state down, which stands exactly where the commit just stored stands."""
        token = self.domain
        moment = LogPosition(token.sequence, token.previous, token.n, self.position)
        if self.snapshot_store is not None:
            self.snapshot_store.keep(moment, self.intake, links, self.lived.state)
        self._facts = 0

    async def rest(self) -> None:
        """Commit what is at hand and leave a snapshot behind, at an orderly end."""
        if self.snapshot_store is None or not self._deciding:
            return
        async with self._busy:
            await self.commit()
            links = self._links_here()
            if self._facts >= REST_FACTS and links is not None:
                if self._asked:
                    await self._record()
                self._keep_snapshot(links)
        await self.snapshot_store.written()


def _weight_of(envelope: Envelope) -> int:
    return ENVELOPE_BYTES + len(bytes(envelope.data))


def _cut(
    answered: list[tuple[int, int, int]], events: int
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """Which questions the first `events` events answer, and which the others do.

    >>> _cut([(7, 0, 2), (7, 1, 3)], 4)
    ([(7, 0, 2), (7, 1, 2)], [(7, 1, 1)])
    """
    for number, (sequence, index, count) in enumerate(answered):
        if events < count:
            told = [(sequence, index, events)] if events else []
            rest = (sequence, index, count - events)
            return answered[:number] + told, [rest, *answered[number + 1 :]]
        events -= count
    return answered, []
