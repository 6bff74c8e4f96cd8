"""Memory of the services over a million events, beyond the horizon at which ids expire."""

import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.portfolio import PositionChanged
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.bus import Bus, Reader, Stored
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.process.child_process import ChildProcess, dr_command, dr_environment
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.tools.bench.figures import Figure, bounded
from deadreckon.tools.bench.fixture import CaseError, Fixture, TemporaryStack
from deadreckon.tools.bench.market import Quotes, set_up_bench
from deadreckon.tools.bench.recording import BEGIN
from deadreckon.tools.bench.signals import send_batch

BATCH = 100  # signals a message
EVENTS_A_SIGNAL = 8  # the signal and its seven answers, to the change of position
DAYS = 28  # of log time for the whole run: ids are forgotten after seven of them
SAMPLES = 10  # at the least
EVERY = 100_000  # events between two samples at the most
PATIENCE = 120.0  # seconds for a batch to come through

SIZE_MAX = 200.0  # MB
GROWTH_MAX = 2.0  # MB per 100,000 events once the horizon is full: an allocator's own unrest
SERVICES = "services"  # in one process

Sizes = Mapping[str, float]  # MB, by the name of a process or of a part of the data folder


class MemorySample(Struct, frozen=True):
    """Memory of each process and size of each part of the data folder at a length of the log."""

    events: int
    memory: Sizes
    files: Sizes
    signals: int = 0


class Driver:
    """Driver that sends batches and waits for the results of each before advancing time."""

    def __init__(self, bus: Bus, reader: Reader, process: ChildProcess) -> None:
        self._bus = bus
        self._reader = reader
        self._process = process
        self._quotes = Quotes(bus)
        self._decoding = Decoding()
        self._intents = 0
        self._positions = 0
        self.signals = 0
        self.events = 0

    async def batch(self, at: int) -> None:
        """Send signals at a log time, then the quote at which their orders fill."""
        await self._quotes.say(at)
        await send_batch(self._bus, "memory", self.signals, BATCH, at)
        self.signals += BATCH
        await self._until(lambda: self._intents >= self.signals)
        await self._quotes.say(at + NANOSECONDS)
        await self._until(lambda: self._positions >= self.signals)

    async def _until(self, came: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not came():
            for stored in await self._reader.next(1.0):
                self._count(stored)
            if self._process.code is not None or time.monotonic() > deadline:
                raise CaseError(f"the services stood still after {self.events:,} events")

    def _count(self, stored: Stored) -> None:
        if stored.subject.endswith(f".in.{OWN_PRODUCER}"):
            self.events += BATCH
        for record in self._decoding.decode(stored).facts:
            self.events += 1
            self._intents += type(record.event) is OrderSubmitting
            self._positions += type(record.event) is PositionChanged


async def drive(
    bus: Bus,
    process: ChildProcess,
    events: int,
    begin: int,
    sample: Callable[[Driver], MemorySample],
    tell: Callable[[MemorySample], None],
) -> list[MemorySample]:
    """Spread the batches over `DAYS` of log time from `begin`, and sample on the way."""
    await set_up_bench(bus, BOOK)
    reader = await bus.read(0)
    driver = Driver(bus, reader, process)
    batches = events // (BATCH * EVENTS_A_SIGNAL)
    await driver.batch(begin)
    samples = [sample(driver)]
    for number in range(1, batches):
        await driver.batch(begin + number * DAYS * DAY // batches)
        if driver.events >= len(samples) * min(EVERY, events // SAMPLES):
            samples.append(sample(driver))
            tell(samples[-1])
    await reader.close()
    return [*samples, sample(driver)]


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure all services in one separate process, as `dr run` runs them, on JetStream."""
    async with fixture.temporary_stack("memory") as target, _services(target) as process:

        def sample(driver: Driver) -> MemorySample:
            size = {SERVICES: resident(process.pid)}
            return MemorySample(driver.events, size, {}, driver.signals)

        samples = await drive(
            target.bus,
            process,
            fixture.size(1_000_000, 100_000),
            BEGIN,
            sample,
            lambda it: fixture.tell(f"{it.events:,} events, {it.memory[SERVICES]:.0f} MB"),
        )
    return _figures(samples)


@asynccontextmanager
async def _services(target: TemporaryStack) -> AsyncIterator[ChildProcess]:
    process = await ChildProcess.start(
        dr_command("run", *RANK, "--data", str(target.folder.root)),
        environment=dr_environment(),
    )
    try:
        yield process
    finally:
        await process.stop(PATIENCE)


def resident(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        lines = status.read_text("ascii").splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
    else:
        command = ["ps", "-o", "rss=", "-p", str(pid)]
        kilobytes = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return int(kilobytes) * 1024 / 1e6


def _figures(samples: list[MemorySample]) -> list[Figure]:
    """Compute memory growth before and after the horizon of ids is full.

    Before: the first quarter, without the process's start. After: as many ids expire as arrive,
    so only this growth can be flat.
    """
    last, warm, fuller = samples[-1], *samples[1:3]
    kept = growth(warm, fuller) * 1e6 / (fuller.signals - warm.signals)
    full = full_horizon(samples)
    rise = growth(full, last) / (last.events - full.events) * 100_000
    return [
        Figure("all services in one process, at the start", samples[0].memory[SERVICES], "MB"),
        bounded(f"after {last.events:,} events", last.memory[SERVICES], "MB", SIZE_MAX),
        Figure("kept of a signal for seven days of log time", kept, "bytes"),
        bounded("growth per 100,000 events after these", rise, "MB", GROWTH_MAX),
    ]


def growth(before: MemorySample, after: MemorySample, name: str = SERVICES) -> float:
    """Return the growth of a process (MB) between samples; 0 where it is new."""
    return after.memory[name] - before.memory.get(name, after.memory[name])


def full_horizon(samples: list[MemorySample]) -> MemorySample:
    """Find the first sample with the horizon of ids full."""
    return next(it for it in samples if it.events >= samples[-1].events * 0.4)
