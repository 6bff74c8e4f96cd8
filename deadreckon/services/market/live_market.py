"""A market in real time: the rows of a tape at the time of the clock, again and again."""

import asyncio
import time
from collections.abc import Iterator

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import NANOSECONDS, Mode, Recorded
from deadreckon.contracts.subjects import SHARED
from deadreckon.marketdata.tapes.tape import Tape, TapeRow
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain
from deadreckon.services.market.tape_player import bar_interval, row_event

EDGE = True
GAP_MAX = (
    10 * NANOSECONDS
)  # a silence of the tape lasts no longer: nobody waits for a night to pass


class LiveMarket:
    """Publisher of a tape's rows beside a clock that ticks: bars at every multiple of their length,
    quotes and trades as far apart as they were.

    A row is one commit, so that the number of commits says which row is next after a restart.
    """

    def __init__(self, bus: Bus, tape: Tape, *, mode: Mode, code: str) -> None:
        self._domain = Domain(bus, SHARED, "market", code)
        self._tape = tape
        self._digest = tape.digest
        self._mode = mode
        self._interval = bar_interval(tape.header)
        self._at = 0  # of the last row, nanoseconds UTC
        self._tape_at: int | None = None  # of the last row on the tape

    async def replay(self) -> None:
        """Stand behind the domain's last row."""
        commit = await self._domain.recover()
        if commit and commit.events:
            self._at = min(commit.events[-1].at, time.time_ns())

    async def run(self) -> None:
        """Publish for ever; the first row at once."""
        for row in self.rows():
            at = self.due(row, time.time_ns())
            await asyncio.sleep(max(0, at - time.time_ns()) / NANOSECONDS)
            await self.publish(row, at)

    def due(self, row: TapeRow, now: int) -> int:
        """Return when a row is due; not before what is published already."""
        if self._interval:
            return max(now // self._interval * self._interval, self._at + self._interval)
        gap = GAP_MAX if self._tape_at is None else row.at - self._tape_at
        return max(now, self._at + min(max(gap, 0), GAP_MAX)) if self._at else now

    async def publish(self, row: TapeRow, at: int) -> int:
        """Write one row at a time (nanoseconds UTC); returns its sequence."""
        name = derive_id(self._digest, f"live|{self._domain.n}", 0)
        record = Recorded(
            id=name,
            at=at,
            book=SHARED,
            mode=self._mode,
            source="market",
            cause=None,
            root=name,
            event=row_event(self._tape.header, row),
        )
        self._at, self._tape_at = at, row.at
        last = self._domain.sequence
        return await self._domain.append((last + 1, last, 0), [], [wrap(record)])

    def rows(self) -> Iterator[TapeRow]:
        """Yield the rows from the next one on, for ever."""
        yield from self._tape.rows(self._domain.n % self._tape.header.rows)
        while True:
            yield from self._tape.rows(0)
