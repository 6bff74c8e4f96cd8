"""Loop of a decider's service: replay without deciding; then answer, append, go on."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import Envelope
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.jobs import Job
from deadreckon.contracts.market import ClockTicked
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import FencedOutError
from deadreckon.runtime.log.feed import ChainLinks, Feed, Message
from deadreckon.runtime.process import killpoints, log_lines
from deadreckon.runtime.process.job_process import run_beside
from deadreckon.runtime.service.crash_counter import CrashCounter, CrashGuard
from deadreckon.runtime.service.decider_runner import Decider, DeciderRunner
from deadreckon.runtime.service.journal import MESSAGES_AT_ONCE, AnswerCount, Journal
from deadreckon.runtime.service.read_ahead import Questions, ReadAhead
from deadreckon.runtime.service.snapshots import Snapshots

PROGRESS_EVERY = 1_000  # business inputs without an answer before a progress commit says so
ENVELOPE_BYTES = 420  # what an envelope weighs without its data, generously
GIVE_WAY_EVERY = 200  # facts between two looks at the event loop, so that nobody starves

log = log_lines.Logger()


class Service(Journal):
    """One decider and its end of the log.

    `answer_counts`, `events` and `weight` (bytes) are the commit in the making.
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
        self.runner = DeciderRunner(name, book, decider)
        super().__init__(
            name,
            self.runner,
            bus,
            feed,
            book=book,
            mode=mode,
            code=code,
            modules=[getattr(decider, "__name__", type(decider).__module__)],
            snapshots=snapshots,
            reads_signals=name == "signal",
        )
        self._crash_guard = CrashGuard(crashes or CrashCounter(), name)
        self._payload_max = bus.payload_max
        self._weight_max = bus.payload_max * 3 // 4
        self._unanswered = 0  # business inputs since our last commit
        self._inputs = 0  # inputs of any kind since then
        self._answer_counts: list[AnswerCount] = []
        self._events: list[Envelope] = []
        self._weight = 0
        self._ahead = ReadAhead(name, feed, self._handled)
        self._runs_jobs_beside = False  # on a tape a job takes its turn
        self._awaits_job = False  # the state has seen a question that is not answered yet

    async def follow(self) -> None:
        """Answer what comes for as long as the log does; commits what is at hand together."""
        self._runs_jobs_beside = True
        async with self.busy:
            await self._answer_leftovers()
            await self.commit()
        while True:
            await self.feed.reach(self.position + 1)
            async with self.busy:
                await self._take(self.feed.last)
                await self.commit()

    @property
    def awaits_price(self) -> bool:
        """True when the decider has an order that the next price may fill."""
        return self.runner.awaits_price()

    async def take_turn(self, upto: int) -> bool:
        """Answer everything up to message `upto`; returns whether any event was published."""
        async with self.busy:
            spoke = await self._answer_leftovers()
            while self.position < upto:
                await self.feed.reach(self.position + 1)
                spoke |= await self._take(upto)
            return await self.commit() or spoke

    async def _answer_leftovers(self) -> bool:
        """Decide inputs that lie before our last commit and were not covered by it."""
        spoke = False
        self.at_work = True
        end = self._ahead.position = self.position
        leftovers = self.recovery.waiting
        while leftovers:
            sequence, index, question = leftovers.popleft()
            begun = self.recovery.begun.pop((sequence, index), [])
            await self._answer(sequence, index, question, len(begun))
            self.position, self.part = sequence - 1, index + 1
            if self._weight > self._weight_max:
                spoke |= await self.commit()
        self.position, self.part = end, 0
        return spoke

    async def _take(self, upto: int) -> bool:
        """Answer what is here up to `upto`, in one commit unless it grows too heavy."""
        spoke = await self._answer_set_aside()
        answered = 0
        most = max(0, min(MESSAGES_AT_ONCE, upto - self.position))
        for message in self.feed.since(self.position, most):
            self._ahead.position = message.sequence
            questions = self._questions_of(message)
            if questions is not None:
                killpoints.passed("question", self.name)
                spoke |= await self._answer_all(message.sequence, enumerate(questions))
                answered += len(questions)
            self.position, self.part = message.sequence, 0
            if answered > GIVE_WAY_EVERY or self._ahead.position > self.position:
                break
        self.feed.done(self.name, max(self.position, self._ahead.position))
        if self.position < upto:
            await asyncio.sleep(0)  # others have their turn; with nothing left, whoever asked waits
        return spoke

    def _questions_of(self, message: Message) -> list[Recorded[Any]] | None:
        """Return the questions of a message; null for one of our own. Raises FencedOutError."""
        own = self.is_own(message)
        if own and not message.damage and message.sequence > self.domain.sequence:
            raise FencedOutError(f"{self.domain.filter}: another instance wrote a commit")
        return None if own and not message.damage else list(self.ingress.records_of(message))

    async def _answer_all(
        self, sequence: int, questions: Iterator[tuple[int, Recorded[Any]]]
    ) -> bool:
        """Answer the questions of one message, in commits that are not too heavy; returns whether
        any event was published."""
        spoke = False
        for index, question in questions:
            await self._answer(sequence, index, question)
            if self._weight > self._weight_max:
                self.part = index + 1
                spoke |= await self.commit()
        return spoke

    async def _answer(
        self, sequence: int, index: int, question: Recorded[Any], begun: int = 0
    ) -> None:
        """Answer a question; the first `begun` answers are in the log already."""
        self._crash_guard.question = question
        with self._crash_guard:
            decided = self.runner.begin(question)
        if decided:
            if self._runs_jobs_beside and any(isinstance(each, Job) for each in decided):
                decided = await self._run_jobs(sequence, index, decided)
            with self._crash_guard:
                answers = self.runner.complete(question, decided)[begun:]
            if answers:
                self._answer_counts.append((sequence, index, len(answers)))
                self._keep(answers)
        self._inputs += 1
        self.facts += 1
        if type(question.event) is not ClockTicked:
            self._unanswered += 1

    # Jobs: their question waits, and nobody waits for it.

    async def _run_jobs(
        self, sequence: int, index: int, decided: Sequence[Event | Job]
    ) -> list[Event]:
        """Run jobs in processes of their own and return the events in their places.

        What was answered before is recorded first. A process that ends meanwhile leaves the
        question open, for its successor to ask again.
        """
        self.position, self.part = sequence - 1, index
        if self._events:
            await self._append_all()
        self._awaits_job = True
        events: list[Event] = []
        for each in decided:
            if isinstance(each, Job):
                log.info("job_started", service=self.name, job=type(each).__name__)
                ended = await self._ahead.until(run_beside(each))
                with self._crash_guard:
                    events.append(ended.result())
            else:
                events.append(each)
        self._awaits_job = False
        return events

    def _handled(self, message: Message) -> Questions:
        """Return the questions of a message that can have an answer, with their indices."""
        questions = enumerate(self._questions_of(message) or ())
        return [each for each in questions if type(each[1].event) in self.runner.handles]

    async def _answer_set_aside(self) -> bool:
        """Answer what came while a job ran."""
        spoke = False
        while (found := self._ahead.next()) is not None:
            sequence, questions = found
            self.position = sequence - 1
            spoke |= await self._answer_all(sequence, iter(questions))
            self.position, self.part = sequence, 0
        self.position = max(self.position, self._ahead.position)
        return spoke

    def links_here(self) -> ChainLinks | None:
        """Return the chain ends at the position; null also between a question and the answer of its
        job, and as long as messages are set aside."""
        if self._awaits_job or self.position < self._ahead.position:
            return None
        return super().links_here()

    def _keep(self, answers: list[Recorded[Event]]) -> None:
        envelopes = [wrap(record) for record in answers]
        self._events += envelopes
        self._weight += sum(map(_weight_of, envelopes))

    async def commit(self) -> bool:
        """Append what was answered, or progress when it is due; returns whether any event was
        published. `busy` must be held."""
        links = self.links_here() if self.snapshot_is_due else None
        if not self._events and self._unanswered < PROGRESS_EVERY and links is None:
            return False
        spoke = bool(self._events)
        await self._append_all()
        if links is not None:
            self.write_snapshot(links)
        return spoke

    async def _append_all(self) -> None:
        """Append the commit in the making; one without events is progress."""
        while self._weight > self._payload_max and len(self._events) > 1:
            await self._append_some()
        killpoints.passed("answer", self.name)
        await self.append(self._events, self._answer_counts)
        self._unanswered = self._inputs = 0
        self._answer_counts, self._events, self._weight = [], [], 0
        killpoints.passed("stored", self.name)

    async def _append_some(self) -> None:
        """Append as many answers as one commit takes: a halt may cancel thousands of orders. The
        question of those that follow is not behind us yet."""
        end, weight = 1, _weight_of(self._events[0])
        for envelope in self._events[1:-1]:
            if weight + _weight_of(envelope) > self._weight_max:
                break
            weight += _weight_of(envelope)
            end += 1
        counts, rest = _split(self._answer_counts, end)
        sequence, index, _ = rest[0]
        killpoints.passed("answer", self.name)
        await self.append_upto(sequence - 1, index, self._events[:end], counts)
        self._answer_counts, self._events = rest, self._events[end:]
        self._weight -= weight
        killpoints.passed("stored", self.name)

    async def record_progress(self) -> None:
        """Commit the inputs that were not answered, if there are any; `busy` must be held."""
        if self._inputs and not self._awaits_job:
            await self._append_all()

    async def rest(self) -> None:
        """Commit the answers at hand and write a snapshot, at an orderly end."""
        if self.snapshot_store is not None and self.at_work and not self._awaits_job:
            async with self.busy:
                await self.commit()
        await super().rest()


def _weight_of(envelope: Envelope) -> int:
    return ENVELOPE_BYTES + len(bytes(envelope.data))


def _split(counts: list[AnswerCount], events: int) -> tuple[list[AnswerCount], list[AnswerCount]]:
    """Split counts into those of the first `events` events and those of the others.

    >>> _split([(7, 0, 2), (7, 1, 3)], 4)
    ([(7, 0, 2), (7, 1, 2)], [(7, 1, 1)])
    """
    for number, (sequence, index, count) in enumerate(counts):
        if events < count:
            first = [(sequence, index, events)] if events else []
            rest = (sequence, index, count - events)
            return counts[:number] + first, [rest, *counts[number + 1 :]]
        events -= count
    return counts, []
