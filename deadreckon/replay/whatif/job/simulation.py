"""An in-memory stack that goes on from a message of a recorded log: all deciders, no waiting.

It is the runtime's own services in their own turns; only the event loop is left out. In memory
nothing ever waits for anybody, so a turn is a plain call, and a month plays in seconds.
"""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from deadreckon import __version__
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.jobs import Job
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.decider_runner import EVERY_TYPE, Decider
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.turns import LocalTurnTaker, Round
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import RANK

T = TypeVar("T")

RecordedAnswers = Mapping[
    str, Sequence[Event]
]  # by the id of the question, in the order they were given


def finished(job: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never has to wait to its end and return its result."""
    while True:
        try:
            waited = job.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        if waited is not None:
            job.close()
            raise RuntimeError(f"nothing in memory can wait for {waited!r}")


class TimedMemoryLog(MemoryLog):
    """A log whose new messages were stored at the time that was last named: nobody's clock."""

    stored_at = 0

    def store(self, subject: str, payload: bytes) -> int:
        """Put one message at the end."""
        sequence = super().store(subject, payload)
        self.messages[-1] = replace(self.messages[-1], stored_at=self.stored_at)
        return sequence


class MemoryFeed(Feed):
    """Reads a log in memory as it grows: what is asked for is there, or never will be."""

    def __init__(self, bus: MemoryBus) -> None:
        super().__init__(bus)
        self._messages = bus.log.messages

    async def reach(self, sequence: int, wait: float | None = None) -> bool:
        """Take in everything there is; False where that ends before message `sequence`."""
        for stored in self._messages[self.last :]:
            self._buffer.append(self._decoding.decode(stored))
            self._bytes += len(stored.payload)
            self.last = stored.sequence
        return self.last >= sequence


class RecordedTrainer:
    """Trainer that repeats its recorded answers, since fits differ between machines.

    Strategies in `refitted` are fitted again, from other data; those in `without` get no model.
    """

    def __init__(
        self, answered: RecordedAnswers, refitted: Sequence[str] = (), without: Sequence[str] = ()
    ) -> None:
        self._original = decider("trainer")
        self._answered = answered
        self._refitted = refitted
        self._without = without
        self.HANDLES = getattr(self._original, "HANDLES", EVERY_TYPE)

    def initial(self) -> Any:
        """Return the state before the first event."""
        return self._original.initial()

    def evolve(self, state: Any, record: Recorded[Any]) -> Any:
        """Return the state after an event."""
        return self._original.evolve(state, record)

    def decide(self, state: Any, record: Recorded[Any]) -> Sequence[Event | Job]:
        """Return the recorded answers to a question, and new ones of refitted strategies."""
        recorded: Sequence[Any] = self._answered.get(record.id, ())
        kept = [one for one in recorded if one.strategy not in (*self._refitted, *self._without)]
        if not self._refitted:
            return kept
        now: list[Any] = list(self._original.decide(state, record))
        return kept + [one for one in now if one.strategy in self._refitted]


class MemoryStack:
    """Every service of a book, replayed from `past`, the log up to some message."""

    def __init__(
        self,
        past: Iterable[Stored],
        book: str,
        mode: Mode,
        trainer: Decider | None = None,
    ) -> None:
        self.log = TimedMemoryLog(list(past))
        bus = MemoryBus(self.log)
        self._feed = MemoryFeed(bus)
        deciders = {name: decider(name) for name in RANK}
        if trainer is not None:
            deciders["trainer"] = trainer
        self.services = [
            Service(name, each, bus, self._feed, book=book, mode=mode, code=__version__)
            for name, each in deciders.items()
        ]
        self._turns = Round([LocalTurnTaker(service) for service in self.services], self._feed)

    def replay(self) -> None:
        """Remember everything from the log, deciding nothing."""
        for service in self.services:
            finished(service.replay())
        self._turns.tail = self.log.last

    def take(self, messages: Iterable[Stored]) -> None:
        """Append external messages, then let every service answer until none has anything left."""
        for stored in messages:
            self.log.stored_at = stored.stored_at
            self._turns.tail = self.log.store(stored.subject, stored.payload)
        finished(self._turns.settle())
