"""Signals through all six services: latency of one, and sustained rate."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.node.up import LiveStack, StackSettings
from deadreckon.node.verdicts import verdicts_published
from deadreckon.projections.runner import stored_views
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.fixture import TemporaryStack
from deadreckon.tools.bench.market import Quotes, set_up_bench
from deadreckon.tools.bench.signals import ids

WATCHER = "bench"  # name of the watcher among the feed's followers
SETTLING = 1.0  # seconds of quotes before anything is sent


class SignalTimes(Struct):
    """Times at which signals and their results were stored, by the server's clock (nanoseconds).

    `signals` and `intents` give the time of each by the signal's id; `positions` counts
    changes of position, `positions_at` is when the last of them was stored.
    """

    signals: dict[str, int] = {}
    intents: dict[str, int] = {}
    positions: int = 0
    positions_at: int = 0

    def note(self, message: Message) -> None:
        """Record the times of one message of the log."""
        if message.subject.service == "in":
            for name in ids(message.payload):
                self.signals[name] = message.stored_at
        for record in message.facts:
            match record.event:
                case OrderSubmitting(signal_id=name):
                    self.intents[name] = message.stored_at
                case PositionChanged():
                    self.positions += 1
                    self.positions_at = message.stored_at


class LogWatcher:
    """Watcher of a running stack's feed, so that the log is not read or decoded twice."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._sequence = 0
        feed.follow(WATCHER)

    async def watch(self, done: Callable[[SignalTimes], bool], wait: float) -> SignalTimes:
        """Record times from now on, until `done` or until `wait` seconds have passed."""
        lives = SignalTimes()
        self._sequence = self._feed.last
        deadline = time.monotonic() + wait
        while not done(lives) and (left := deadline - time.monotonic()) > 0:
            if await self._feed.reach(self._sequence + 1, left):
                for message in self._feed.since(self._sequence):
                    lives.note(message)
                    self._sequence = message.sequence
                self._feed.done(WATCHER, self._sequence)
                await asyncio.sleep(0)
        return lives

    def rest(self) -> None:
        """Stop following the feed."""
        self._feed.leave(WATCHER)


@asynccontextmanager
async def live_stack(target: TemporaryStack) -> AsyncIterator[tuple[LiveStack, LogWatcher]]:
    """Run services, clock, quotes, views and verdicts as `dr up` does."""
    async with AsyncExitStack() as stack:
        stored = stack.enter_context(stored_views(target.folder))
        verdicts = await stack.enter_async_context(verdicts_published(target.bus, BOOK))
        live = LiveStack(
            StackSettings(web_port=None), target.bus, CrashCounter(), stored, [verdicts]
        )
        watcher = LogWatcher(live.feed)
        ending = asyncio.Event()
        running = asyncio.create_task(live.run(ending))
        await set_up_bench(target.bus, BOOK)
        quotes = Quotes(target.bus)
        await quotes.replay()
        quoting = asyncio.create_task(quotes.run())
        try:
            await asyncio.wait({running, quoting}, timeout=SETTLING)
            yield live, watcher
        finally:
            watcher.rest()
            quoting.cancel()
            ending.set()
            await running
