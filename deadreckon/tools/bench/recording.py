"""Recorded logs for the bench: made by the real services in memory, then copied to a server."""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.subjects import parse
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import Tape
from deadreckon.node.demo import Demo, DemoPlan
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import producer_role
from deadreckon.runtime.server.rights import STACK
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.turns import LocalTurnTaker, Round
from deadreckon.services.assembly import assemble
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.tools.bench.market import Quotes, set_up_bench
from deadreckon.tools.bench.signals import send_batch

BEGIN = 1_767_225_600 * NANOSECONDS  # 2026-01-01
AT_ONCE = 256  # concurrent appends
BATCH = 100


def synthetic_tape(path: Path, bars: int) -> Tape:
    """Generate a tape of a synthetic market of this many minutes."""
    return synthesise(Recipe(seed=7, bars=bars), "BTCUSDT.PAPER", path)


async def played(folder: Folder, bars: int) -> list[Stored]:
    """Record the log of a demo: mostly bars, and a trade now and then."""
    tape = synthetic_tape(folder.root / "tape.parquet", bars)
    bus = MemoryBus()
    async with Demo(DemoPlan(memory=True), folder, tape, bus, None) as demo:
        await demo.play(lambda _: None)
    return bus.log.messages


async def traded(signals: int, begin: int = BEGIN) -> list[Stored]:
    """Record the log of busy producers: per signal an order, a fill and a position. `begin` is
    when (nanoseconds UTC).
    """
    bus = MemoryBus()
    feed = Feed(bus)
    services = assemble(RANK, bus, feed, book=BOOK, mode="paper", crashes=CrashCounter())
    await feed.start()
    await asyncio.gather(*(service.replay() for service in services))
    turns = Round([LocalTurnTaker(service) for service in services], feed)
    await set_up_bench(bus, BOOK)
    quotes = Quotes(bus)
    for number in range(signals // BATCH):
        at = begin + number * NANOSECONDS
        await quotes.say(at)
        turns.tail = await send_batch(bus, "traded", number * BATCH, BATCH, at)
        await turns.settle()
    await feed.stop()
    return bus.log.messages


async def pour(messages: Sequence[Stored], bus: Bus) -> None:
    """Append messages in order to an empty log, so that each keeps its sequence."""
    for author, record in groupby(messages, lambda it: _author(it.subject)):
        writer = as_role(bus, author)
        waiting = list(record)
        for start in range(0, len(waiting), AT_ONCE):
            some = waiting[start : start + AT_ONCE]
            sequences = await asyncio.gather(
                *(writer.append(it.subject, it.payload) for it in some)
            )
            assert sequences == [it.sequence for it in some]


def _author(subject: str) -> str:
    """Return the role that may write a subject."""
    found = parse(subject)
    if found.service == "in":
        return producer_role(found.leaf)
    return STACK if found.service == "op" else found.service
