"""Signals through all six services: latency of one, and sustained rate."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.node.settings import StackSettings
from deadreckon.node.up import LiveStack
from deadreckon.node.verdicts import verdicts_published
from deadreckon.projections.stored_views import stored_views
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.appending import bare_publish, batch_seconds, fenced_commits
from deadreckon.tools.bench.figures import Figure, bounded, missing, percentile, rate, slower
from deadreckon.tools.bench.fixture import Fixture, TemporaryStack
from deadreckon.tools.bench.market import Quotes, set_up_bench
from deadreckon.tools.bench.signals import ids, produce, send_batch

WATCHER = "bench"  # name of the watcher among the feed's followers
SETTLING = 1.0  # seconds of quotes before anything is sent

PER_SECOND = 2_000.0
SENDER_SHARE = 0.98  # share of the pace that the sender must reach for the mark to count
LAG_MAX = 1.0  # seconds between the last signal and the last change of position
BATCH = 100
BATCHED_LEAST = 10_000.0  # signals a second
AHEAD = 20  # batches the sender may be ahead of the services
PATIENCE_FOR_LATE = 120.0  # seconds for late single signals, which batches would else include
PATIENCE = 3  # multiple of the sending time to wait for results

LATENCY_PER_SECOND = 100.0
COMMITS = 4  # signal, risk, router, fill
LATENCY_PATIENCE = 30.0  # seconds for the last intent after the last signal
LATENCY_MARK = 2.0  # times the limit, for the median
LATENCY_MARK_P99 = 5.0


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
async def live_stack(target: TemporaryStack) -> AsyncIterator[LogWatcher]:
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
            yield watcher
        finally:
            watcher.rest()
            quoting.cancel()
            ending.set()
            await running


async def measure_latency(fixture: Fixture) -> list[Figure]:
    """Measure signal stored to intent stored at a steady pace, open loop: delays count in full."""
    seconds = fixture.size(20.0, 2.0)
    samples = fixture.size(1_000, 100)
    async with (
        fixture.temporary_stack("limit") as bare,
        fixture.temporary_stack("latency") as target,
    ):
        limits = await fenced_commits(bare.bus, samples)
        publishes = await bare_publish(bare.bus, samples)
        batch = 1000 * await batch_seconds(fixture, 2, fixture.size(300, 20))
        async with live_stack(target) as watcher:
            count = int(seconds * LATENCY_PER_SECOND)
            sending = asyncio.create_task(
                produce(target.folder.root, "latency", count, LATENCY_PER_SECOND)
            )
            lives = await watcher.watch(
                lambda it: len(it.intents) >= count, seconds + LATENCY_PATIENCE
            )
            await sending
        # Measured again afterwards, because the machine's other load changes within a minute.
        limits += await fenced_commits(bare.bus, samples)
        publishes += await bare_publish(bare.bus, samples)
    fenced, bared = (COMMITS * percentile(each, 0.5) for each in (limits, publishes))
    return _latency_figures(lives, count, fenced, bared, COMMITS * batch)


def _latency_figures(
    lives: SignalTimes, count: int, limit: float, bare: float, batch: float
) -> list[Figure]:
    times = [(at - lives.signals[name]) / 1e6 for name, at in lives.intents.items()]
    if len(times) < count:
        lost = f"signals without an intent after {LATENCY_PATIENCE:.0f} s"
        return [missing(lost, count - len(times), "signals")]
    what, middle = "four fenced commits, p50 each", percentile(times, 0.5)
    return [
        slower("signal to intent, p50", middle, limit, what, LATENCY_MARK),
        slower("p50 beside bare publishes", middle, bare, "four bare publishes, p50 each"),
        slower("p50 beside atomic batches", middle, batch, "four atomic batches of 2, p50"),
        slower("signal to intent, p99", percentile(times, 0.99), limit, what, LATENCY_MARK_P99),
        slower("signal to intent, max", max(times), limit, what),
    ]


async def measure_sustained(fixture: Fixture) -> list[Figure]:
    """Measure single signals at a fixed pace, open loop; then batches at the maximal rate."""
    seconds = fixture.size(15.0, 2.0)
    async with (
        fixture.temporary_stack("limit") as bare,
        fixture.temporary_stack("sustained") as target,
    ):
        samples = fixture.size(2_000, 200)
        times = await bare_publish(bare.bus, samples)
        async with live_stack(target) as watcher:
            singles = await _singles(target, watcher, seconds)
            late = int(seconds * PER_SECOND) - singles.positions
            await watcher.watch(lambda it: it.positions >= late, PATIENCE_FOR_LATE)
            batched = await _batches(target.bus, watcher, fixture.size(300, 10))
        times += await bare_publish(bare.bus, samples)
        most = BATCH / await batch_seconds(fixture, BATCH, fixture.size(100, 5))
    limit = 1000 * len(times) / sum(times)
    return [
        *_sustained_figures(singles, int(seconds * PER_SECOND), limit),
        rate(
            f"signals in batches of {BATCH}, to position",
            batched,
            "signals/s",
            BATCHED_LEAST,
            most,
            f"messages in atomic batches of {BATCH}; a signal is eight events",
        ),
    ]


async def _singles(target: TemporaryStack, watcher: LogWatcher, seconds: float) -> SignalTimes:
    count = int(seconds * PER_SECOND)
    sending = asyncio.create_task(produce(target.folder.root, "single", count, PER_SECOND))
    lives = await watcher.watch(lambda it: it.positions >= count, PATIENCE * seconds + 10)
    await sending
    return lives


def _sustained_figures(lives: SignalTimes, count: int, limit: float) -> list[Figure]:
    first, last = min(lives.signals.values()), max(lives.signals.values())
    sent = (count - 1) / (last - first) * 1e9
    moved = lives.positions / (lives.positions_at - first) * 1e9 if lives.positions else 0.0
    lag = bounded("behind the last signal", (lives.positions_at - last) / 1e9, "s", LAG_MAX)
    if lives.positions < count:
        lost = count - lives.positions
        lag = missing("signals not through in time", lost, "signals")
    bare = "bare fsynced publishes; a signal is at least one"
    return [
        rate("single signals sent", sent, "signals/s", PER_SECOND * SENDER_SHARE),
        rate("single signals to position", moved, "signals/s", limit=limit, limit_name=bare),
        lag,
    ]


async def _batches(bus: Bus, watcher: LogWatcher, batches: int) -> float:
    """Send batches as fast as services process them; the sender waits when too far ahead."""
    begun = time.monotonic()
    count = batches * BATCH
    room = asyncio.Semaphore(AHEAD)
    freed = 0

    def done(lives: SignalTimes) -> bool:
        nonlocal freed
        while freed < lives.positions // BATCH:
            freed += 1
            room.release()
        return lives.positions >= count

    async def sending() -> None:
        for number in range(batches):
            await room.acquire()
            await send_batch(bus, "batch", number * BATCH, BATCH)

    task = asyncio.create_task(sending())
    lives = await watcher.watch(done, PATIENCE * 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return lives.positions / (time.monotonic() - begun)
