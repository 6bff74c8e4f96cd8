"""A log asked again: the questions of several services, counted and compared."""

from collections.abc import Callable, Mapping

from deadreckon.contracts.event import Mode
from deadreckon.contracts.market import TapeOpened
from deadreckon.contracts.subjects import SHARED
from deadreckon.replay.rerun.comparison import AnswerComparison, Divergence, ServiceTally, begins
from deadreckon.replay.rerun.redecide import Redecider, Redecision, StartState, TimeSpan
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK
from deadreckon.runtime.service.decider_runner import Decider


class SettledTracker:
    """Up to which message everybody is known to have answered, though no commit says so.

    On a tape the market says its next fact when all are silent; but what came in at a door may have
    come in that moment. Where no tape plays nothing is known: who is silent may be behind.
    """

    def __init__(self) -> None:
        self._plays = False
        self._last = self._before = 0

    def hear(self, message: Message) -> None:
        """Move on by one message."""
        if message.subject.book != SHARED or message.subject.service != "market":
            return
        self._plays = self._plays or any(isinstance(it.event, TapeOpened) for it in message.facts)
        self._before, self._last = self._last, message.sequence

    @property
    def settled(self) -> int:
        """The sequence of that message, 0 where nothing is known."""
        return self._before if self._plays else 0


class Rerun:
    """Takes a log message by message; each service answers for itself.

    `diverged` is told of every question that is answered otherwise, when it is met. Services that
    have a `beginning` are asked from there on, the others from the log's first message.
    """

    def __init__(
        self,
        deciders: Mapping[str, Decider],
        *,
        book: str = DEFAULT_BOOK,
        mode: Mode = "paper",
        span: TimeSpan | None = None,
        beginnings: Mapping[str, StartState] | None = None,
        diverged: Callable[[Divergence], None] | None = None,
    ) -> None:
        begun = beginnings or {}
        self._asked = [
            (Redecider(name, book, decider, mode, begun.get(name), span), AnswerComparison(name))
            for name, decider in deciders.items()
        ]
        self._diverged = diverged
        self._silence = SettledTracker()

    @property
    def past(self) -> bool:
        """Whether nobody has anything left to be asked."""
        return all(inquiry.past or inquiry.broken for inquiry, _ in self._asked)

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecoveryError for a log that contradicts itself."""
        self._silence.hear(message)
        for inquiry, comparison in self._asked:
            for asked in inquiry.take(message):
                self._compare(comparison, asked)

    def end(self) -> list[ServiceTally]:
        """The log ends here: what became of each service."""
        return [self._ended(inquiry, comparison) for inquiry, comparison in self._asked]

    def _ended(self, inquiry: Redecider, comparison: AnswerComparison) -> ServiceTally:
        """Up to the first question whose answer is still to come."""
        questions, heeded = inquiry.questions, inquiry.heeded
        settled = self._silence.settled
        for asked in inquiry.end(settled):
            late = asked.sequence > settled
            if late and asked.said and begins(asked.recorded, asked.said):
                comparison.tally.due = (asked.sequence, asked.index)
                comparison.tally.unasked = inquiry.waiting
                return comparison.close(questions, heeded)
            self._compare(comparison, asked)
            questions, heeded = inquiry.questions, inquiry.heeded
        return comparison.close(inquiry.questions, inquiry.heeded)

    def _compare(self, comparison: AnswerComparison, asked: Redecision) -> None:
        found = comparison.add(asked)
        if found and self._diverged:
            self._diverged(found)
