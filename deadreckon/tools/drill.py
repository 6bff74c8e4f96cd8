"""Failover drill: kill or stop each active instance, and measure until its standby answers."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from msgspec import Struct

from deadreckon import __version__
from deadreckon.archive.open_log import stack_bus
from deadreckon.node.worker_processes import launch_worker
from deadreckon.replay.rerun.completeness import CompletenessCheck, Miscount
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import cancellation
from deadreckon.runtime.process.child_process import ChildProcess
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK
from deadreckon.services.clock.edge import Clock
from deadreckon.services.market.live_feed import LiveFeed
from deadreckon.tools.bench.fixture import PRODUCER
from deadreckon.tools.bench.market import QUOTE, set_up_bench
from deadreckon.tools.bench.signals import send

DRILLED = ("signal", "risk", "router", "fill", "portfolio")  # every signal makes them speak
QUOTE_SECONDS = 0.1  # between two quotes
PER_SECOND = 20.0  # signals, throughout
SIGNALS_MAX = 1_000_000  # more than a drill can last
GOAL_SECONDS = 2.0  # from the kill to the first commit of the standby
PATIENCE = 20.0  # seconds for whatever is waited for, until it counts as failed
QUIET = 1.0  # seconds without a message after which nothing more is expected
WATCHER = "drill"

Failure = Literal["killed", "stopped"]
SIGNALS: dict[Failure, signal.Signals] = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}


class DrillError(Exception):
    """You ran a drill that waited in vain; the message says for what."""


class Failover(Struct):
    """One instance that was taken away; `seconds` to the first commit of its standby, null when
    there was none. `fenced`: the one that was stopped came back, and could not write any more."""

    service: str
    how: Failure
    begun_at: int  # last sequence of the log then
    seconds: float | None = None
    fenced: bool | None = None
    lost: int = 0
    doubled: int = 0
    failure: str = ""

    @property
    def clean(self) -> bool:
        """True when nothing was lost, doubled or failed. Does not judge the duration."""
        taken = self.seconds is not None and self.fenced is not False
        return taken and not (self.lost or self.doubled or self.failure)


class DrilledProcess:
    """Process of one service, with the lines that it logs."""

    def __init__(self, process: ChildProcess, name: str) -> None:
        self.process = process
        self._name = name

    async def hears(self, event: str) -> dict[str, Any]:
        """Return the next line of that kind, skipping others. Raises DrillError."""
        try:
            return await asyncio.wait_for(self._line(event), PATIENCE)
        except TimeoutError:
            raise DrillError(f"{self._name}: no {event!r} within {PATIENCE:g} seconds") from None

    async def _line(self, event: str) -> dict[str, Any]:
        output = self.process.stdout
        while output is not None and (line := await output.readline()):
            event_document: dict[str, Any] = json.loads(line)
            if event_document["event"] == event:
                return event_document
        raise DrillError(f"{self._name}: ended before {event!r}")


class CommitTimes:
    """Times at which each commit of a service was stored, by the server's clock (nanoseconds)."""

    def __init__(self, bus: Bus) -> None:
        self.feed = Feed(bus)
        self.feed.follow(WATCHER)
        self._stored: dict[tuple[str, int], int] = {}
        self._sequence = 0

    async def stored_at(self, service: str, n: int) -> int:
        """Return when commit `n` of a service was stored; waits for it. Raises DrillError."""
        deadline = time.monotonic() + PATIENCE
        while (service, n) not in self._stored:
            if not await self._read(deadline - time.monotonic()):
                raise DrillError(f"{service}: no commit {n} within {PATIENCE:g} seconds")
        return self._stored[service, n]

    async def quiet(self) -> None:
        """Wait until nothing has come for QUIET seconds. Raises DrillError."""
        deadline = time.monotonic() + PATIENCE
        while await self._read(QUIET):
            if time.monotonic() > deadline:
                raise DrillError(f"the log is not quiet after {PATIENCE:g} seconds")

    async def _read(self, wait: float) -> bool:
        if wait <= 0 or not await self.feed.reach(self._sequence + 1, wait):
            return False
        for message in self.feed.since(self._sequence):
            if message.commit is not None and message.subject.book == BOOK:
                commit = (message.subject.service, message.commit.n)
                self._stored[commit] = message.stored_at
            self._sequence = message.sequence
        self.feed.done(WATCHER, self._sequence)
        return True


