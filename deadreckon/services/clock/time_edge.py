"""Edge that writes time: holds every time against the log's before it is written."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.clock import ClockStepRefused
from deadreckon.contracts.codec import canonical_event, wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.subjects import SHARED
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.service.edge_journal import EdgeJournal
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.clock import log_time
from deadreckon.services.clock.log_time import LogTime

EDGE = True

# It counts the sleep of a machine where the system can tell.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

log = log_lines.Logger()


def steady_time() -> int:
    """Return monotonic nanoseconds: only differences mean something."""
    return time.clock_gettime_ns(_STEADY)


class _Times:
    """The log's time, moved by recorded facts."""

    def __init__(self, name: str) -> None:
        self.state = LogTime(name)

    def resume(self, state: LogTime) -> None:
        """Go on from a state that was read from a snapshot."""
        self.state = state

    def replay(self, question: Recorded[Any], answers: Iterable[Recorded[Any]]) -> None:
        """Fold a fact and what follows it."""
        for record in (question, *answers):
            log_time.evolve(self.state, record)


class TimeEdge(EdgeJournal):
    """An edge whose facts move decision time, in the shared book.

    What it writes lies at most so far ahead of the log's time as monotonic time has passed since
    its last write, and a limit; the first of each incident is recorded as `ClockStepRefused`.
    `steady` reads the monotonic clock (nanoseconds).
    """

    def __init__(
        self,
        name: str,
        bus: Bus,
        feed: Feed,
        *,
        book: str,
        mode: Mode,
        code: str,
        snapshots: Snapshots | None = None,
        steady: Callable[[], int] = steady_time,
    ) -> None:
        self._mode: Mode = mode
        self._steady = steady
        self._since = steady()  # of the last write, or the start
        self._first = True
        super().__init__(
            name,
            _Times(name),
            bus,
            feed,
            book=book,
            domain_book=SHARED,
            mode=mode,
            code=code,
            modules=[log_time.__name__],
            snapshots=snapshots,
        )

    @property
    def time(self) -> LogTime:
        """The log's time as far as it was read."""
        state: LogTime = self.fold.state
        return state

    def follow_recorded(self, message: Message) -> None:
        """Fold the next message; the times that this edge wrote do not come in by the ingress."""
        if self.is_own(message):
            self._take_time(message.facts)
        super().follow_recorded(message)

    def _take_time(self, records: Iterable[Recorded[Any]]) -> None:
        for record in records:
            self.ingress.take_time(record)

    async def follow(self) -> None:
        """Read the log for as long as it goes on."""
        while True:
            await self.read()
            await self.arrives()

    async def move(self, at: int, events: Mapping[str, Event]) -> bool:
        """Write events by their ids at a time (nanoseconds UTC), if that is within bounds; returns
        whether it was."""
        moment = self._steady()
        refused = log_time.refusal(self.time, at, moment - self._since, first=self._first)
        if refused is not None:
            await self.refuse(refused)
            return False
        await self._write([self._stamped(name, at, event) for name, event in events.items()])
        self._since, self._first = moment, False
        return True

    async def refuse(self, refused: ClockStepRefused) -> None:
        """Record a refusal, unless its incident is recorded already."""
        known = self.time.refused.get(self.name)
        if known is None or known.rule != refused.rule:
            log.warning("clock_step_refused", edge=self.name, reason=refused.reason)
            await self._write([self.recorded(refused)])

    async def answer(self, event: Event, at: int, cause: str) -> None:
        """Record the answer to an operator's request about time."""
        await self._write([self._about_time(event, at, cause)])

    def recorded(self, event: Event) -> Recorded[Any]:
        """Return an event about time itself as it is recorded, at the log's time."""
        return self._about_time(event, self.time.now)

    def _about_time(self, event: Event, at: int, cause: str | None = None) -> Recorded[Any]:
        ordinal = self.time.recorded  # how many came before it
        name = derive_id(f"{self.name}|{SHARED}", NAMES[type(event)], ordinal)
        return self._stamped(name, at, event, cause)

    def _stamped(self, name: str, at: int, event: Event, cause: str | None = None) -> Recorded[Any]:
        return Recorded(
            id=name,
            at=at,
            book=SHARED,
            mode=self._mode,
            source=self.name,
            cause=cause,
            root=cause or name,
            event=canonical_event(event),
        )

    async def _write(self, records: list[Recorded[Any]]) -> None:
        async with self.busy:
            self._take_time(records)
            for record in records:
                self._fold(record)
            await self.append([wrap(record) for record in records])
        if self.snapshot_is_due:
            await self.keep_snapshot()
