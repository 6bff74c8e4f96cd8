"""Stacks started and ended under load, again and again, to find crashes of the interpreter.

    ./dr tool tests.support.endings --rounds 200

Each round is a process of its own: server, services, every view, gateway and snapshots, with
signals as fast as they are taken and pages that are read, until it ends at a moment drawn from the
round's seed, with or without patience for what is still being written. Python checks its memory,
collects garbage all the time and changes threads a hundred times as often as usual. A round fails
when its process dies, writes to standard error what it should not, or leaves a thread behind.
"""

import argparse
import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random

from deadreckon.node import up
from deadreckon.node.readiness import Readiness
from deadreckon.node.settings import StackSettings
from deadreckon.node.up import LiveStack
from deadreckon.node.verdicts import verdicts_published
from deadreckon.projections import runner
from deadreckon.projections.live_view.live_view import LiveViewFold
from deadreckon.projections.stored_views import stored_views
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.process.child_process import dr_environment
from deadreckon.runtime.service import snapshots
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.fixture import TemporaryStack, bench_fixture
from deadreckon.tools.bench.market import Quotes, set_up_bench
from deadreckon.tools.bench.signals import send_batch
from deadreckon.web.serving import gateway_served

SECONDS_MAX = 4.0  # of load in a round
ROUND_SECONDS_MAX = 300  # a round that takes longer hangs
COLLECT_EVERY = 20  # allocations between two collections: Python's own figure is 700
SWITCH_SECONDS = 5e-5  # between two changes of threads: Python's own figure is 0.005
FLUSHES = (0.05, 0.5, 2.0)  # seconds between two writes of the views: often, or much at once
PATIENCES = (0.0, 0.05, 10.0)  # seconds for what is still being written at the end
PAGES = ("metrics", "health", "positions", "orders", "status")


async def live(target: TemporaryStack, random: Random) -> None:
    """Run a whole stack under load, and end it."""
    up.REST_WAIT = random.choice(PATIENCES)
    runner.FLUSH_SECONDS, snapshots.FACTS_MIN = random.choice(FLUSHES), 2_000
    settings = StackSettings(data=str(target.folder.root))
    async with AsyncExitStack() as stack:
        stored = stack.enter_context(stored_views(target.folder))
        verdicts = await stack.enter_async_context(verdicts_published(target.bus, BOOK))
        kept, crashes = Snapshots(target.folder.root), CrashCounter()
        views = (verdicts, LiveViewFold())
        found = LiveStack(settings, target.bus, crashes, stored, views, kept)
        vitals = Readiness(BOOK, "paper", found.feed, found.views, stored, lambda: found.services)
        port = random.choice([None, 0])  # a gateway takes its time to end
        url = await stack.enter_async_context(gateway_served(target.folder, vitals, port))
        ending = asyncio.Event()
        running = asyncio.create_task(found.run(ending))
        await set_up_bench(target.bus, BOOK)
        quotes = Quotes(target.bus)
        await quotes.replay()
        load = [quotes.run(), _send(target), _read(int(url.rpartition(":")[2] or 0))]
        tasks = [asyncio.create_task(each) for each in load]
        await asyncio.wait({running, *tasks[:1]}, timeout=random.uniform(0.2, SECONDS_MAX))
        if random.random() < 0.5:
            await cancel_all(tasks)  # else what is sent goes on to the end
        ending.set()
        await running
        await cancel_all(tasks)


async def _send(target: TemporaryStack) -> None:
    for first in range(0, 10**9, 50):
        await send_batch(target.bus, "ending", first, 50)


async def _read(port: int) -> None:
    """Read the gateway's pages, in the threads that it reads in."""
    for number in range(10**9):
        page = PAGES[number % len(PAGES)]
        with suppress(OSError):  # also where none is served
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /{page} HTTP/1.0\r\n\r\n".encode())
            await reader.read()
            writer.close()
        await asyncio.sleep(0.01)


async def _round(seed: int, root: Path) -> None:
    with bench_fixture(root, quick=True, tell=lambda _: None) as fixture:
        async with fixture.temporary_stack("ending") as target:
            await live(target, Random(seed))


def play_round(seed: int, root: Path) -> None:
    """Run one round in this process; exits with 1 when a thread is left behind."""
    gc.set_threshold(COLLECT_EVERY)
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(_round(seed, root))
    left = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    if left:
        sys.exit(f"threads are left behind: {', '.join(left)}")


def failure(seed: int, root: Path) -> str:
    """Run one round in a process of its own; returns what was wrong, or nothing."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.support.endings"]
    try:
        ended = subprocess.run(
            [*command, "--round", str(seed), "--folder", str(root)],
            env=dr_environment(PYTHONMALLOC="debug"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ROUND_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {ROUND_SECONDS_MAX} seconds"
    return f"exit code {ended.returncode}\n{ended.stderr}" if ended.returncode else ""


def main() -> None:
    """Run the rounds that the command line asks for, and print those that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="the first round's")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--round", type=int, default=None, help="only this one, in this process")
    asked = parser.parse_args()
    if asked.round is not None:
        play_round(asked.round, asked.folder)
        return
    failed, begun = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dr-endings-", dir=asked.folder) as folder:
        for seed in range(asked.seed, asked.seed + asked.rounds):
            wrong = failure(seed, Path(folder))
            failed += bool(wrong)
            print(f"round {seed}: {wrong or 'ok'}", flush=True)
    took = time.monotonic() - begun
    print(
        f"{asked.rounds} rounds in {took:.0f} s on Python {sys.version.split()[0]}, {failed} failed"
    )
    sys.exit(os.EX_SOFTWARE if failed else 0)


if __name__ == "__main__":
    main()
