"""Puts the recorded questions of a service again, in lived order, each to the recorded state."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.service.decider_runner import Decider, DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery

FOREVER = 2**63 - 1  # nanoseconds UTC


class Redecision(Struct, frozen=True):
    """A question that was put again: what the log has as its answers, and what is said today.

    `error` names what the decider raised, empty when it raised nothing; `broken` says that the
    state is of no use any more, because it was raised while the state moved.
    """

    sequence: int
    index: int
    question: Recorded[Any]
    recorded: list[Recorded[Any]]
    said: list[Recorded[Any]]
    error: str = ""
    broken: bool = False


class StartState(Struct):
    """Where a service stands that need not begin at the log's first message: its state at its own
    commit `n`, which covers every input up to message `place`."""

    n: int
    place: int
    intake: Ingress
    state: Any


class CapturedError:
    """Keeps what a decider raises. It may be other code than ours: that it raises at all, where the
    recorded one answered, is what we want to know."""

    def __init__(self) -> None:
        self.error = ""

    def __enter__(self) -> "CapturedError":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = f"{type(error).__name__}: {error}"
        return True


class TimeSpan(Struct, frozen=True):
    """Which questions are put again, by decision time in nanoseconds UTC: from `begin` on, before
    `end`. Those before are only recalled."""

    begin: int = 0
    end: int = FOREVER


class Redecider:
    """One service, asked again.

    After each question the state goes on with the recorded answers, so that one that differs is a
    difference once. `questions` counts all of the span, `heeded` those that the decider looks at.
    `past` says that the span lies behind, `waiting` how many questions no commit has covered.
    """

    def __init__(
        self,
        service: str,
        book: str,
        decider: Decider,
        mode: Mode = "paper",
        beginning: StartState | None = None,
        span: TimeSpan | None = None,
    ) -> None:
        self.service = service
        self.questions = self.heeded = 0
        self.past = False
        self.broken = False
        self.lived = DeciderRunner(service, book, decider)
        self._span = span or TimeSpan()
        self.intake = Ingress(book, mode, reads_signals=service == "signal")
        n = self._place = 0
        if beginning is not None:
            self.intake, n, self._place = beginning.intake, beginning.n, beginning.place
            self.lived.resume(beginning.state)
        self._recollection = Recovery(service, book, self.intake, n, self._place)

    def take(self, message: Message) -> Iterator[Redecision]:
        """Move on by one message; what was asked that is heeded, or was answered all the same.

        Raises RecoveryError for a log that contradicts itself.
        """
        if message.sequence <= self._place or self.past or self.broken:
            return
        begin, end = self._span.begin, self._span.end
        for (sequence, index, question), recorded in self._recollection.take(message):
            if question.at < begin:
                self.lived.replay(question, recorded)
            elif question.at >= end:
                self.past = True
                return
            else:
                self.questions += 1
                if recorded or type(question.event) in self.lived.handles:
                    yield self._ask(sequence, index, question, recorded)
                    if self.broken:
                        return

    def end(self, settled: int = 0) -> Iterator[Redecision]:
        """The log ends here; what no commit covers is put now. Up to message `settled` it was heard
        in silence. What comes later is put as if it had just come, and the state goes on with what
        is said today; `recorded` are then the answers begun to be told."""
        waiting = self._recollection.waiting
        while waiting and not self.past and not self.broken:
            sequence, index, question = waiting.popleft()
            if not self._span.begin <= question.at < self._span.end:
                self.lived.replay(question, ())
                continue
            begun = self._recollection.begun.pop((sequence, index), [])
            self.questions += 1
            if type(question.event) not in self.lived.handles:
                continue
            if sequence <= settled and not begun:
                yield self._ask(sequence, index, question, begun)
            else:
                yield self._put_now(sequence, index, question, begun)

    def _put_now(
        self, sequence: int, index: int, question: Recorded[Any], begun: list[Recorded[Any]]
    ) -> Redecision:
        self.heeded += 1
        said: list[Recorded[Any]] = []
        with CapturedError() as living:
            said = self.lived.answer(question)
        self.broken = bool(living.error)
        return Redecision(sequence, index, question, begun, said, living.error, self.broken)

    def lead(
        self, message: Message, sequence: int, index: int
    ) -> tuple[Recorded[Any], list[Recorded[Any]]] | None:
        """Recall up to the question at a place, with the state right before it; null until that is
        settled. Once met, nothing more can be taken."""
        if message.sequence <= self._place:
            return None
        for (at_sequence, at_index, question), recorded in self._recollection.take(message):
            if (at_sequence, at_index) == (sequence, index):
                return question, recorded
            self.lived.replay(question, recorded)
        return None

    def lead_at_end(
        self, sequence: int, index: int
    ) -> tuple[Recorded[Any], list[Recorded[Any]]] | None:
        """The same for a question that no commit has covered when the log ends."""
        for at_sequence, at_index, question in self._recollection.waiting:
            if (at_sequence, at_index) == (sequence, index):
                return question, self._recollection.begun.get((sequence, index), [])
            self.lived.replay(question, ())
        return None

    def is_own(self, message: Message) -> bool:
        """Whether the service wrote this message."""
        return self._recollection.is_own(message)

    @property
    def n(self) -> int:
        """The number of the service's last commit that lies behind."""
        return self._recollection.n

    @property
    def waiting(self) -> int:
        """How many questions nobody has put yet, because no commit covers them."""
        return 0 if self.past else len(self._recollection.waiting)

    def _ask(
        self, sequence: int, index: int, question: Recorded[Any], recorded: list[Recorded[Any]]
    ) -> Redecision:
        self.heeded += 1
        said, error, self.broken = redecide_log(self.lived, question, recorded)
        return Redecision(sequence, index, question, recorded, said, error, self.broken)


def redecide_log(
    lived: DeciderRunner, question: Recorded[Any], recorded: list[Recorded[Any]]
) -> tuple[list[Recorded[Any]], str, bool]:
    """What a decider says to a question and to each recorded answer, in the order it is said; the
    state moves by the question and the recorded answers. Beside it the first error, and whether
    the state broke by it."""
    said: list[Recorded[Any]] = []
    first = ""
    handles, decider = lived.handles, lived.decider
    ahead = iter((question, *recorded))  # it goes on behind the fact at which something was raised
    while True:
        moving = False
        with CapturedError() as overheard:
            for fact in ahead:
                if type(fact.event) in handles:
                    moving = True
                    lived.state = decider.evolve(lived.state, fact)
                    moving = False
                    if events := decider.decide(lived.state, fact):
                        said += lived.record(fact, events)
        first = first or overheard.error
        if moving or not overheard.error:
            return said, first, moving
