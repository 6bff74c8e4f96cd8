"""Time to the first decision: from process start, for logs of several lengths, and of a standby."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from deadreckon.archive.open_log import open_bus, stack_bus
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.subjects import producer_subject, verdict_subject
from deadreckon.runtime.process.child_process import ChildProcess, dr_command, dr_environment
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.figures import Figure, bounded, missing, percentile
from deadreckon.tools.bench.fixture import PRODUCER, CaseError, Fixture
from deadreckon.tools.bench.market import Quotes
from deadreckon.tools.bench.recording import BATCH, pour, traded
from deadreckon.tools.bench.signals import signal
from deadreckon.tools.drill import DRILLED, GOAL_SECONDS, Failover, run_drill

EVENTS_A_SIGNAL = 8
SECONDS_MAX = 2.0
PATIENCE = 900.0  # seconds for a decision, on a machine that is busy
LOOK = 0.005  # seconds between two attempts to reach the server


async def measure_restart(fixture: Fixture) -> list[Figure]:
    """Measure `dr up` on logs of a day's orders, with and without snapshots.

    The first start folds the whole log; later ones begin with the snapshots of an orderly stop.
    """
    figures: list[Figure] = []
    for events in fixture.size((10_000, 100_000, 1_000_000), (2_000,)):
        figures += await _at_length(fixture, events)
    return figures


async def _at_length(fixture: Fixture, events: int) -> list[Figure]:
    fixture.tell(f"{events:,} events")
    with fixture.folder("restart") as folder:
        await _fill(folder, events)
        whole = await _first_decision(folder)
        times = [await _first_decision(folder) for _ in range(fixture.size(5, 1))]
        shutil.rmtree(folder.root / "snapshots")
    seconds = percentile(times, 0.5)
    name = f"first decision of `dr up` after {events:,} events"
    return [
        bounded(f"{name}, with snapshots", seconds, "s", SECONDS_MAX),
        Figure(f"{name}, without", whole, "s"),
    ]


async def _fill(folder: Folder, events: int) -> None:
    """Fill a log with a day's orders up to the present, as the services answer them."""
    signals = events // EVENTS_A_SIGNAL
    begin = time.time_ns() - (signals // BATCH + 60) * NANOSECONDS
    messages = await traded(signals, begin)
    async with stack_bus(folder, None, more=[PRODUCER]) as bus:
        await pour(messages, bus)


async def _first_decision(folder: Folder) -> float:
    """Return the seconds from process start to the verdict on a signal, then stop the stack.

    The signal waits for nothing except the log.
    """
    begun = time.perf_counter()
    async with stack_process(folder) as process:
        await listening(folder, process)
        async with (
            open_bus(folder, None, PRODUCER) as bus,
            open_bus(folder, None, "market") as market,
        ):
            verdicts = bus.listen(verdict_subject(BOOK, OWN_PRODUCER))
            await verdicts.ready()
            quotes = Quotes(market)
            await quotes.replay()
            await quotes.say(time.time_ns())
            payload = msgspec.json.encode(signal(1, f"restart-{time.time_ns()}"))
            await bus.append(producer_subject(BOOK, OWN_PRODUCER), payload)
            await asyncio.wait_for(anext(verdicts), PATIENCE)
            return time.perf_counter() - begun


@asynccontextmanager
async def stack_process(folder: Folder, *words: str) -> AsyncIterator[ChildProcess]:
    """Run `dr up` on a folder and stop it in an orderly way."""
    folder.logs.mkdir(exist_ok=True)
    command = dr_command("up", "--web-port", "0", "--json", *words)
    command += ["--data", str(folder.root.absolute())]
    with (folder.logs / "up.log").open("ab") as errors:
        process = await ChildProcess.start(command, environment=dr_environment(), stderr=errors)
        try:
            yield process
        finally:
            await process.stop(PATIENCE)


async def listening(folder: Folder, process: ChildProcess) -> None:
    """Wait until the stack's server accepts connections."""
    while running_server(folder.root) is None:
        if process.code is not None:
            raise CaseError(f"`dr up` ended with code {process.code}")
        await asyncio.sleep(LOOK)


ROUNDS = 3  # drills, each covering every service that answers a signal


async def measure_takeover(fixture: Fixture) -> list[Figure]:
    """Measure from the signal that kills an instance to the first commit of its standby."""
    found: list[Failover] = []
    for _ in range(fixture.size(ROUNDS, 1)):
        with fixture.folder("takeover") as folder:
            found += await run_drill(folder, fixture.size(DRILLED, DRILLED[:1]), fixture.tell)
    bad = sum(not each.clean for each in found)
    if bad:
        return [missing("takeovers that failed", bad, "takeovers")]
    return [figure for how in ("killed", "stopped") for figure in _takeover_figures(found, how)]


def _takeover_figures(found: list[Failover], how: str) -> list[Figure]:
    seconds = [each.seconds for each in found if each.how == how and each.seconds is not None]
    first = f"{how} to first commit"
    return [
        bounded(f"{first} of the standby, p50", percentile(seconds, 0.5), "s", GOAL_SECONDS),
        bounded(f"{first}, max", max(seconds), "s", GOAL_SECONDS),
    ]
