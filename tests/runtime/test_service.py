"""The loop keeps its promises: as lived, once each, the same after any restart."""

import asyncio
import contextlib
from collections.abc import Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any, cast

import msgspec
import pytest
from msgspec import Struct

from deadreckon.contracts.codec import decode_commit
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    FlattenRequested,
    HaltAcknowledged,
    HaltRequested,
    LogDamaged,
    OperatorMalformed,
)
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn
from deadreckon.contracts.subjects import commit_subject, domain, operator_subject
from deadreckon.runtime.log.bus import Fence, UnavailableError
from deadreckon.runtime.log.domain import Domain, FencedOutError
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.service import PROGRESS_EVERY, Service


class Seen(Struct):
    heard: list[str] = []


class Echo:
    """Answers a deposit with a halt, its own halt with a withdrawal, a flatten with `many`."""

    many = 40

    def initial(self) -> Seen:
        return Seen()

    def evolve(self, state: Seen, record: Recorded[Any]) -> Seen:
        state.heard.append(f"{type(record.event).__name__}:{record.id[:6]}")
        return state

    def decide(self, state: Seen, record: Recorded[Any]) -> Sequence[Event]:
        match record.event:
            case CashDeposited():
                return [HaltAcknowledged(record.id, "all", len(state.heard))]
            case HaltAcknowledged():
                return [CashWithdrawn("USD", Decimal(1), "echo", "follow-up")]
            case FlattenRequested():
                return [
                    CashWithdrawn("USD", Decimal(n + 1), "echo", "x" * 100)
                    for n in range(self.many)
                ]
            case _:
                return []


class Crowd(Echo):
    many = 200


FLATTEN = FlattenRequested("me", "story")


class EchoLoop:
    """A bus with one echo service on it."""

    def __init__(self, bus: MemoryBus, echo: Echo | None = None) -> None:
        self.bus = bus
        self.feed = Feed(bus)
        self.service = Service(
            "echo",
            cast(ModuleType, echo or Echo()),
            bus,
            self.feed,
            book="desk",
            mode="paper",
            code="t",
        )

    async def __aenter__(self) -> "EchoLoop":
        await self.feed.start()
        await self.service.replay()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.feed.stop()

    async def turn(self) -> bool:
        return await self.service.take_turn((await self.bus.info()).last)

    @property
    def heard(self) -> list[str]:
        return cast(Seen, self.service.state).heard


async def say(bus: MemoryBus, number: int, event: Event | None = None) -> int:
    event = event or CashDeposited("USD", Decimal(number + 1), "me", "story")
    names = {
        CashDeposited: "portfolio.cash_deposited",
        FlattenRequested: "governance.flatten_requested",
    }
    return await bus.append(
        operator_subject("desk", "me"), write_fact(f"f{number}", names[type(event)], event)
    )


async def commits(bus: MemoryBus) -> list[Any]:
    reader = await bus.read(0)
    found = []
    while stored := await reader.next(0.01):
        found += [each for each in stored if each.subject.startswith("log.desk.echo.")]
    return [decode_commit(each.payload) for each in found]


async def test_own_answers_come_right_after_their_question_live_and_recalled() -> None:
    log = MemoryBus()
    async with EchoLoop(log) as echo_loop:
        for number in range(3):
            await say(log, number)
        assert await echo_loop.turn()
        lived = list(echo_loop.heard)
        assert [name.partition(":")[0] for name in lived] == [
            "CashDeposited",
            "HaltAcknowledged",
            "CashWithdrawn",
        ] * 3
    assert len(await commits(log)) == 1
    async with EchoLoop(log) as again:
        assert again.heard == lived
        assert not await again.turn()


async def test_recall_decides_nothing_even_when_the_code_has_changed() -> None:
    log = MemoryBus()
    async with EchoLoop(log) as echo_loop:
        await say(log, 0)
        await echo_loop.turn()
        lived = list(echo_loop.heard)

    class Silent(Echo):
        def decide(self, state: Seen, record: Recorded[Any]) -> Sequence[Event]:
            raise AssertionError("recall must not decide")

    async with EchoLoop(log, Silent()) as again:
        assert again.heard == lived


async def test_an_input_between_reading_and_committing_is_answered_after_a_restart() -> None:
    """A fact lands in the log before our commit, but after we had read: it is a leftover."""
    log = MemoryBus()
    undisturbed = MemoryBus()
    lived: list[str] = []
    for bus, late in ((log, True), (undisturbed, False)):
        async with EchoLoop(bus) as echo_loop:
            await say(bus, 0)
            await echo_loop.service.feed.reach(1)
            await echo_loop.service._take(1)
            await say(bus, 1)  # sequence 2, before our commit at 3
            await echo_loop.service.commit()
            if not late:
                await echo_loop.turn()
                lived = list(echo_loop.heard)
    async with EchoLoop(log) as again:
        assert await again.turn()
        assert again.heard == lived
    assert [c.events[0].cause for c in await commits(log)] == [
        c.events[0].cause for c in await commits(undisturbed)
    ]


