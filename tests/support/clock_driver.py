"""A log in memory, a machine whose clocks can be set, and the edges that write time by them."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.clock import ClockAcceptRequested, ClockConfigured, ClockResetRequested
from deadreckon.contracts.codec import decode_commit, unwrap, wrap
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.market import ClockTicked, QuoteUpdated
from deadreckon.contracts.subjects import operator_subject
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.clock.edge import Clock
from deadreckon.services.market.live_feed import LiveFeed
from tests.stories import START, at

SECOND = NANOSECONDS
QUOTE = QuoteUpdated("BTCUSDT.PAPER", Decimal(1), Decimal(2), Decimal(3), Decimal(4))


class ClockDriver:
    """A clock and a live feed beside a log, life after life; `wall` is what the machine shows,
    `steady` what truly passed."""

    def __init__(self, snapshots: Snapshots | None = None) -> None:
        self.log = MemoryLog()
        self.bus = MemoryBus(self.log)
        self.wall = START
        self.steady = 0
        self._snapshots = snapshots
        self._numbers = 0
        self.clock: Clock
        self.market: LiveFeed
        self.feed: Feed

    async def born(self) -> "ClockDriver":
        """Start edges that know nothing but the log; the last ones are gone without a word."""
        self.feed = Feed(self.bus)
        shared: Any = {"book": "desk", "mode": "paper", "code": "test", "steady": self._passed}
        self.clock = Clock(
            self.bus, self.feed, wall=lambda: self.wall, snapshots=self._snapshots, **shared
        )
        self.market = LiveFeed(self.bus, self.feed, **shared)
        await self.clock.restore()
        await self.feed.start()
        await self.clock.replay()
        await self.market.replay()
        await self.market.catch_up()
        await self.clock.edge.read(self.log.last)
        return self

    def _passed(self) -> int:
        return self.steady

    async def tick(self, passed: int = SECOND, jump: int = 0) -> list[Recorded[Any]]:
        """Let time pass, set the wall clock off by `jump`, and tick; what the edges wrote."""
        before = self.log.last
        self.steady += passed
        self.wall += passed + jump
        await self.answer()
        await self.clock.tick()
        return self.records(before)

    async def answer(self) -> None:
        """Let the clock read the log to its end, and answer."""
        await self.feed.reach(self.log.last)
        await self.clock.read()

    async def quote(self, when: int, *facts: Event) -> bool:
        """Let the live feed publish facts of one time; whether it did."""
        await self.feed.reach(self.log.last)
        return await self.market.publish(when, *(facts or (QUOTE,)))

    async def say(self, event: Event) -> list[Recorded[Any]]:
        """An operator's fact; what the clock answers."""
        self._numbers += 1
        payload = write_fact(f"fact-{self._numbers}", NAMES[type(event)], event)
        await self.bus.append(operator_subject("desk", "ann"), payload)
        before = self.log.last
        await self.answer()
        return self.records(before)

    async def accept(self) -> list[Recorded[Any]]:
        """What the clock answers to an operator who says that its time is right."""
        return await self.say(ClockAcceptRequested("ann", "it is"))

    async def reset(self, to: int) -> list[Recorded[Any]]:
        """What the clock answers to an operator who takes time back."""
        return await self.say(ClockResetRequested("ann", "it was wrong", to))

    async def limit(self, step_max: int, stop_max: int) -> None:
        """Bounds of the steps."""
        await self.say(ClockConfigured("ann", "bounds", step_max, stop_max))

    def records(self, after: int = 0) -> list[Recorded[Any]]:
        """What the edges wrote after a place in the log."""
        return [
            unwrap(envelope, stored.sequence, index)
            for stored in self.log.messages
            if stored.sequence > after and ".shared." in stored.subject
            for index, envelope in enumerate(decode_commit(stored.payload).events)
        ]


async def old_ticks(driver: ClockDriver, times: list[int]) -> None:
    """Ticks as 0.1.0 wrote them: their commits cover nothing."""
    domain = Domain(driver.bus, "shared", "clock", "0.1.0")
    for number, when in enumerate(times):
        record = replace(at(ClockTicked(), when, id=f"old-{number}", book="shared"), source="clock")
        last = domain.sequence
        await domain.append((last + 1, last, 0), [], [wrap(record)])
