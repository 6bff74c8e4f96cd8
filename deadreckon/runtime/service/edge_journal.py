"""Journal of an edge: folds what others publish, and appends when the outside world answers."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.event import Event, Recorded
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.service.journal import MESSAGES_AT_ONCE, Journal

EDGE = True

COMMIT_EVENTS = 500  # a commit of these is a tenth of what the log takes in one message


class EdgeJournal(Journal):
    """A journal whose events answer the outside world, not single inputs.

    An edge gives it a `fold` of what it has to remember, and implements `recorded`. It calls
    `restore` and `replay`, then `read` for new inputs and `publish` for what the world answered;
    reading may go on while a commit is on its way. Its commits count no answers: their events
    follow everything that the commit covers, in replay as when they were published.
    """

    counts_answers = False

    @abstractmethod
    def recorded(self, event: Event) -> Recorded[Any]:
        """Return the event as it is recorded: with an id that is a function of the log alone."""

    async def end(self) -> int:
        """Return the sequence of the log's last message."""
        return (await retry(self.bus.info)).last

    async def arrives(self) -> None:
        """Wait until there is more to read."""
        await self.feed.reach(self.position + 1)

    async def read(self, upto: int | None = None) -> None:
        """Fold all inputs up to message `upto`, or all that are here. Our own commits are skipped:
        they were folded when they were made."""
        self.at_work = True
        while self.recovery.waiting:
            self._fold(self.recovery.waiting.popleft()[2])
        while self.position < (self.feed.last if upto is None else upto):
            await self.arrives()
            most = MESSAGES_AT_ONCE if upto is None else min(MESSAGES_AT_ONCE, upto - self.position)
            for message in self.feed.since(self.position, most):
                self._read(message)
            await self.done()

    def _read(self, message: Message) -> None:
        if message.damage or not self.is_own(message):
            for record in self.ingress.records_of(message):
                self._fold(record)
        self.position = message.sequence

    async def publish(self, events: Iterable[Event]) -> bool:
        """Commit events, durable and fenced when this returns; returns whether there were any.

        They are taken one by one, each after the one before it was folded.
        Raises FencedOutError: from then on nothing may be sent.
        """
        spoke = False
        coming = iter(events)
        async with self.busy:
            while batch := list(islice(self._folded(coming), COMMIT_EVENTS)):
                await self.append([wrap(each) for each in batch])
                spoke = True
        if self.snapshot_is_due:
            await self.keep_snapshot()
        return spoke

    async def record_progress(self) -> None:
        """Commit the position that was read, unless a commit holds it; `busy` must be held."""
        while self.committed < self.position:  # reading goes on meanwhile
            await self.append([])

    def _folded(self, events: Iterator[Event]) -> Iterator[Recorded[Any]]:
        for event in events:
            record = self.recorded(event)
            self._fold(record)
            yield record

    def _fold(self, record: Recorded[Any]) -> None:
        self.fold.replay(record, ())
        self.facts += 1