class FailoverDrill:
    """A throwaway stack under a steady load, each service in a process of its own."""

    def __init__(self, folder: Folder, bus: Bus, tell: Callable[[str], None]) -> None:
        self.commits = CommitTimes(bus)
        self._folder = folder
        self._bus = bus
        self.tell = tell
        self._instances: list[DrilledProcess] = []
        self._at_work: dict[str, DrilledProcess] = {}
        self._standbys: dict[str, DrilledProcess] = {}

    async def start(self) -> None:
        """Start a process for every service."""
        started = await asyncio.gather(*(self._launch(name) for name in DRILLED))
        self._at_work = dict(zip(DRILLED, started, strict=True))
        for instance in started:
            await instance.hears("at_work")

    async def stand_by(self, service: str) -> None:
        """Start a standby, and wait until it has proved its state equal."""
        standby = await self._launch(service, "--standby")
        self._standbys[service] = standby
        await standby.hears("ready")

    async def _launch(self, service: str, *more: str) -> DrilledProcess:
        words = [service, "--data", str(self._folder.root), "--json", *more]
        process = await launch_worker(words, asyncio.subprocess.PIPE)
        self._instances.append(DrilledProcess(process, service))
        return self._instances[-1]

    async def stop(self) -> None:
        """End every process."""
        for instance in self._instances:
            instance.process.send(signal.SIGCONT)  # a stopped one would not end
        await asyncio.gather(*(instance.process.stop() for instance in self._instances))

    async def take_over(self, service: str, how: Failure) -> Failover:
        """Take the instance at work away, and see its standby go on."""
        found = Failover(service, how, self.commits.feed.last)
        try:
            await self._take_over(service, found)
        except DrillError as error:
            found.failure = str(error)
        took = "not taken over" if found.seconds is None else f"taken over in {found.seconds:.2f} s"
        self.tell(f"{service}: {how}, {took}" + (f" ({found.failure})" if found.failure else ""))
        return found

    async def _take_over(self, service: str, found: Failover) -> None:
        gone, standby = self._at_work[service], self._standbys[service]
        begun = time.time_ns()
        gone.process.send(SIGNALS[found.how])
        took = await standby.hears("took_over")
        first = await self.commits.stored_at(service, took["n"] + 1)
        found.seconds = (first - begun) / 1e9
        self._at_work[service] = standby
        if found.how == "killed":
            await gone.process.wait()
            return
        self._standbys[service] = gone
        found.fenced = False
        gone.process.send(signal.SIGCONT)
        await gone.hears("fenced_out")
        found.fenced = True
        await gone.hears("ready")


async def run_drill(
    folder: Folder, services: Sequence[str], tell: Callable[[str], None]
) -> list[Failover]:
    """Kill and stop the instances of these services one after the other, under load."""
    async with stack_bus(folder, None, more=[PRODUCER]) as bus:
        one = FailoverDrill(folder, bus, tell)
        await set_up_bench(bus, BOOK)
        await one.commits.feed.start()
        try:
            tell("starting a process for each service")
            await one.start()
            async with _load(bus):
                takeovers = await _rounds(one, services)
            await one.commits.quiet()
        finally:
            await one.stop()
            await one.commits.feed.stop()
        tell("asking every service again, to count what was lost or doubled")
        _count(takeovers, await miscounts(bus, services))
    return takeovers


async def _rounds(one: FailoverDrill, services: Sequence[str]) -> list[Failover]:
    """Kill each of them, then stop each of them; standbys start all at once in between."""
    takeovers: list[Failover] = []
    for how in SIGNALS:
        one.tell("starting a standby of each, and waiting until it is proved equal")
        failed = {each.service for each in takeovers if each.failure}
        left = [service for service in services if service not in failed]
        await asyncio.gather(*(one.stand_by(service) for service in left))
        takeovers += [await one.take_over(service, how) for service in left]
    return takeovers


@asynccontextmanager
async def _load(bus: Bus) -> AsyncIterator[None]:
    """Send clock, quotes and signals at a steady pace within this context."""
    feed = Feed(bus)
    market = LiveFeed(bus, feed, book=BOOK, mode="paper", code=__version__)
    clock = Clock(bus, feed, book=BOOK, mode="paper", code=__version__)
    await feed.start()
    await market.replay()
    await market.catch_up()
    await clock.replay()
    await market.publish(time.time_ns(), QUOTE)
    running = [
        asyncio.create_task(_quote(market)),
        asyncio.create_task(clock.run()),
        asyncio.create_task(send(as_role(bus, PRODUCER), WATCHER, SIGNALS_MAX, PER_SECOND)),
    ]
    try:
        yield
    finally:
        await cancellation.cancel_all(running)
        await feed.stop()


async def _quote(market: LiveFeed) -> None:
    while True:
        await asyncio.sleep(QUOTE_SECONDS)
        await market.publish(time.time_ns(), QUOTE)


async def miscounts(bus: Bus, services: Sequence[str]) -> list[Miscount]:
    """List every answer of these services that is missing from the log, or too many in it."""
    asked = [CompletenessCheck(service, BOOK, "paper") for service in services]
    async for message in read_messages(bus):
        for answers in asked:
            answers.take(message)
    for answers in asked:
        answers.end()
    return [miscount for answers in asked for miscount in answers.miscounts]


def _count(takeovers: Sequence[Failover], found: Sequence[Miscount]) -> None:
    """Put what is missing down to the last time its service was taken away before."""
    for miscount in found:
        before = [each for each in takeovers if each.service == miscount.service]
        guilty = [each for each in before if each.begun_at <= miscount.sequence] or before[:1]
        guilty[-1].lost += miscount.lost
        guilty[-1].doubled += miscount.doubled
