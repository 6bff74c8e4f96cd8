"""The clock edge: writes the time into the log, where no tape plays."""

import asyncio
import time
from collections.abc import Callable

from deadreckon.contracts.clock import CLOCK
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Mode
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.subjects import SHARED
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.process.cancellation import first_of
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.clock import log_time
from deadreckon.services.clock.time_edge import TimeEdge, steady_time

EDGE = True


class Clock:
    """Publisher of one ClockTicked each `every` seconds, all that an idle stack writes.

    It answers what operators say about the time. `wall` and `steady` read the machine's clocks
    (nanoseconds): the time of day, and one that is never set.
    """

    def __init__(
        self,
        bus: Bus,
        feed: Feed,
        *,
        book: str,
        mode: Mode,
        code: str,
        every: float = 1.0,
        snapshots: Snapshots | None = None,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = steady_time,
    ) -> None:
        self.edge = TimeEdge(
            CLOCK,
            bus,
            feed,
            book=book,
            mode=mode,
            code=code,
            snapshots=snapshots,
            steady=steady,
        )
        self._every = every
        self._wall = wall

    async def restore(self) -> None:
        """Continue from the newest snapshot; to be called before the feed starts."""
        await self.edge.restore()

    async def replay(self) -> None:
        """Fold the log up to the last tick."""
        await self.edge.replay()

    async def run(self) -> None:
        """Read the log up to its end, then tick and answer operators for ever."""
        await self.edge.read(await self.edge.end())
        await first_of([asyncio.create_task(each) for each in (self._tick(), self._follow())])

    async def _tick(self) -> None:
        while True:
            await self.tick()
            await asyncio.sleep(self._every - time.time() % self._every)

    async def _follow(self) -> None:
        while True:
            await self.read()
            await self.edge.arrives()

    async def read(self) -> None:
        """Fold what has come, and answer what operators ask."""
        await self.edge.read()
        state = self.edge.time
        for request_id in list(state.requests):
            answer, at = log_time.answer(state, request_id)
            await self.edge.answer(answer, at, request_id)

    async def tick(self) -> bool:
        """Write the time, if it has passed and is within bounds; returns whether it was written."""
        at, state = self._wall(), self.edge.time
        standstill = log_time.standstill(state, at)
        if standstill is not None:
            await self.edge.refuse(standstill)
        if at <= state.now:
            return False
        life = f"{SHARED}|{state.resets}" if state.resets else SHARED
        return await self.edge.move(at, {derive_id(CLOCK, life, at): ClockTicked()})

    async def rest(self) -> None:
        """Leave a snapshot, at an orderly end."""
        await self.edge.rest()
