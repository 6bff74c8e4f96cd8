"""The rerun of a log: the questions of several services, put again, counted and compared."""

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
    """The message up to which every service is known to have answered, though no commit says so.

    On a tape the market publishes its next event once no service has anything left to answer; an
    inbound message may have come at any moment. Without a tape nothing is known: a service that
    has not answered may be behind.
    """

    def __init__(self) -> None:
        self._plays = False
        self._last = self._before = 0

    def take(self, message: Message) -> None:
        """Move on by one message."""
        if message.subject.book != SHARED or message.subject.service != "market":
            return
        self._plays = self._plays or any(isinstance(it.event, TapeOpened) for it in message.facts)
        self._before, self._last = self._last, message.sequence

    @property
    def settled(self) -> int:
        """Return the sequence of that message, 0 where nothing is known."""
        return self._before if self._plays else 0


class Rerun:
    """Takes a log message by message; each service answers for itself.

    `diverged` is called with every question that is answered differently, when it is met.
    Services with a `beginning` are asked from there on, the others from the log's first message.
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
        self._settled = SettledTracker()

    @property
    def past(self) -> bool:
        """True when no service has a question left in the span."""
        return all(redecider.past or redecider.broken for redecider, _ in self._asked)

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecoveryError for a log that contradicts itself."""
        self._settled.take(message)
        for redecider, comparison in self._asked:
            for asked in redecider.take(message):
                self._compare(comparison, asked)

    def end(self) -> list[ServiceTally]:
        """Put the last questions, as the log ends here; returns the result of each service."""
        return [self._ended(redecider, comparison) for redecider, comparison in self._asked]

    def _ended(self, redecider: Redecider, comparison: AnswerComparison) -> ServiceTally:
        """Compare up to the first question whose answer the log does not have yet."""
        questions, handled = redecider.questions, redecider.handled
        settled = self._settled.settled
        for asked in redecider.end(settled):
            late = asked.sequence > settled
            if late and asked.current and begins(asked.recorded, asked.current):
                comparison.tally.due = (asked.sequence, asked.index)
                comparison.tally.unasked = redecider.waiting
                return comparison.close(questions, handled)
            self._compare(comparison, asked)
            questions, handled = redecider.questions, redecider.handled
        return comparison.close(redecider.questions, redecider.handled)

    def _compare(self, comparison: AnswerComparison, asked: Redecision) -> None:
        found = comparison.add(asked)
        if found and self._diverged:
            self._diverged(found)
