"""The machine's limits: bare fsynced publishes, and fenced commits one after the other."""

import time

from deadreckon.contracts.subjects import commit_subject, domain, producer_subject
from deadreckon.runtime.bus import Bus, Fence
from deadreckon.stack.bench.figures import Figure, percentile, rate

BOOK = "bench"
PAYLOAD = b'{"bench":"' + b"x" * 900 + b'"}'  # bytes of a commit with two events


async def bare_publish(bus: Bus, count: int) -> list[float]:
    """Milliseconds of each of `count` acknowledged publishes, one after the other."""
    subject = producer_subject(BOOK, "bare")
    return [await _timed(bus, subject, None) for _ in range(count)]


async def fenced_commits(bus: Bus, count: int, service: str = "fenced") -> list[float]:
    """Milliseconds of each of `count` fenced appends to one domain, one after the other."""
    subject, ours = commit_subject(BOOK, service, "events"), domain(BOOK, service)
    tail = await bus.tail(ours)
    last = tail.sequence if tail else 0
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        last = await bus.append(subject, PAYLOAD, Fence(ours, last))
        times.append((time.perf_counter() - begun) * 1000)
    return times


async def _timed(bus: Bus, subject: str, fence: Fence | None) -> float:
    begun = time.perf_counter()
    await bus.append(subject, PAYLOAD, fence)
    return (time.perf_counter() - begun) * 1000


async def appending(bus: Bus, count: int = 2_000) -> list[Figure]:
    """How fast anything can be stored here, with fsync."""
    bare = await bare_publish(bus, count)
    fenced = await fenced_commits(bus, count)
    return [
        rate("bare fsynced publishes", 1000 * len(bare) / sum(bare), "messages/s"),
        Figure("fenced commit, p50", percentile(fenced, 0.5), "ms"),
        Figure("fenced commit, p99", percentile(fenced, 0.99), "ms"),
    ]
