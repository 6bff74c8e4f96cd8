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
    """Input that a worker process is given once, and uses for every run it makes."""

    task: WhatIfTask
    log: list[Stored]
    on_progress: "Queue[tuple[int, int]]"


def cores() -> int:
    """Return the number of processes that can work at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(
    task: WhatIfTask,
    log: list[Stored],
    requests: Sequence[RunRequest],
    jobs: int,
    on_progress: ReplayProgress,
) -> Generator[RunResult, None, None]:
    """Yield every run in the order asked for, as soon as it and those before it are done.

    Raises LostWorkerError.
    """
    if jobs == 1 or len(requests) == 1:
        for request in requests:
            yield _make(task, log, request, _one(request, on_progress))
        return
    with tempfile.TemporaryDirectory(prefix="dr-whatif-") as folder:
        spool = Path(folder) / "log"
        spool.write_bytes(msgspec.msgpack.encode(log[: task.scan.last]))
        yield from _side_by_side(task, spool, requests, jobs, on_progress)


def _one(request: RunRequest, on_progress: ReplayProgress) -> Progress:
    return lambda done: on_progress(request.number, done)


def _make(
    task: WhatIfTask, log: list[Stored], request: RunRequest, progress: Progress
) -> RunResult:
    if request.variant is None:
        return run_recorded(task, log, progress)
    return run_variant(task, log, request.variant, progress, request.folder)


def _side_by_side(
    task: WhatIfTask,
    spool: Path,
    requests: Sequence[RunRequest],
    jobs: int,
    on_progress: ReplayProgress,
) -> Generator[RunResult, None, None]:
    context = get_context("spawn")
    updates: Queue[tuple[int, int]] = context.Queue()
    pool = ProcessPoolExecutor(min(jobs, len(requests)), context, _begin, (task, spool, updates))
    with _ended(pool):
        futures = deque(pool.submit(_work, request) for request in requests)
        while futures:
            _watch(futures[0], updates, on_progress)
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
    """End all workers at once when this process is interrupted or fails."""
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


def _begin(task: WhatIfTask, spool: Path, updates: "Queue[tuple[int, int]]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever made us ends us
    updates.cancel_join_thread()  # nobody waits for news of what is done
    log_lines.configure(level=logging.WARNING)
    _WorkerState.task, _WorkerState.on_progress = task, updates
    _WorkerState.log = msgspec.msgpack.decode(spool.read_bytes(), type=list[Stored])


def _work(request: RunRequest) -> RunResult:
    return _make(
        _WorkerState.task,
        _WorkerState.log,
        request,
        lambda done: _WorkerState.on_progress.put((request.number, done)),
    )


def _watch(
    awaited: "Future[RunResult]", updates: "Queue[tuple[int, int]]", on_progress: ReplayProgress
) -> None:
    """Pass on how far all of them are until one is done."""
    while not awaited.done():
        wait([awaited], LOOK)
        _pass_on(updates, on_progress)


def _pass_on(updates: "Queue[tuple[int, int]]", on_progress: ReplayProgress) -> None:
    while True:
        try:
            on_progress(*updates.get_nowait())
        except Empty:
            return
