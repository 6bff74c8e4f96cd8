"""Write limits of the machine: bare fsynced publishes, fenced commits, atomic batches."""

import os
import time
from pathlib import Path

from deadreckon.contracts.subjects import commit_subject, domain, producer_subject
from deadreckon.runtime.log.bus import Bus, Fence
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.batching import batch_seconds
from deadreckon.tools.bench.figures import Figure, percentile, rate, slower
from deadreckon.tools.bench.fixture import PRODUCER, Fixture

WRITER = "fill"  # service whose domain is written
PAYLOAD = b'{"bench":"' + b"x" * 900 + b'"}'  # bytes of a commit with two events


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure how fast messages can be stored with fsync; a bare file is the limit."""
    count = fixture.size(4_000, 300)
    async with fixture.temporary_stack("append") as target:
        to_file = percentile(file_syncs(target.folder.root / "limit", count), 0.5)
        bare = await bare_publish(target.bus, count)
        fenced = await fenced_commits(target.bus, count)
    two = 1000 * await batch_seconds(fixture, 2, fixture.size(300, 20))
    hundred = await batch_seconds(fixture, 100, fixture.size(100, 5))
    one = "bare publish, p50"
    return [
        rate("bare fsynced publishes", 1000 * len(bare) / sum(bare), "messages/s"),
        slower(one, percentile(bare, 0.5), to_file, "write and fsync of a file, p50"),
        slower("fenced commit, p50", percentile(fenced, 0.5), percentile(bare, 0.5), one),
        slower("fenced commit, p99", percentile(fenced, 0.99), percentile(bare, 0.5), one),
        slower("atomic batch of 2 messages, p50", two, percentile(bare, 0.5), one),
        rate("messages in atomic batches of 100", 100 / hundred, "messages/s"),
    ]


def file_syncs(path: Path, count: int) -> list[float]:
    """Measure `count` appends to a file with fsync; returns the milliseconds of each."""
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            begun = time.perf_counter()
            file.write(PAYLOAD)
            os.fsync(file.fileno())
            times.append((time.perf_counter() - begun) * 1000)
    return times


async def bare_publish(bus: Bus, count: int) -> list[float]:
    """Measure `count` acknowledged publishes in sequence; returns the milliseconds of each."""
    subject, sender = producer_subject(BOOK, OWN_PRODUCER), as_role(bus, PRODUCER)
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        await sender.append(subject, PAYLOAD)
        times.append((time.perf_counter() - begun) * 1000)
    return times


async def fenced_commits(bus: Bus, count: int) -> list[float]:
    """Measure `count` fenced appends to one domain; returns the milliseconds of each."""
    subject, ours = commit_subject(BOOK, WRITER, "events"), domain(BOOK, WRITER)
    writer = as_role(bus, WRITER)
    tail = await writer.tail(ours)
    last = tail.sequence if tail else 0
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        last = await writer.append(subject, PAYLOAD, Fence(ours, last))
        times.append((time.perf_counter() - begun) * 1000)
    return times
