"""Latency from signal to order intent: four commits, compared with four bare fenced ones."""

import asyncio

from deadreckon.tools.bench.appending import bare_publish, fenced_commits
from deadreckon.tools.bench.batching import batch_seconds
from deadreckon.tools.bench.figures import Figure, percentile, slower
from deadreckon.tools.bench.fixture import Fixture
from deadreckon.tools.bench.pipeline import SignalTimes, live_stack
from deadreckon.tools.bench.signals import produce

PER_SECOND = 100.0
COMMITS = 4  # signal, risk, router, fill
PATIENCE = 30.0  # seconds for the last intent after the last signal
MARK = 2.0  # times the limit, for the median
MARK_P99 = 5.0


async def measure(fixture: Fixture) -> list[Figure]:
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
        async with live_stack(target) as (_, watcher):
            count = int(seconds * PER_SECOND)
            sending = asyncio.create_task(produce(target.folder.root, "latency", count, PER_SECOND))
            lives = await watcher.watch(lambda it: len(it.intents) >= count, seconds + PATIENCE)
            await sending
        # Measured again afterwards, because the machine's other load changes within a minute.
        limits += await fenced_commits(bare.bus, samples)
        publishes += await bare_publish(bare.bus, samples)
    fenced, bared = (COMMITS * percentile(each, 0.5) for each in (limits, publishes))
    return _figures(lives, count, fenced, bared, COMMITS * batch)


def _figures(
    lives: SignalTimes, count: int, limit: float, bare: float, batch: float
) -> list[Figure]:
    times = [(at - lives.signals[name]) / 1e6 for name, at in lives.intents.items()]
    if len(times) < count:
        lost = f"signals without an intent after {PATIENCE:.0f} s"
        return [Figure(lost, count - len(times), "signals", mark="none", reached=False)]
    what = "four fenced commits, p50 each"
    return [
        slower("signal to intent, p50", percentile(times, 0.5), limit, what, MARK),
        slower(
            "p50 beside bare publishes",
            percentile(times, 0.5),
            bare,
            "four bare publishes, p50 each",
        ),
        slower(
            "p50 beside atomic batches",
            percentile(times, 0.5),
            batch,
            "four atomic batches of 2, p50",
        ),
        slower("signal to intent, p99", percentile(times, 0.99), limit, what, MARK_P99),
        slower("signal to intent, max", max(times), limit, what),
    ]
