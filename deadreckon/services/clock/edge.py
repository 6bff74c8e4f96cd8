"""The clock edge: writes the time into the log, where no tape plays."""

import asyncio
import time

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.subjects import SHARED
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain

EDGE = True


class Clock:
    """Publisher of one ClockTicked each `every` seconds, all that an idle stack writes."""

    def __init__(self, bus: Bus, *, mode: Mode, code: str, every: float = 1.0) -> None:
        self._domain = Domain(bus, SHARED, "clock", code)
        self._mode = mode
        self._every = every

    async def replay(self) -> None:
        """Stand behind the domain's last tick."""
        await self._domain.recover()

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            await self.tick(time.time_ns())
            await asyncio.sleep(self._every - time.time() % self._every)

    async def tick(self, at: int) -> int:
        """Write one time (nanoseconds UTC); returns its sequence."""
        name = derive_id("clock", SHARED, at)
        record = Recorded(
            id=name,
            at=at,
            book=SHARED,
            mode=self._mode,
            source="clock",
            cause=None,
            root=name,
            event=ClockTicked(),
        )
        sequence = self._domain.sequence
        return await self._domain.append((sequence + 1, sequence, 0), [], [wrap(record)])
