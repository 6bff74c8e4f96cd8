"""Runner of a decider over the log: inputs in log order, its own answers right after each."""

from collections.abc import Container, Iterable, Sequence
from typing import Any, Protocol

from deadreckon.contracts.codec import answer
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.jobs import Job
from deadreckon.runtime.process.job_process import run_here


class Decider(Protocol):
    """Module with the three functions of a decider.

    It may name in `HANDLES` the types of event that it looks at. Any other neither moves its state
    nor is answered, and is not even shown to it: most of the log concerns others. A function
    `resume` may prepare a state that was read from a snapshot, `awaits_price` tell that the next
    price may fill an order, `answered_before` how many answers an earlier question of the same id
    was given, so that new ones get ids of their own.
    """

    def initial(self) -> Any:
        """Return the state before the first event."""
        ...

    def evolve(self, state: Any, record: Recorded[Any]) -> Any:
        """Return the state after an event; never refuses."""
        ...

    def decide(self, state: Any, record: Recorded[Any]) -> Sequence[Event | Job]:
        """Return the answers to an event, given the state after it; never moves state. A job among
        them is run, and its result is the answer."""
        ...


class EveryType:
    """The handled types of a decider that names none."""

    def __contains__(self, kind: object) -> bool:
        return True


EVERY_TYPE = EveryType()


class DeciderRunner:
    """State of one service, moved by deciding when active, and by recorded answers in replay.

    An answer is itself a question: `decide` sees each of the service's own answers too, breadth
    first, so that a fill can be followed by the orders that protect it.
    """

    def __init__(self, service: str, book: str, decider: Decider) -> None:
        self.service = service
        self.book = book
        self.decider = decider
        self.state = decider.initial()
        self._answered_before = getattr(decider, "answered_before", None)
        self.handles: Container[type[Event]] = getattr(decider, "HANDLES", EVERY_TYPE)

    def resume(self, state: Any) -> None:
        """Go on from a state that was read from a snapshot."""
        resume = getattr(self.decider, "resume", None)
        self.state = resume(state) if resume else state

    def awaits_price(self) -> bool:
        """Return whether an order of the state waits for the next price."""
        awaits = getattr(self.decider, "awaits_price", None)
        return awaits is not None and awaits(self.state)

    def answer(self, question: Recorded[Any]) -> list[Recorded[Event]]:
        """Evolve by the question, decide, evolve by the answers; returns the answers in order. Jobs
        run here and now."""
        decided = self.begin(question)
        return self.complete(question, decided) if decided else []

    def begin(self, question: Recorded[Any]) -> Sequence[Event | Job]:
        """Evolve by the question and decide. Until `complete` is called with the answers, in which
        events have taken the place of jobs, the state is between two questions."""
        # Most questions of the log concern others: passing them over costs next to nothing.
        if type(question.event) not in self.handles:
            return ()
        self.state = self.decider.evolve(self.state, question)
        return self.decider.decide(self.state, question)

    def complete(
        self, question: Recorded[Any], decided: Sequence[Event | Job]
    ) -> list[Recorded[Event]]:
        """Evolve by what was decided; returns all answers in order."""
        return self._follow_up(self.record(question, decided))

    def _follow_up(self, answers: list[Recorded[Event]]) -> list[Recorded[Event]]:
        """Evolve by each answer and decide on it; the new answers are appended."""
        for record in answers:  # the list grows while it is gone through
            if type(record.event) not in self.handles:
                continue
            self.state = self.decider.evolve(self.state, record)
            answers += self.record(record, self.decider.decide(self.state, record))
        return answers

    def record(
        self, question: Recorded[Any], decided: Sequence[Event | Job]
    ) -> list[Recorded[Event]]:
        """Return answers to a question as they are recorded, in this service's book; moves nothing.
        A job among them is run first."""
        events = [run_here(each) if isinstance(each, Job) else each for each in decided]
        first = self._answered_before(self.state, question) if self._answered_before else 0
        answers = [
            answer(question, self.service, ordinal, event)
            for ordinal, event in enumerate(events, first)
        ]
        if question.book == self.book:
            return answers
        return [_in_book(record, self.book) for record in answers]  # shared facts, our answers

    def replay(self, question: Recorded[Any], answers: Iterable[Recorded[Event]]) -> None:
        """Evolve by a question and its recorded answers; what was recorded always wins."""
        for record in (question, *answers):
            if type(record.event) in self.handles:
                self.state = self.decider.evolve(self.state, record)


def _in_book(record: Recorded[Event], book: str) -> Recorded[Event]:
    return Recorded(
        id=record.id,
        at=record.at,
        book=book,
        mode=record.mode,
        source=record.source,
        cause=record.cause,
        root=record.root,
        event=record.event,
    )
