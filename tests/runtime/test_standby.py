"""A standby proves that it is equal, takes over when it is alone, and never when it differs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from types import ModuleType
from typing import Any, cast

import msgspec
import pytest
from msgspec import Struct

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import HaltAcknowledged
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.portfolio import CashDeposited
from deadreckon.contracts.subjects import operator_subject, status_subject
from deadreckon.runtime.log.bus import Stored, UnavailableError
from deadreckon.runtime.log.domain import FencedOutError
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service import standby
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshots import StateAtCommit
from deadreckon.runtime.service.standby import (
    MISSES,
    DivergedError,
    LivenessReply,
    LivenessRequest,
    Standby,
    answer_liveness,
)


class Seen(Struct):
    heard: list[str] = []


class Echo:
    """Answers each deposit once; remembers what it has heard."""

    def initial(self) -> Seen:
        return Seen()

    def evolve(self, state: Seen, record: Recorded[Any]) -> Seen:
        state.heard.append(record.id)
        return state

    def decide(self, state: Seen, record: Recorded[Any]) -> Sequence[Event]:
        if isinstance(record.event, CashDeposited):
            return [HaltAcknowledged(record.id, "all", len(state.heard))]
        return []


class Forgetful(Echo):
    """Other code than the instance at work runs."""

    def evolve(self, state: Seen, record: Recorded[Any]) -> Seen:
        return state


class Instance:
    """One process of the service: a connection, a reading and a state of its own."""

    def __init__(self, log: MemoryLog, decider: Echo | None = None) -> None:
        self.bus = MemoryBus(log)
        self.feed = Feed(self.bus)
        self.ready: list[StateAtCommit] = []
        module = cast(ModuleType, decider or Echo())
        self.service = Service(
            "echo", module, self.bus, self.feed, book="desk", mode="paper", code="t"
        )
        self.jobs: list[asyncio.Task[None]] = []

    def stand_by(self) -> "asyncio.Task[None]":
        one = Standby(self.service, self.feed, self.bus, book="desk", ready=self.ready.append)
        return self.begin(one.until_alone())

    def work(self) -> None:
        self.begin(answer_liveness(self.service, "desk", self.bus))
        self.begin(self.service.follow())

    def begin(self, job: Any) -> "asyncio.Task[None]":
        self.jobs.append(asyncio.create_task(job))
        return self.jobs[-1]

    async def die(self) -> None:
        for job in self.jobs:
            job.cancel()
        await asyncio.gather(*self.jobs, return_exceptions=True)
        await self.feed.stop()
        await self.bus.close()


@asynccontextmanager
async def instance(log: MemoryLog, decider: Echo | None = None) -> AsyncIterator[Instance]:
    one = Instance(log, decider)
    await one.feed.start()
    await one.service.replay()
    try:
        yield one
    finally:
        await one.die()


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "POLL_SECONDS", 0.02)


async def deposit(log: MemoryLog, number: int) -> None:
    event = CashDeposited("USD", Decimal(number + 1), "me", "story")
    fact = write_fact(f"f{number}", "portfolio.cash_deposited", event)
    await MemoryBus(log).append(operator_subject("desk", "me"), fact)


def answers(log: MemoryLog) -> list[str]:
    """The causes of what the service has said, in the log's order."""
    stored = [each for each in log.messages if each.subject == "log.desk.echo.events"]
    commits = [msgspec.json.decode(each.payload) for each in stored]
    return [event["cause"] for commit in commits for event in commit["events"]]


async def soon(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_it_is_ready_once_its_state_is_equal_and_goes_on_where_the_other_one_ended() -> None:
    log = MemoryLog()
    async with instance(log) as primary, instance(log) as second:
        primary.work()
        for number in range(3):
            await deposit(log, number)
        await soon(lambda: len(answers(log)) == 3)
        alone = second.stand_by()
        await soon(lambda: second.ready)
        assert second.ready[0] == await primary.service.state_at_commit()
        assert not alone.done()

        await primary.die()
        before = len(log.messages)
        await alone
        await second.service.replay()
        assert len(log.messages) == before  # to take over writes nothing

        second.work()
        await deposit(log, 3)
        await soon(lambda: len(answers(log)) == 4)
        assert len(set(answers(log))) == 4


async def test_what_the_primary_heard_but_did_not_answer_is_answered_by_the_standby() -> None:
    log = MemoryLog()
    async with instance(log) as primary, instance(log) as second:
        primary.work()
        alone = second.stand_by()
        await soon(lambda: second.ready)
        await primary.die()
        await deposit(log, 0)
        await alone
        await second.service.replay()
        second.work()
        await soon(lambda: len(answers(log)) == 1)


async def test_a_standby_that_differs_refuses_and_says_both_digests() -> None:
    log = MemoryLog()
    async with instance(log) as primary, instance(log, Forgetful()) as second:
        primary.work()
        await deposit(log, 0)
        with pytest.raises(DivergedError, match=r"here, .* there; this standby will not take over"):
            await second.stand_by()
        assert second.ready == []


async def test_it_compares_at_the_commit_where_the_primary_stood_however_far_that_is_ahead() -> (
    None
):
    log = MemoryLog()
    async with instance(log) as primary, instance(log) as second:
        primary.work()
        second.stand_by()
        for number in range(200):
            await deposit(log, number)
            await asyncio.sleep(0)
        await soon(lambda: second.ready)
        await soon(lambda: len(answers(log)) == 200)


async def test_a_primary_that_still_writes_is_not_taken_for_dead() -> None:
    """It answers nobody for a while, as one does that computes for long; its commits tell."""
    log = MemoryLog()
    async with instance(log) as primary, instance(log) as second:
        primary.begin(primary.service.follow())
        alone = second.stand_by()
        for number in range(10 * MISSES):
            await deposit(log, number)
            await asyncio.sleep(0.02)
        assert not alone.done()


async def test_a_log_that_is_away_is_no_reason_to_take_over() -> None:
    class Away(MemoryBus):
        away = True

        async def tail(self, filter: str) -> Stored | None:
            if self.away:
                raise UnavailableError("not connected")
            return await super().tail(filter)

    log = MemoryLog()
    async with instance(log) as second:
        bus = Away(log)
        looks = Standby(second.service, second.feed, bus, book="desk", ready=second.ready.append)
        alone = second.begin(looks.until_alone())
        await asyncio.sleep(0.02 * MISSES * 4)
        assert not alone.done()
        bus.away = False
        await alone


async def test_the_answer_to_a_standby_never_waits_for_the_service() -> None:
    log = MemoryLog()
    async with instance(log) as primary:
        primary.begin(answer_liveness(primary.service, "desk", primary.bus))
        await asyncio.sleep(0)
        async with primary.service.busy:  # it waits for the log, say
            request = msgspec.json.encode(LivenessRequest(prove=True))
            reply = await MemoryBus(log).request(status_subject("desk", "echo"), request, 1.0)
            assert msgspec.json.decode(reply, type=LivenessReply).latest is None


async def test_who_comes_back_and_meets_the_others_commit_stops_at_once() -> None:
    """It had nothing to say itself, so no fence would have told it for a long time."""
    log = MemoryLog()
    async with instance(log) as old, instance(log) as new:
        await deposit(log, 0)
        await new.service.take_turn(1)
        with pytest.raises(FencedOutError, match="another instance"):
            await old.service.take_turn(2)
        assert len(answers(log)) == 1
