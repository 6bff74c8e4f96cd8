"""A log asked again: the questions of several services, counted and compared."""

from collections.abc import Callable, Mapping

from deadreckon.contracts.event import Mode
from deadreckon.replay.rerun.asking import Beginning, Inquiry, Span
from deadreckon.replay.rerun.comparing import Comparison, Divergence, Tally
from deadreckon.runtime.feed import Message
from deadreckon.runtime.lived import Decider
from deadreckon.runtime.registry import FIRST_BOOK


class Rerun:
    """Takes a log message by message; each service answers for itself.

    `diverged` is told of every question that is answered otherwise, when it is met. Services that
    have a `beginning` are asked from there on, the others from the log's first message.
    """

    def __init__(
        self,
        deciders: Mapping[str, Decider],
        *,
        book: str = FIRST_BOOK,
        mode: Mode = "paper",
        span: Span | None = None,
        beginnings: Mapping[str, Beginning] | None = None,
        diverged: Callable[[Divergence], None] | None = None,
    ) -> None:
        begun = beginnings or {}
        self._asked = [
            (Inquiry(name, book, decider, mode, begun.get(name), span), Comparison(name))
            for name, decider in deciders.items()
        ]
        self._diverged = diverged

    @property
    def past(self) -> bool:
        """Whether nobody has anything left to be asked."""
        return all(inquiry.past or inquiry.broken for inquiry, _ in self._asked)

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecollectionError for a log that contradicts itself."""
        for inquiry, comparison in self._asked:
            for asked in inquiry.take(message):
                found = comparison.add(asked)
                if found and self._diverged:
                    self._diverged(found)

    def end(self) -> list[Tally]:
        """The log ends here: what became of each service."""
        return [self._ended(inquiry, comparison) for inquiry, comparison in self._asked]

    def _ended(self, inquiry: Inquiry, comparison: Comparison) -> Tally:
        questions, heeded = inquiry.questions, inquiry.heeded
        for asked in inquiry.end():
            begun = len(asked.recorded)
            if asked.said and not asked.error and asked.recorded == asked.said[:begun]:
                comparison.tally.due = (asked.sequence, asked.index)
                comparison.tally.unasked = inquiry.waiting
                break
            questions, heeded = inquiry.questions, inquiry.heeded
            found = comparison.add(asked)
            if found and self._diverged:
                self._diverged(found)
        else:
            questions, heeded = inquiry.questions, inquiry.heeded
        return comparison.close(questions, heeded)
