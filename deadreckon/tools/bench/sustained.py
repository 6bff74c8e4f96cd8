"""Signals per second sustained through all six services, to the change of position."""

import asyncio
import time

from deadreckon.runtime.log.bus import Bus
from deadreckon.tools.bench.appending import bare_publish
from deadreckon.tools.bench.batching import batch_seconds
from deadreckon.tools.bench.figures import Figure, bounded, rate
from deadreckon.tools.bench.fixture import Fixture, TemporaryStack
from deadreckon.tools.bench.pipeline import LogWatcher, SignalTimes, live_stack
from deadreckon.tools.bench.signals import produce, send_batch

PER_SECOND = 2_000.0
SENDER_SHARE = 0.98  # share of the pace that the sender must reach for the mark to count
LAG_MAX = 1.0  # seconds between the last signal and the last change of position
BATCH = 100
BATCHED_LEAST = 10_000.0  # signals a second
AHEAD = 20  # batches the sender may be ahead of the services
PATIENCE_FOR_LATE = 120.0  # seconds for late single signals, which batches would else include
PATIENCE = 3  # multiple of the sending time to wait for results


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure single signals at a fixed pace, open loop; then batches at the maximal rate."""
    seconds = fixture.size(15.0, 2.0)
    async with (
        fixture.temporary_stack("limit") as bare,
        fixture.temporary_stack("sustained") as target,
    ):
        samples = fixture.size(2_000, 200)
        times = await bare_publish(bare.bus, samples)
        async with live_stack(target) as (_, watcher):
            singles = await _singles(target, watcher, seconds)
            late = int(seconds * PER_SECOND) - singles.positions
            await watcher.watch(lambda it: it.positions >= late, PATIENCE_FOR_LATE)
            batched = await _batches(target.bus, watcher, fixture.size(300, 10))
        times += await bare_publish(bare.bus, samples)
        most = BATCH / await batch_seconds(fixture, BATCH, fixture.size(100, 5))
    limit = 1000 * len(times) / sum(times)
    return [
        *_figures(singles, int(seconds * PER_SECOND), limit),
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


def _figures(lives: SignalTimes, count: int, limit: float) -> list[Figure]:
    first, last = min(lives.signals.values()), max(lives.signals.values())
    sent = (count - 1) / (last - first) * 1e9
    moved = lives.positions / (lives.positions_at - first) * 1e9 if lives.positions else 0.0
    lag = bounded("behind the last signal", (lives.positions_at - last) / 1e9, "s", LAG_MAX)
    if lives.positions < count:
        lost = count - lives.positions
        lag = Figure("signals not through in time", lost, "signals", mark="none", reached=False)
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
