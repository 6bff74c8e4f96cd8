"""A tape waits for a service whose process died, and knows a turn that was taken but not told."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from deadreckon.archive.open_log import stack_bus
from deadreckon.contracts.subjects import turn_subject
from deadreckon.node.supervision import FAILURES_MAX, SUPERVISOR, RestartBackoff
from deadreckon.node.worker_processes import WorkerError, Workers
from deadreckon.runtime.log.bus import UnavailableError
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service import turns
from deadreckon.runtime.service.crash_counter import REPEATS, Crash, CrashCounter
from deadreckon.runtime.service.turns import RemoteTurnTaker, TurnTaken

Answer = Callable[[bytes], Awaitable[bytes]]


async def risk_at_work(log: MemoryLog, answer: Answer) -> MemoryBus:
    bus = MemoryBus(log)
    await bus.serve(turn_subject("desk", "risk"), answer)
    return bus


def told(spoke: bool, sequence: int) -> bytes:
    return msgspec.json.encode(TurnTaken(spoke, sequence))


@pytest.fixture(autouse=True)
def asked_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "ASK_FIRST", 0.05)


async def test_a_turn_that_was_committed_but_not_told_counts_as_spoken() -> None:
    log = MemoryLog()
    player = RemoteTurnTaker("risk", "desk", MemoryBus(log))
    heard: list[bytes] = []

    async def dies_in_its_turn(request: bytes) -> bytes:
        heard.append(request)
        return await asyncio.Future()

    async def stands(request: bytes) -> bytes:
        return told(False, 7)

    async def stands_further(request: bytes) -> bytes:
        heard.append(request)
        return told(False, 12)

    first = await risk_at_work(log, stands)
    await player.stand()
    await first.close()
    second = await risk_at_work(log, dies_in_its_turn)
    turn = asyncio.create_task(player.take(11))
    while not heard:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    await second.close()
    await risk_at_work(log, stands_further)
    assert await turn == TurnTaken(True, 12)
    assert set(heard) == {b"11"}


async def test_a_turn_that_was_silent_stays_silent_when_it_is_asked_for_again() -> None:
    log = MemoryLog()
    player = RemoteTurnTaker("risk", "desk", MemoryBus(log))

    async def silent(request: bytes) -> bytes:
        return told(False, 7)

    bus = await risk_at_work(log, silent)
    await player.stand()
    await bus.close()
    turn = asyncio.create_task(player.take(11))
    await asyncio.sleep(0.01)
    await risk_at_work(log, silent)
    assert await turn == TurnTaken(False, 7)


async def test_nobody_is_waited_for_longer_than_a_turn_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "TURN_WAIT", 0.1)
    with pytest.raises(UnavailableError, match="nobody answers"):
        await RemoteTurnTaker("risk", "desk", MemoryBus(MemoryLog())).take(1)


def test_who_fails_waits_longer_each_time_and_who_was_killed_does_not() -> None:
    lives = RestartBackoff()
    assert [lives.ended(-9, 1.0) for _ in range(20)] == [0.1] * 20
    assert not lives.hopeless
    waits = [lives.ended(1, 1.0) for _ in range(FAILURES_MAX)]
    assert waits == sorted(waits)
    assert waits[-1] > 10 * waits[0]
    assert lives.hopeless
    assert lives.ended(1, 3600.0) == waits[0]
    assert lives.ends == 21 + FAILURES_MAX


def test_services_that_fail_in_turn_are_each_remembered(tmp_path: Path) -> None:
    book = CrashCounter(tmp_path / "crashes.jsonl")
    for _ in range(REPEATS):
        for service in ("risk", "fill"):
            book.note(Crash(service, "e1", "BarClosed", "ZeroDivisionError: x"))
    repeated = book.repeated()
    assert repeated is not None
    assert repeated.service == "fill"


@pytest.mark.slow
async def test_a_process_that_is_killed_is_started_again_and_says_where_it_stands(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path / "desk").create()
    async with stack_bus(folder, None) as bus:
        workers = Workers(folder.root, ("risk",), bus, book="desk", mode="paper", pace="turns")
        player = RemoteTurnTaker("risk", "desk", bus)
        await workers.start()
        try:
            await workers.ready([player])
            os.kill(workers.processes["risk"], signal.SIGKILL)
            while workers.lives["risk"].ends == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert await player.take((await bus.info()).last) == TurnTaken(False, 0)
        finally:
            await workers.stop()
        assert workers.lives["risk"].ends == 1  # an end that was asked for is none


@pytest.mark.slow
async def test_three_ends_alike_halt_the_book_and_end_the_run(tmp_path: Path) -> None:
    """The service cannot begin: its crash book says that it failed on one event three times."""
    folder = Folder(tmp_path / "desk").create()
    crashes = CrashCounter(folder.crashes)
    for _ in range(REPEATS):
        crashes.note(Crash("risk", "e1", "BarClosed", "ZeroDivisionError: x"))
    async with stack_bus(folder, None) as bus:
        workers = Workers(folder.root, ("nobody",), bus, book="desk", mode="paper", pace="turns")
        await workers.start()
        try:
            with pytest.raises(WorkerError, match="risk failed 3 times on BarClosed e1"):
                await asyncio.wait_for(workers.watch(), 30)
            assert await bus.tail(f"log.desk.op.{SUPERVISOR}") is not None
        finally:
            await workers.stop()
