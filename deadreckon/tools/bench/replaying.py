"""Replay from JetStream into all projections, compared with a socket that parses nothing."""

import asyncio
import time
from collections.abc import Sequence

from deadreckon.projections.runner import Views, stored_views
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.feed import Decoding, Feed
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.figures import Figure, rate
from deadreckon.tools.bench.fixture import Fixture, TemporaryStack
from deadreckon.tools.bench.rawsocket import RawSocket
from deadreckon.tools.bench.recording import played, pour, traded

MARK = 50_000  # events a second of a demo's log into SQLite, the lake and the metrics


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure two logs: a demo's, and the worst case of orders only.

    The demo's log is mostly bars, one per message. In the worst case every event becomes two rows
    of twenty columns in two stores. Only the first log has a mark.
    """
    with fixture.folder("record") as folder:
        demo = await played(folder, fixture.size(40_000, 1_500))
    orders = await traded(fixture.size(20_000, 500))
    return [
        *await _replay(fixture, "a demo's log", demo, MARK),
        *await _replay(fixture, "orders alone", orders, None),
    ]


async def _replay(
    fixture: Fixture, what: str, messages: Sequence[Stored], mark: float | None
) -> list[Figure]:
    fixture.tell(f"{what}: {len(messages):,} messages")
    async with fixture.temporary_stack("replay") as target:
        await pour(messages, target.bus)
        socket = await _seconds_of_socket(target, len(messages))
        read = await _seconds_of_reader(target.bus, len(messages))
        events, decode = await _decode(target.bus, len(messages))
        fold = await _seconds_of_views(target, len(messages))
    limit, name = events / socket, "through a raw socket, undecoded"
    return [
        rate(f"{what}: read", events / read, "events/s", None, limit, name),
        rate(f"{what}: read and decode", events / decode, "events/s", None, limit, name),
        rate(f"{what}: all projections", events / fold, "events/s", mark, limit, name),
    ]


async def _seconds_of_socket(target: TemporaryStack, last: int) -> float:
    message_bytes = (await target.bus.info()).bytes // last
    begun = time.perf_counter()
    await asyncio.to_thread(RawSocket(target.address, message_bytes).pull, last)
    return time.perf_counter() - begun


async def _seconds_of_reader(bus: Bus, last: int) -> float:
    begun = time.perf_counter()
    reader = await bus.read(0)
    count = 0
    while count < last:
        count += len(await reader.next(1.0))
    took = time.perf_counter() - begun
    await reader.close()
    return took


async def _decode(bus: Bus, last: int) -> tuple[int, float]:
    """Read, decode and chain the log; returns the number of its events and the seconds."""
    begun = time.perf_counter()
    reader = await bus.read(0)
    decoding = Decoding()
    count = events = 0
    while count < last:
        for stored in await reader.next(1.0):
            events += len(decoding.decode(stored).facts)
            count += 1
    took = time.perf_counter() - begun
    await reader.close()
    return events, took


async def _seconds_of_views(target: TemporaryStack, last: int) -> float:
    """Return the seconds from the first message until all views show every event."""
    feed = Feed(target.bus)
    with stored_views(target.folder) as stored:
        views = Views(feed, BOOK, "paper", stored, [])
        begun = time.perf_counter()
        await feed.start()
        try:
            await views.catch_up(last)
            return time.perf_counter() - begun
        finally:
            await feed.stop()
