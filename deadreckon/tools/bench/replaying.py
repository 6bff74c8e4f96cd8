"""Replay from JetStream into all projections, and a tape that plays; each beside its limit."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.tape import Tape
from deadreckon.node.demo import Demo, DemoPlan
from deadreckon.node.verdicts import verdicts_published
from deadreckon.projections.live_view.live_view import LiveViewFold
from deadreckon.projections.runner import Views
from deadreckon.projections.stored_views import stored_views
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.feed import Decoding, Feed
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.source_tree import ROOT
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.appending import bare_publish
from deadreckon.tools.bench.figures import Figure, rate, slower
from deadreckon.tools.bench.fixture import CaseError, Fixture, TemporaryStack
from deadreckon.tools.bench.rawsocket import RawSocket
from deadreckon.tools.bench.recording import played, pour, synthetic_tape, traded

MARK = 50_000  # events a second of a demo's log into SQLite, the lake and the metrics


async def measure_replay(fixture: Fixture) -> list[Figure]:
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
        _, read = await _read(target.bus, len(messages), lambda _: 0)
        chain = Decoding()
        events, decode = await _read(
            target.bus, len(messages), lambda it: len(chain.decode(it).facts)
        )
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


async def _read(bus: Bus, last: int, decode: Callable[[Stored], int]) -> tuple[int, float]:
    """Read the log; returns the number of events that `decode` found in it, and the seconds."""
    begun = time.perf_counter()
    reader = await bus.read(0)
    count = events = 0
    while count < last:
        found = await reader.next(1.0)
        count += len(found)
        events += sum(map(decode, found))
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


# Real data, if any, is next to the checkout; it is not part of this repository.
REAL = ROOT.parent / "shared/tapes/btc-perp-20211231-20220201_1m.csv"
REAL_INSTRUMENT = "BTCUSD-PERP.PAPER"
PLAY_MARK = 3.0  # times as long as the bare publishes
INVENTED_BARS = 20_000


async def measure_play(fixture: Fixture) -> list[Figure]:
    """Measure a tape with fsync and views; half of the bare publishes run before, half after."""
    async with fixture.temporary_stack("limit") as bare, fixture.temporary_stack("play") as target:
        what, tape = _tape(fixture, target.folder)
        fixture.tell(f"{what}: {tape.header.rows:,} rows")
        before = await bare_publish(bare.bus, tape.header.rows // 2)
        seconds, messages = await _play(target, tape)
        after = await bare_publish(bare.bus, messages - len(before))
    limit = (sum(before) + sum(after)) / 1000
    name = "as many bare fsynced publishes as the log has messages"
    return [
        slower(f"{what}, fsync on", seconds, limit, name, PLAY_MARK, unit="s"),
        rate("rows a second", tape.header.rows / seconds, "rows/s"),
    ]


def _tape(fixture: Fixture, folder: Folder) -> tuple[str, Tape]:
    folder.tapes.mkdir()
    if REAL.exists() and not fixture.quick:
        return "a month of real bars", load_or_import(REAL, REAL_INSTRUMENT, folder.tapes)
    bars = fixture.size(INVENTED_BARS, 3_000)
    return f"{bars:,} invented bars", synthetic_tape(folder.tapes / "tape.parquet", bars)


async def _play(target: TemporaryStack, tape: Tape) -> tuple[float, int]:
    """Play the tape; returns its seconds and the number of messages in the log."""
    plan = DemoPlan()
    async with AsyncExitStack() as stack:
        stored = stack.enter_context(stored_views(target.folder))
        verdicts = await stack.enter_async_context(verdicts_published(target.bus, plan.book))
        seen = (LiveViewFold(), verdicts)
        demo = Demo(plan, target.folder, tape, target.bus, stored, seen)
        await stack.enter_async_context(demo)
        begun = time.perf_counter()
        await demo.play(lambda _: None)
        seconds = time.perf_counter() - begun
        if not demo.player.played.ended:
            raise CaseError("stopped while the tape played; nothing was measured")
    return seconds, (await target.bus.info()).last
