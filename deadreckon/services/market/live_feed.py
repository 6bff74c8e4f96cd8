"""Market edge of live data: writes what a feed says, within bounds of the log's time."""

import asyncio
from collections.abc import Callable

from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Mode
from deadreckon.contracts.subjects import SHARED
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed
from deadreckon.services.clock.time_edge import TimeEdge, steady_time

EDGE = True

MARKET = "market"


class LiveFeed:
    """Publisher of market facts at the times of their source.

    A fact too far ahead of the log's time is not written (`ClockStepRefused`); one that is behind
    it is, and moves no time.
    """

    def __init__(
        self,
        bus: Bus,
        feed: Feed,
        *,
        book: str,
        mode: Mode,
        code: str,
        steady: Callable[[], int] = steady_time,
    ) -> None:
        self.edge = TimeEdge(MARKET, bus, feed, book=book, mode=mode, code=code, steady=steady)
        self._lock = asyncio.Lock()

    async def replay(self) -> None:
        """Fold the log up to what this edge wrote last."""
        await self.edge.replay()

    async def catch_up(self) -> None:
        """Fold the log up to its end, before the first fact is published."""
        await self.edge.read(await self.edge.end())

    async def publish(self, at: int, *events: Event) -> bool:
        """Write facts of one time (nanoseconds UTC) in one commit; returns whether they were."""
        async with self._lock:
            await self.edge.read()
            name = f"{MARKET}|{self.edge.domain.n + 1}"
            return await self.edge.move(
                at, {derive_id(name, SHARED, index): it for index, it in enumerate(events)}
            )