async def test_with_a_backlog_many_inputs_share_a_commit_and_when_idle_each_has_its_own() -> None:
    log = MemoryBus()
    for number in range(50):
        await say(log, number)
    async with EchoLoop(log) as echo_loop:
        following = asyncio.create_task(echo_loop.service.follow())
        await echo_loop.feed.reach(51)
        backlog = len(await commits(log))
        for number in range(50, 53):
            last = await say(log, number)
            await echo_loop.feed.reach(last + 1)
        following.cancel()
    assert backlog == 1
    assert len(await commits(log)) == 4


async def test_a_message_that_asks_too_much_for_one_commit_is_answered_in_parts() -> None:
    log = MemoryBus(payload_max=16_000)
    async with EchoLoop(log) as echo_loop:
        for number in range(30):
            await say(log, number)
        await echo_loop.turn()
        lived = list(echo_loop.heard)
    parts = await commits(log)
    assert len(parts) > 1
    assert sum(len(commit.events) for commit in parts) == 60
    async with EchoLoop(log) as again:
        assert again.heard == lived
        assert not await again.turn()


async def test_one_question_may_have_more_answers_than_one_commit_takes() -> None:
    log = MemoryBus(payload_max=16_000)
    async with EchoLoop(log, Crowd()) as echo_loop:
        await say(log, 1)
        await say(log, 2, FLATTEN)
        await say(log, 3)
        await echo_loop.turn()
        lived = list(echo_loop.heard)
    whole = log.log.messages
    told = [event.id for commit in await commits(log) for event in commit.events]
    assert len(set(told)) == len(told) == Crowd.many + 4
    for cut in range(3, len(whole) + 1):  # a crash between any two of the commits
        rest = MemoryBus(MemoryLog(whole[:cut]), payload_max=16_000)
        for _ in range(2):  # and a restart of what was restarted
            async with EchoLoop(rest, Crowd()) as again:
                await again.turn()
                assert again.heard == lived, cut
                assert not await again.turn()
        found = [event.id for commit in await commits(rest) for event in commit.events]
        assert found == told


async def test_silent_inputs_are_recorded_by_progress_and_progress_calls_for_none() -> None:
    log = MemoryBus()
    other = Domain(log, "desk", "other", "t")
    async with EchoLoop(log) as echo_loop:
        halt = HaltRequested("me", "story")
        for number in range(PROGRESS_EVERY):
            payload = write_fact(f"h{number}", "governance.halt_requested", halt)
            await log.append(operator_subject("desk", "me"), payload)
        assert not await echo_loop.turn()
        assert len(await commits(log)) == 1
        for _ in range(3 * PROGRESS_EVERY):
            await other.append((1, 1, 0), [], [])
        await echo_loop.turn()
    assert len(await commits(log)) == 1


async def test_a_lost_acknowledgement_stores_nothing_twice() -> None:
    class Forgetful(MemoryBus):
        calls = 0

        async def append(self, subject: str, payload: bytes, fence: Fence | None = None) -> int:
            sequence = await super().append(subject, payload, fence)
            type(self).calls += 1
            if fence is not None and type(self).calls % 2:
                raise UnavailableError("the answer was lost")
            return sequence

    log = Forgetful()
    async with EchoLoop(log) as echo_loop:
        for number in range(5):
            with contextlib.suppress(UnavailableError):
                await say(log, number)
            await echo_loop.turn()
    stored = await commits(log)
    causes = [event.id for commit in stored for event in commit.events]
    assert len(causes) == len(set(causes)) == 10
    assert [commit.n for commit in stored] == list(range(1, len(stored) + 1))


async def test_a_second_instance_is_fenced_out() -> None:
    log = MemoryBus()
    async with EchoLoop(log) as first, EchoLoop(log) as second:
        await say(log, 0)
        await first.turn()
        await say(log, 1)
        with pytest.raises(FencedOutError, match="another instance"):
            await second.turn()
    assert len(await commits(log)) == 1


async def test_operators_ids_are_remembered_and_reuse_is_told() -> None:
    log = MemoryBus()
    async with EchoLoop(log) as echo_loop:
        await say(log, 0)
        await say(log, 0)
        await echo_loop.turn()
        assert len(echo_loop.heard) == 3
        fact = write_fact(
            "f0", "portfolio.cash_deposited", CashDeposited("USD", Decimal(9), "a", "b")
        )
        await log.append(operator_subject("desk", "me"), fact)
        await log.append(operator_subject("desk", "me"), b"garbage")
        await echo_loop.turn()
    assert [name.partition(":")[0] for name in echo_loop.heard[3:]] == [
        OperatorMalformed.__name__
    ] * 2


@pytest.mark.parametrize("damage", [b"\xff garbage", None])
async def test_damage_in_a_domain_reaches_every_service_at_the_same_place(
    damage: bytes | None,
) -> None:
    log = MemoryBus()
    other = Domain(log, "desk", "other", "t")
    await other.append((1, 1, 0), [], [])
    if damage is None:  # a commit that does not continue its chain
        tail = await log.tail(domain("desk", "other"))
        assert tail is not None
        damage = msgspec.json.encode(msgspec.json.decode(tail.payload) | {"n": 2, "previous": "00"})
    await log.append(commit_subject("desk", "other", "events"), damage)
    async with EchoLoop(log) as echo_loop:
        await say(log, 0)
        await echo_loop.turn()
        assert echo_loop.heard[0].startswith(LogDamaged.__name__)
        assert echo_loop.heard[1].startswith(CashDeposited.__name__)
