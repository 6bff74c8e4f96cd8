"""Puts the recorded questions of a service again, in their order, each to the recorded state."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.service.decider_runner import Decider, DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery

FOREVER = 2**63 - 1  # nanoseconds UTC


class Redecision(Struct, frozen=True):
    """A question that was put again: its recorded answers, and the answers of today.

    `error` names what the decider raised, empty when it raised nothing; `broken` says that the
    state is of no use any more, because it was raised while the state moved.
    """

    sequence: int
    index: int
    question: Recorded[Any]
    recorded: list[Recorded[Any]]
    current: list[Recorded[Any]]
    error: str = ""
    broken: bool = False


class StartState(Struct):
    """A service's state to start from: that at its own commit `n`, which covers every input up to
    message `sequence`."""

    n: int
    sequence: int
    ingress: Ingress
    state: Any


class CapturedError:
    """A context that keeps what a decider raises, which may be other code than this program's: an
    error where the recorded code answered is a result of the rerun."""

    def __init__(self) -> None:
        self.error = ""

    def __enter__(self) -> "CapturedError":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = f"{type(error).__name__}: {error}"
        return True


class TimeSpan(Struct, frozen=True):
    """The questions that are put again: those decided from `begin` on and before `end` (nanoseconds
    UTC). Earlier ones are only replayed."""

    begin: int = 0
    end: int = FOREVER


class Redecider:
    """One service that is asked again.

    After each question the state goes on with the recorded answers, so that one that differs is a
    difference once. `questions` counts all of the span, `handled` those of a type that the decider
    handles. `past` says that the span is over.
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
        self.questions = self.handled = 0
        self.past = False
        self.broken = False
        self.runner = DeciderRunner(service, book, decider)
        self._span = span or TimeSpan()
        self.ingress = Ingress(book, mode, reads_signals=service == "signal")
        n = self._after = 0
        if beginning is not None:
            self.ingress, n = beginning.ingress, beginning.n
            self._after = beginning.sequence
            self.runner.resume(beginning.state)
        self._recovery = Recovery(service, book, self.ingress, n, self._after)

    def take(self, message: Message) -> Iterator[Redecision]:
        """Move on by one message; yields the questions that are handled, or were answered.

        Raises RecoveryError for a log that contradicts itself.
        """
        if message.sequence <= self._after or self.past or self.broken:
            return
        begin, end = self._span.begin, self._span.end
        for (sequence, index, question), recorded in self._recovery.take(message):
            if question.at < begin:
                self.runner.replay(question, recorded)
            elif question.at >= end:
                self.past = True
                return
            else:
                self.questions += 1
                if recorded or type(question.event) in self.runner.handles:
                    yield self._ask(sequence, index, question, recorded)
                    if self.broken:
                        return

    def end(self, settled: int = 0) -> Iterator[Redecision]:
        """Put the questions that no commit covers: the log ends here.

        Up to message `settled` they are known to have no answer. Later ones are put as if they had
        just come, and the state goes on with the answers of today; `recorded` are then the answers
        of a commit that has only begun.
        """
        waiting = self._recovery.waiting
        while waiting and not self.past and not self.broken:
            sequence, index, question = waiting.popleft()
            if not self._span.begin <= question.at < self._span.end:
                self.runner.replay(question, ())
                continue
            begun = self._recovery.begun.pop((sequence, index), [])
            self.questions += 1
            if type(question.event) not in self.runner.handles:
                continue
            if sequence <= settled and not begun:
                yield self._ask(sequence, index, question, begun)
            else:
                yield self._put_now(sequence, index, question, begun)

    def _put_now(
        self, sequence: int, index: int, question: Recorded[Any], begun: list[Recorded[Any]]
    ) -> Redecision:
        self.handled += 1
        current: list[Recorded[Any]] = []
        with CapturedError() as raised:
            current = self.runner.answer(question)
        self.broken = bool(raised.error)
        return Redecision(sequence, index, question, begun, current, raised.error, self.broken)

    def lead(
        self, message: Message, sequence: int, index: int
    ) -> tuple[Recorded[Any], list[Recorded[Any]]] | None:
        """Replay up to the question at (sequence, index), with the state right before it.

        Null until a commit covers it. Once it was returned, no more messages can be taken.
        """
        if message.sequence <= self._after:
            return None
        for (at_sequence, at_index, question), recorded in self._recovery.take(message):
            if (at_sequence, at_index) == (sequence, index):
                return question, recorded
            self.runner.replay(question, recorded)
        return None

    def lead_at_end(
        self, sequence: int, index: int
    ) -> tuple[Recorded[Any], list[Recorded[Any]]] | None:
        """Find a question that no commit has covered when the log ends, as `lead` does."""
        for at_sequence, at_index, question in self._recovery.waiting:
            if (at_sequence, at_index) == (sequence, index):
                return question, self._recovery.begun.get((sequence, index), [])
            self.runner.replay(question, ())
        return None

    def is_own(self, message: Message) -> bool:
        """Return true for a message that the service wrote."""
        return self._recovery.is_own(message)

    @property
    def n(self) -> int:
        """Return the number of the service's last commit that was read."""
        return self._recovery.n

    @property
    def waiting(self) -> int:
        """Count the questions that were not put yet, because no commit covers them."""
        return 0 if self.past else len(self._recovery.waiting)

    def _ask(
        self, sequence: int, index: int, question: Recorded[Any], recorded: list[Recorded[Any]]
    ) -> Redecision:
        self.handled += 1
        current, error, self.broken = redecide_question(self.runner, question, recorded)
        return Redecision(sequence, index, question, recorded, current, error, self.broken)


def redecide_question(
    runner: DeciderRunner, question: Recorded[Any], recorded: list[Recorded[Any]]
) -> tuple[list[Recorded[Any]], str, bool]:
    """Put a question to a decider, then each recorded answer.

    Returns its answers, the first error, and whether the state broke by that. The state moves by
    the question and the recorded answers.
    """
    current: list[Recorded[Any]] = []
    first = ""
    handles, decider = runner.handles, runner.decider
    ahead = iter((question, *recorded))  # goes on after an event that raised
    while True:
        moving = False
        with CapturedError() as raised:
            for fact in ahead:
                if type(fact.event) in handles:
                    moving = True
                    runner.state = decider.evolve(runner.state, fact)
                    moving = False
                    if events := decider.decide(runner.state, fact):
                        current += runner.record(fact, events)
        first = first or raised.error
        if moving or not raised.error:
            return current, first, moving
