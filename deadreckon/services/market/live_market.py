"""A market in real time: the rows of a tape at the time of the clock, again and again."""

import asyncio
import time
from collections.abc import Callable, Iterator

from deadreckon.contracts.event import NANOSECONDS, Mode
from deadreckon.marketdata.tapes.tape import Tape, TapeRow
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.process.cancellation import first_of
from deadreckon.services.clock.time_edge import steady_time
from deadreckon.services.market.live_feed import LiveFeed
from deadreckon.services.market.tape_player import bar_interval, row_event

EDGE = True
GAP_MAX = 10 * NANOSECONDS  # between two rows of quotes or trades: nobody waits for a night to pass
LOOK = 1.0  # seconds between two looks at a wall clock that may have been set


class LiveMarket:
    """Publisher of a tape's rows beside a clock that ticks: bars at every multiple of their length,
    quotes and trades as far apart as they were.

    A row is one commit, so that the number of commits says which row is next after a restart. A row
    whose time is out of bounds is held until the clock is right.
    """

    def __init__(
        self,
        bus: Bus,
        feed: Feed,
        tape: Tape,
        *,
        book: str,
        mode: Mode,
        code: str,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = steady_time,
    ) -> None:
        self.feed = LiveFeed(bus, feed, book=book, mode=mode, code=code, steady=steady)
        self._tape = tape
        self._interval = bar_interval(tape.header)
        self._wall = wall
        self._at = 0  # of the last row, nanoseconds UTC
        self._tape_at: int | None = None  # of the last row on the tape

    async def replay(self) -> None:
        """Stand behind the domain's last row."""
        await self.feed.replay()
        commit = await self.feed.edge.domain.recover()
        if commit and commit.events:
            self._at = min(commit.events[-1].at, self._wall())

    async def run(self) -> None:
        """Publish for ever; the first row at once."""
        await self.feed.catch_up()
        jobs = (self._play(), self.feed.edge.follow())
        await first_of([asyncio.create_task(each) for each in jobs])

    async def _play(self) -> None:
        for row in self.rows():
            await self._publish_when_due(row)

    async def _publish_when_due(self, row: TapeRow) -> None:
        while True:
            now = self._wall()
            at = self.due(row, now)
            if at <= now and await self.publish(row, at):
                return
            left = (at - now) / NANOSECONDS
            await asyncio.sleep(min(left, LOOK) if left > 0 else LOOK)

    def due(self, row: TapeRow, now: int) -> int:
        """Return when a row is due; not before what is published already, unless the clock was set
        back since."""
        if self._interval:
            begun = now // self._interval * self._interval
            return max(begun, min(self._at, begun) + self._interval) if self._at else begun
        gap = GAP_MAX if self._tape_at is None else row.at - self._tape_at
        last = min(self._at, now)
        return max(now, last + min(max(gap, 0), GAP_MAX)) if self._at else now

    async def publish(self, row: TapeRow, at: int) -> bool:
        """Write one row at a time (nanoseconds UTC); returns whether it was within bounds."""
        if not await self.feed.publish(at, row_event(self._tape.header, row)):
            return False
        self._at, self._tape_at = at, row.at
        return True

    def rows(self) -> Iterator[TapeRow]:
        """Yield the rows from the next one on, for ever."""
        yield from self._tape.rows(self.feed.edge.domain.n % self._tape.header.rows)
        while True:
            yield from self._tape.rows(0)
