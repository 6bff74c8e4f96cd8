"""Runs side by side, each in a process of its own, or one by one in this one."""

import logging
import os
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

import msgspec
from msgspec import Struct

from deadreckon.contracts.errors import OperationalError
from deadreckon.replay.whatif.changes import Variant
from deadreckon.replay.whatif.job.run import (
    Progress,
    RunResult,
    WhatIfTask,
    run_recorded,
    run_variant,
)
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.process import log_lines

LOOK = 0.2  # seconds between two looks at how far the others are

ReplayProgress = Callable[[int, int], None]  # (number of the run, messages behind it)


class LostWorkerError(OperationalError):
    """A process of yours was ended from outside, most likely for want of memory."""


class RunRequest(Struct, frozen=True):
    """One run to make: of the record where there is no variant. `folder` keeps its log."""

    number: int
    variant: Variant | None
    folder: Path | None = None


class _WorkerState:
    """What a worker process is given once, and holds for every run it makes."""

    task: WhatIfTask
    log: list[Stored]
    told: "Queue[tuple[int, int]]"


def cores() -> int:
    """How many processes can work at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(
    task: WhatIfTask,
    log: list[Stored],
    orders: Sequence[RunRequest],
    jobs: int,
    told: ReplayProgress,
) -> Generator[RunResult, None, None]:
    """Every run, in the order asked for, as soon as it and those before it are made.

    Raises LostWorkerError.
    """
    if jobs == 1 or len(orders) == 1:
        for order in orders:
            yield _make(task, log, order, _one(order, told))
        return
    with tempfile.TemporaryDirectory(prefix="dr-whatif-") as place:
        spool = Path(place) / "log"
        spool.write_bytes(msgspec.msgpack.encode(log[: task.scan.last]))
        yield from _side_by_side(task, spool, orders, jobs, told)


def _one(order: RunRequest, told: ReplayProgress) -> Progress:
    return lambda done: told(order.number, done)


def _make(task: WhatIfTask, log: list[Stored], order: RunRequest, progress: Progress) -> RunResult:
    if order.variant is None:
        return run_recorded(task, log, progress)
    return run_variant(task, log, order.variant, progress, order.folder)


def _side_by_side(
    task: WhatIfTask, spool: Path, orders: Sequence[RunRequest], jobs: int, told: ReplayProgress
) -> Generator[RunResult, None, None]:
    context = get_context("spawn")
    news: Queue[tuple[int, int]] = context.Queue()
    pool = ProcessPoolExecutor(min(jobs, len(orders)), context, _begin, (task, spool, news))
    with _ended(pool):
        futures = deque(pool.submit(_work, order) for order in orders)
        while futures:
            _watch(futures[0], news, told)
            try:
                ran = futures.popleft().result()
            except BrokenProcessPool as error:
                raise LostWorkerError(
                    "a process of this what-if was ended from outside (out of memory?); "
                    "try again with --jobs 1"
                ) from error
            yield ran


@contextmanager
def _ended(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Lets no worker outlive us: when we are interrupted or fail they end at once."""
    others = active_children()
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            for process in active_children():
                if process not in others:
                    process.terminate()
        pool.shutdown(wait=True, cancel_futures=not done)


def _begin(task: WhatIfTask, spool: Path, news: "Queue[tuple[int, int]]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever made us ends us
    news.cancel_join_thread()  # nobody waits for news of what is done
    log_lines.configure(level=logging.WARNING)
    _WorkerState.task, _WorkerState.told = task, news
    _WorkerState.log = msgspec.msgpack.decode(spool.read_bytes(), type=list[Stored])


def _work(order: RunRequest) -> RunResult:
    return _make(
        _WorkerState.task,
        _WorkerState.log,
        order,
        lambda done: _WorkerState.told.put((order.number, done)),
    )


def _watch(
    awaited: "Future[RunResult]", news: "Queue[tuple[int, int]]", told: ReplayProgress
) -> None:
    """Pass on how far all of them are until one is done."""
    while not awaited.done():
        wait([awaited], LOOK)
        _pass_on(news, told)


def _pass_on(news: "Queue[tuple[int, int]]", told: ReplayProgress) -> None:
    while True:
        try:
            told(*news.get_nowait())
        except Empty:
            return
