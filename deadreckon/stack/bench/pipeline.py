"""Signals through all six services: how long one takes, and how many a second are sustained."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from msgspec import Struct

from deadreckon.contracts.moments import format_moment
from deadreckon.contracts.orders import OrderFilled, OrderSubmitting
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.contracts.subjects import producer_subject
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.crashes import CrashBook
from deadreckon.runtime.domain import retry
from deadreckon.runtime.feed import Decoding
from deadreckon.stack.bench.appending import fenced_commits
from deadreckon.stack.bench.figures import Figure, percentile, rate, slower
from deadreckon.stack.bench.market import INSTRUMENT, Quotes, set_up_bench
from deadreckon.stack.up import Live, Settings
from deadreckon.stack.views import View

BOOK = "desk"
PRODUCER = "bench"


class Lives(Struct):
    """When each signal was stored, and when the intent, fill and position it led to were.

    Times are the server's own (nanoseconds), so that one clock measures both ends.
    """

    signals: dict[str, int] = {}
    intents: dict[str, int] = {}
    positions: int = 0
    fills: int = 0
    last_at: int = 0


@asynccontextmanager
async def live_stack(bus: Bus, views: list[View]) -> AsyncIterator[Live]:
    """Services, clock, quotes and views at work."""
    live = Live(Settings(web_port=None), bus, CrashBook(), None, views)
    ending = asyncio.Event()
    running = asyncio.create_task(live.run(ending))
    await set_up_bench(bus, BOOK)
    quoting = asyncio.create_task(Quotes(bus).run())
    await asyncio.sleep(1.5)
    try:
        yield live
    finally:
        quoting.cancel()
        ending.set()
        await running


def signal(number: int, run: str) -> bytes:
    """One signal on the wire."""
    return msgspec.json.encode(
        {
            "id": f"{run}-{number}",
            "strategy": "bench",
            "instrument": INSTRUMENT,
            "side": "buy" if number % 2 else "sell",
            "quantity": "0.001",
            "at": format_moment(time.time_ns()),
        }
    )


async def send(bus: Bus, run: str, count: int, per_second: float) -> None:
    """Publish signals at a steady pace, whatever happens to those before (open loop)."""
    subject = producer_subject(BOOK, PRODUCER)
    begun = time.monotonic()
    sending: set[asyncio.Task[int]] = set()
    for number in range(count):
        due = begun + number / per_second
        if (left := due - time.monotonic()) > 0:
            await asyncio.sleep(left)
        task = asyncio.create_task(bus.append(subject, signal(number, run)))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)


async def observe(bus: Bus, after: int, done: Callable[[Lives], bool], wait: float) -> Lives:
    """Read the log until every signal has come through, or `wait` seconds have passed."""
    lives = Lives()
    decoding = Decoding(from_start=False)
    reader = await bus.read(after)
    deadline = time.monotonic() + wait
    try:
        while not done(lives) and time.monotonic() < deadline:
            for stored in await reader.next(0.2):
                message = decoding.decode(stored)
                if message.subject.service == "in":
                    name = msgspec.json.decode(stored.payload)["id"]
                    lives.signals[name] = stored.stored_at
                for said in message.facts:
                    _note(lives, said.event, stored.stored_at)
    finally:
        await reader.close()
    return lives


def _note(lives: Lives, event: object, at: int) -> None:
    match event:
        case OrderSubmitting(signal_id=name):
            lives.intents[name] = at
            lives.last_at = at
        case OrderFilled():
            lives.fills += 1
        case PositionChanged():
            lives.positions += 1
            lives.last_at = at


async def latency(bus: Bus, seconds: float = 20.0, per_second: float = 100.0) -> list[Figure]:
    """Signal stored to intent stored (four commits) at a steady pace, open loop."""
    count = int(seconds * per_second)
    limit = 4 * percentile(await fenced_commits(bus, 1_000, "limit"), 0.5)
    after = (await retry(bus.info)).last
    sending = asyncio.create_task(send(bus, "latency", count, per_second))
    lives = await observe(bus, after, lambda seen: len(seen.intents) >= count, seconds + 30)
    await sending
    times = [
        (at - lives.signals[name]) / 1e6
        for name, at in lives.intents.items()
        if name in lives.signals
    ]
    if len(times) < count:
        raise RuntimeError(f"{count - len(times)} of {count} signals never led to an intent")
    what = "four fenced commits, p50"
    return [
        slower("signal to intent, p50", percentile(times, 0.5), limit, what, 3),
        slower("signal to intent, p99", percentile(times, 0.99), limit, what, None),
        slower("signal to intent, max", max(times), limit, what, None),
    ]


async def sustained(bus: Bus, seconds: float = 15.0, per_second: float = 1_000.0) -> list[Figure]:
    """Single signals a second through all six services, to the change of position."""
    count = int(seconds * per_second)
    after = (await retry(bus.info)).last
    sending = asyncio.create_task(send(bus, "sustained", count, per_second))
    lives = await observe(bus, after, lambda seen: seen.positions >= count, seconds * 3 + 30)
    await sending
    if lives.positions < count:
        raise RuntimeError(f"{count - lives.positions} of {count} signals moved no position")
    took = (lives.last_at - min(lives.signals.values())) / 1e9
    lag = took - seconds
    return [
        rate("sustained single signals, all six services", count / took, "signals/s", 950),
        Figure("behind the sender at its end", max(lag, 0.0), "s"),
    ]
