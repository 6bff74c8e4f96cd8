"""A decider living through the log: inputs in log order, its own answers right after each."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from deadreckon.contracts.codec import answer
from deadreckon.contracts.event import Event, Recorded


class Decider(Protocol):
    """A module with the three functions of a decider; the state is its own affair."""

    def initial(self) -> Any:
        """The state before the first event."""
        ...

    def evolve(self, state: Any, said: Recorded[Any]) -> Any:
        """The state after an event; never refuses."""
        ...

    def decide(self, state: Any, said: Recorded[Any]) -> Sequence[Event]:
        """The answers to an event, given the state after it; never moves state."""
        ...


class Lived:
    """One service's state, and how it is moved: live by deciding, in recall by what was recorded.

    An answer is itself a question: `decide` sees each of the service's own answers too, breadth
    first, so that a fill can be followed by the orders that protect it.
    """

    def __init__(self, service: str, book: str, decider: Decider) -> None:
        self.service = service
        self.book = book
        self.decider = decider
        self.state = decider.initial()

    def live(self, question: Recorded[Any]) -> list[Recorded[Event]]:
        """Evolve by the question, decide, evolve by the answers; returns the answers in order."""
        answers: list[Recorded[Event]] = []
        pending = deque([question])
        while pending:
            said = pending.popleft()
            self.state = self.decider.evolve(self.state, said)
            for ordinal, event in enumerate(self.decider.decide(self.state, said)):
                said_now = answer(said, self.service, ordinal, event)
                if said_now.book != self.book:  # answers to shared facts belong to our book
                    said_now = _in_book(said_now, self.book)
                answers.append(said_now)
                pending.append(said_now)
        return answers

    def recall(self, question: Recorded[Any], answers: Iterable[Recorded[Event]]) -> None:
        """Evolve by a question and its recorded answers; what was recorded always wins."""
        self.state = self.decider.evolve(self.state, question)
        for said in answers:
            self.state = self.decider.evolve(self.state, said)


def _in_book(said: Recorded[Event], book: str) -> Recorded[Event]:
    return Recorded(
        id=said.id,
        at=said.at,
        book=book,
        mode=said.mode,
        source=said.source,
        cause=said.cause,
        root=said.root,
        event=said.event,
    )
