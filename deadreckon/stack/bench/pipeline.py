"""Signals through all six services: how long one takes, and how many a second are sustained."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from msgspec import Struct

from deadreckon.contracts.moments import format_moment
from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.contracts.subjects import producer_subject
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.crashes import CrashBook
from deadreckon.runtime.domain import retry
from deadreckon.runtime.feed import Feed, Message
from deadreckon.stack.assembly import BOOK
from deadreckon.stack.bench.market import INSTRUMENT, Quotes, set_up_bench
from deadreckon.stack.bench.workshop import Place
from deadreckon.stack.up import Live, Settings
from deadreckon.stack.views import stored_views

PRODUCER = "bench"
WATCHER = "bench"  # our name among the followers of the stack's feed
QUANTITY = "0.001"
SETTLING = 1.0  # seconds of quotes before anything is sent


class Lives(Struct):
    """What became of signals, by the server's own clock (nanoseconds): one clock for both ends.

    `signals` and `intents` say when each was stored, by the signal's id; `positions` counts
    changes of position, `positions_at` is when the last of them was stored.
    """

    signals: dict[str, int] = {}
    intents: dict[str, int] = {}
    positions: int = 0
    positions_at: int = 0

    def note(self, message: Message) -> None:
        """Take one message of the log."""
        if message.subject.service == "in":
            for name in ids(message.payload):
                self.signals[name] = message.stored_at
        for said in message.facts:
            match said.event:
                case OrderSubmitting(signal_id=name):
                    self.intents[name] = message.stored_at
                case PositionChanged():
                    self.positions += 1
                    self.positions_at = message.stored_at


class Watcher:
    """Reads the log over the shoulder of a running stack: no second decoding, no second pull."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._place = 0
        feed.follow(WATCHER)

    async def watch(self, done: Callable[[Lives], bool], wait: float) -> Lives:
        """What happens from now on, until it is `done` or `wait` seconds have passed."""
        lives = Lives()
        self._place = self._feed.last
        deadline = time.monotonic() + wait
        while not done(lives) and (left := deadline - time.monotonic()) > 0:
            if await self._feed.reach(self._place + 1, left):
                for message in self._feed.since(self._place):
                    lives.note(message)
                    self._place = message.sequence
                self._feed.done(WATCHER, self._place)
                await asyncio.sleep(0)
        return lives

    def rest(self) -> None:
        """Hold nothing for us any more."""
        self._feed.leave(WATCHER)


@asynccontextmanager
async def live_stack(place: Place) -> AsyncIterator[tuple[Live, Watcher]]:
    """Services, clock, quotes and stored views at work, as `dr up` runs them."""
    with stored_views(place.folder) as projector:
        live = Live(Settings(web_port=None), place.bus, CrashBook(), projector)
        watcher = Watcher(live.feed)
        ending = asyncio.Event()
        running = asyncio.create_task(live.run(ending))
        await set_up_bench(place.bus, BOOK)
        quotes = Quotes(place.bus)
        await quotes.recall()
        quoting = asyncio.create_task(quotes.run())
        try:
            await asyncio.wait({running, quoting}, timeout=SETTLING)
            yield live, watcher
        finally:
            watcher.rest()
            quoting.cancel()
            ending.set()
            await running


def signal(number: int, run: str, at: int | None = None) -> dict[str, str]:
    """One small signal; buys and sells by turns, so that exposure stays where it is."""
    return {
        "id": f"{run}-{number}",
        "strategy": "bench",
        "instrument": INSTRUMENT,
        "side": "buy" if number % 2 else "sell",
        "quantity": QUANTITY,
        "at": format_moment(time.time_ns() if at is None else at),
    }


def ids(payload: bytes) -> list[str]:
    """The ids of the signals in a producer's message."""
    content = msgspec.json.decode(payload)
    return [each["id"] for each in (content if isinstance(content, list) else [content])]


async def send(bus: Bus, run: str, count: int, per_second: float) -> None:
    """Publish signals at a steady pace, whatever happens to those before (open loop)."""
    subject = producer_subject(BOOK, PRODUCER)
    begun = time.monotonic()
    sending: set[asyncio.Task[int]] = set()
    for number in range(count):
        due = begun + number / per_second
        if (left := due - time.monotonic()) > 0:
            await asyncio.sleep(left)
        task = asyncio.create_task(_publish(bus, subject, signal(number, run)))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)


async def send_batch(bus: Bus, run: str, first: int, count: int, at: int | None = None) -> int:
    """Publish signals as one message; returns its sequence."""
    batch = [signal(number, run, at) for number in range(first, first + count)]
    return await _publish(bus, producer_subject(BOOK, PRODUCER), batch)


async def _publish(bus: Bus, subject: str, content: object) -> int:
    """As any producer does: again, when no answer came; a second copy is the same signal."""
    payload = msgspec.json.encode(content)
    return await retry(lambda: bus.append(subject, payload))
