"""A job runs beside the loop: nobody waits for it, and it leaves one result whatever happens."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from msgspec import Struct

from deadreckon.contracts.codec import decode_commit
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import HaltAcknowledged
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.jobs import Job
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn
from deadreckon.contracts.subjects import operator_subject
from deadreckon.runtime.log import feed as feeds
from deadreckon.runtime.log.domain import FencedOutError
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.process.job_process import JobFailedError
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshots import Snapshots
from tests.conftest import ROOT
from tests.support.slow_jobs import Failing, Waiting

LARGE = Decimal(1_000)  # a deposit that starts a job; a smaller one is answered at once


class Count(Struct):
    deposits: int = 0
    results: int = 0


class Teller:
    """Answers every deposit; a large one with what a job finds."""

    HANDLES = frozenset({CashDeposited, CashWithdrawn})

    def __init__(self, folder: Path, job: type[Job] = Waiting) -> None:
        self._folder = folder
        self._job = job

    def initial(self) -> Count:
        return Count()

    def evolve(self, state: Count, record: Recorded[Any]) -> Count:
        if isinstance(record.event, CashDeposited):
            state.deposits += 1
        else:
            state.results += 1
        return state

    def decide(self, state: Count, record: Recorded[Any]) -> Sequence[Event | Job]:
        if not isinstance(record.event, CashDeposited):
            return []
        if record.event.amount < LARGE:
            return [HaltAcknowledged(record.id, "all", state.deposits)]
        return [Failing() if self._job is Failing else Waiting(str(self._folder), 1)]


class Plain(Teller):
    """Answers every deposit at once."""

    def decide(self, state: Count, record: Recorded[Any]) -> Sequence[Event | Job]:
        return [HaltAcknowledged(record.id, "all", 0)] if _is_deposit(record) else []


def _is_deposit(record: Recorded[Any]) -> bool:
    return isinstance(record.event, CashDeposited)


def made(
    name: str, decider: Teller, bus: MemoryBus, feed: Feed, snapshots: Snapshots | None = None
) -> Service:
    return Service(
        name,
        cast(ModuleType, decider),
        bus,
        feed,
        book="desk",
        mode="paper",
        code="t",
        snapshots=snapshots,
    )


@contextlib.asynccontextmanager
async def at_work(bus: MemoryBus, *services: Service) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Services of one feed that have recalled the log and follow it."""
    await services[0].feed.start()
    for service in services:
        await service.replay()
    tasks = [asyncio.create_task(service.follow()) for service in services]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await services[0].feed.stop()


async def deposit(bus: MemoryBus, amount: int, number: int) -> None:
    event = CashDeposited("USD", Decimal(amount), "me", f"number {number}")
    payload = write_fact(f"f{number}", "portfolio.cash_deposited", event)
    await bus.append(operator_subject("desk", "me"), payload)


def answers(bus: MemoryBus, service: str) -> list[tuple[str, Any]]:
    """What a service recorded, as (type, data), in order."""
    found = []
    for stored in bus.log.messages:
        if stored.subject.startswith(f"log.desk.{service}."):
            commit = decode_commit(stored.payload)
            found += [(each.type, bytes(each.data)) for each in commit.events]
    return found


async def soon(holds: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


ACKNOWLEDGED, WITHDRAWN = "governance.halt_acknowledged", "portfolio.cash_withdrawn"


async def test_others_answer_while_a_job_runs_and_what_came_meanwhile_is_answered_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "BUFFER_MAX", 40)  # far less than comes while the job runs
    monkeypatch.setattr(feeds, "TRIM_AT", 10)
    bus = MemoryBus(MemoryLog())
    feed = Feed(bus)
    job = Waiting(str(tmp_path), 1)
    slow, quick = (
        made("slow", Teller(tmp_path), bus, feed),
        made("quick", Plain(tmp_path), bus, feed),
    )
    async with at_work(bus, slow, quick):
        await deposit(bus, 5, 0)
        await deposit(bus, 1_000, 1)
        await soon(job.begun.exists)
        for number in range(2, 202):
            await deposit(bus, 5, number)
        await soon(lambda: len(answers(bus, "quick")) == 202)
        assert [name for name, _ in answers(bus, "slow")] == [ACKNOWLEDGED]  # that of before
        job.go.touch()
        await soon(lambda: len(answers(bus, "slow")) == 202)
    names = [name for name, _ in answers(bus, "slow")]
    assert names == [ACKNOWLEDGED, WITHDRAWN, *[ACKNOWLEDGED] * 200]
    counts = [data for _, data in answers(bus, "slow")[2:]]
    assert all(f'"open_orders":{n + 3}'.encode() in data for n, data in enumerate(counts))


async def test_a_log_answered_live_is_the_one_that_is_answered_by_turns(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    live, turns = MemoryBus(MemoryLog()), MemoryBus(MemoryLog())
    for bus in (live, turns):
        for number, amount in enumerate((5, 1_000, 7)):
            await deposit(bus, amount, number)
    async with at_work(live, made("slow", Teller(tmp_path), live, Feed(live))):
        await soon(lambda: len(answers(live, "slow")) == 3)
    by_turns = made("slow", Teller(tmp_path), turns, Feed(turns))
    await by_turns.feed.start()
    await by_turns.replay()
    await by_turns.take_turn(3)
    await by_turns.feed.stop()
    assert answers(live, "slow") == answers(turns, "slow")
    assert ids(live) == ids(turns)


def ids(bus: MemoryBus) -> list[str]:
    stored = [each for each in bus.log.messages if ".slow." in each.subject]
    return [event.id for each in stored for event in decode_commit(each.payload).events]


async def test_a_process_that_ends_during_a_job_leaves_the_question_to_the_next(
    tmp_path: Path,
) -> None:
    bus, job = MemoryBus(MemoryLog()), Waiting(str(tmp_path), 1)
    snapshots = Snapshots(tmp_path)
    first = made("slow", Teller(tmp_path), bus, Feed(bus), snapshots)
    async with at_work(bus, first):
        for number in range(150):
            await deposit(bus, 5, number)
        await deposit(bus, 1_000, 150)
        await soon(job.begun.exists)
        pid = int(job.begun.read_text())
    await first.rest()
    assert not _is_alive(pid)
    assert WITHDRAWN not in [name for name, _ in answers(bus, "slow")]
    job.go.touch()
    second = made("slow", Teller(tmp_path), bus, Feed(bus), snapshots)
    await second.restore()
    async with at_work(bus, second):
        await soon(lambda: answers(bus, "slow")[-1:] != [] and ends_with_result(bus))
    assert [name for name, _ in answers(bus, "slow")].count(WITHDRAWN) == 1
    assert second.state == Count(deposits=151, results=1)


def ends_with_result(bus: MemoryBus) -> bool:
    return answers(bus, "slow")[-1][0] == WITHDRAWN


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends by its closed pipes")
async def test_a_job_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    job = Waiting(str(tmp_path), 1)
    program = (
        "import asyncio; from deadreckon.runtime.process.job_process import run_beside;"
        f"from tests.support.slow_jobs import Waiting; asyncio.run(run_beside({job!r}))"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    await soon(job.begun.exists)
    pid = int(job.begun.read_text())
    parent.kill()
    await parent.wait()
    await soon(lambda: not _is_alive(pid))


async def test_of_two_instances_that_run_one_job_the_fence_lets_one_result_through(
    tmp_path: Path,
) -> None:
    bus, job = MemoryBus(MemoryLog()), Waiting(str(tmp_path), 1)
    one, other = (made("slow", Teller(tmp_path), bus, Feed(bus)) for _ in range(2))
    async with at_work(bus, one) as first, at_work(bus, other) as second:
        await deposit(bus, 1_000, 0)
        await soon(job.begun.exists)
        job.go.touch()
        done, _ = await asyncio.wait([*first, *second], timeout=20, return_when="FIRST_COMPLETED")
        with pytest.raises(FencedOutError):
            done.pop().result()
    assert [name for name, _ in answers(bus, "slow")] == [WITHDRAWN]


async def test_a_job_that_fails_ends_its_service_with_the_last_words_of_its_process(
    tmp_path: Path,
) -> None:
    bus = MemoryBus(MemoryLog())
    service = made("slow", Teller(tmp_path, Failing), bus, Feed(bus))
    async with at_work(bus, service) as (task,):
        await deposit(bus, 1_000, 0)
        with pytest.raises(JobFailedError, match="slow_jobs:fail: ValueError: the matrix is sing"):
            await asyncio.wait_for(asyncio.shield(task), 20)
    assert answers(bus, "slow") == []
