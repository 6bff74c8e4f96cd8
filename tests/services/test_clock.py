"""The clock and live feeds: how far they move time, what they refuse, and how it goes on."""

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.clock import (
    STEP_MAX,
    STOP_MAX,
    ClockReset,
    ClockStepAccepted,
    ClockStepRefused,
)
from deadreckon.contracts.codec import wrap
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import OperatorRefused
from deadreckon.contracts.market import ClockTicked, QuoteUpdated, TapeOpened
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.service.snapshots import Snapshots
from tests.stories import START, at
from tests.support.clock_driver import QUOTE, SECOND, ClockDriver, old_ticks


def types(records: list[Recorded[Any]]) -> list[str]:
    return [type(record.event).__name__ for record in records]


async def test_a_tick_far_ahead_is_refused_once_with_both_figures_and_time_goes_on() -> None:
    driver = await ClockDriver().born()
    assert types(await driver.tick()) == ["ClockTicked"]

    (refused,) = await driver.tick(jump=9 * DAY)
    assert await driver.tick() == []
    assert await driver.tick() == []

    event = refused.event
    assert isinstance(event, ClockStepRefused)
    assert (event.rule, event.limit, event.measured) == (
        "clock_step",
        Decimal(61),
        Decimal(9 * 86_400 + 1),
    )
    assert (event.refused_at, event.log_at) == (START + 9 * DAY + 2 * SECOND, START + SECOND)
    assert refused.at == START + SECOND
    assert driver.clock.edge.time.refused

    (tick,) = await driver.tick(jump=-9 * DAY)
    assert (type(tick.event), tick.at) == (ClockTicked, START + 5 * SECOND)
    assert not driver.clock.edge.time.refused


async def test_time_that_passed_is_never_refused_however_long_the_clock_was_held_up() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    assert types(await driver.tick(passed=3 * DAY, jump=STEP_MAX)) == ["ClockTicked"]
    assert types(await driver.tick(passed=SECOND, jump=STEP_MAX + 1)) == ["ClockStepRefused"]


async def test_the_first_step_after_a_start_may_be_as_long_as_a_stop_of_seven_days() -> None:
    driver = await ClockDriver().born()
    await driver.tick()

    driver.wall += STOP_MAX - SECOND
    await driver.born()
    assert types(await driver.tick()) == ["ClockTicked"]

    driver.wall += STOP_MAX
    await driver.born()
    (refused,) = await driver.tick(passed=SECOND, jump=1)
    assert refused.event.rule == "clock_stop"
    assert refused.event.limit == Decimal(STOP_MAX // SECOND + 1)


async def test_a_long_stop_is_accepted_and_there_is_nothing_else_to_accept() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    driver.wall += 30 * DAY
    await driver.born()
    assert _rule(await driver.accept()) == "nothing_to_accept"

    (refused,) = await driver.tick()
    (accepted,) = await driver.accept()
    assert isinstance(accepted.event, ClockStepAccepted)
    assert accepted.event.accepted_at == refused.event.refused_at
    assert accepted.cause == accepted.event.request_id
    assert types(await driver.tick()) == ["ClockTicked"]
    assert _rule(await driver.accept()) == "nothing_to_accept"


async def test_what_was_accepted_is_known_after_a_kill() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    driver.wall += 30 * DAY
    await driver.born()
    await driver.tick()
    await driver.accept()

    await driver.born()
    assert types(await driver.tick()) == ["ClockTicked"]


async def test_bounds_are_those_that_an_operator_set() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    await driver.limit(step_max=5 * SECOND, stop_max=DAY)

    (refused,) = await driver.tick(jump=5 * SECOND + 1)
    assert refused.event.limit == Decimal(6)
    assert refused.event.limit_set_by == driver.clock.edge.time.limits_id

    driver.wall += DAY
    await driver.born()
    assert types(await driver.tick(jump=2 * SECOND)) == ["ClockStepRefused"]


async def test_a_wall_clock_that_goes_back_writes_nothing_and_is_said_once() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    assert await driver.tick(jump=-30 * SECOND) == []

    (behind,) = await driver.tick(jump=-DAY)
    assert await driver.tick() == []
    assert behind.event.rule == "clock_behind"
    assert behind.event.measured == Decimal(86_400 + 28)
    assert _rule(await driver.accept()) == "nothing_to_accept"

    assert types(await driver.tick(jump=DAY + 30 * SECOND)) == ["ClockTicked"]


async def test_a_log_that_is_ahead_counts_anew_from_the_time_of_a_reset() -> None:
    driver = await ClockDriver().born()
    driver.wall += 9 * DAY  # on a new log nothing can be compared
    await driver.tick()
    driver.wall -= 9 * DAY
    assert types(await driver.tick()) == ["ClockStepRefused"]
    assert _rule(await driver.reset(START + 10 * DAY)) == "clock_not_ahead"

    (reset,) = await driver.reset(driver.wall)
    assert isinstance(reset.event, ClockReset)
    assert (reset.at, reset.event.log_at) == (driver.wall, START + 9 * DAY + SECOND)

    ticks = [(await driver.tick())[0] for _ in range(3)]
    assert [tick.at for tick in ticks] == [reset.at + n * SECOND for n in (1, 2, 3)]
    await driver.born()
    assert types(await driver.tick()) == ["ClockTicked"]


async def test_the_same_instant_after_a_reset_is_another_event() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    (first,) = await driver.tick()
    await driver.reset(START)
    driver.wall = first.at - SECOND
    (again,) = await driver.tick()
    assert again.at == first.at
    assert again.id != first.id


async def test_a_live_feed_writes_nothing_that_is_far_ahead_and_goes_on() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    assert await driver.quote(driver.wall + SECOND)
    assert not await driver.quote(driver.wall + 2 * DAY)
    assert not await driver.quote(driver.wall + 2 * DAY)
    assert await driver.quote(driver.wall - DAY)  # late: it moves no time
    assert await driver.quote(driver.wall + 2 * SECOND, QUOTE, QUOTE)

    written = [record for record in driver.records() if record.source == "market"]
    assert types(written) == ["QuoteUpdated", "ClockStepRefused", *["QuoteUpdated"] * 3]
    assert len({record.id for record in written}) == len(written)


async def test_a_feed_whose_time_is_right_goes_on_when_the_operator_says_so() -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    assert not await driver.quote(START + 30 * DAY)
    (accepted,) = await driver.accept()
    assert accepted.event.accepted_at == START + 30 * DAY
    assert await driver.quote(START + 30 * DAY)


async def test_a_clock_behind_a_tape_begins_wherever_it_stands() -> None:
    driver = ClockDriver()
    tape = TapeOpened("tape", "BTCUSDT.PAPER", "bars", 1, "base")
    record = at(tape, START - 900 * DAY, id="tape", book="shared")
    await Domain(driver.bus, "shared", "market", "test").append((1, 0, 0), [], [wrap(record)])
    await driver.born()
    assert types(await driver.tick()) == ["ClockTicked"]


async def test_a_log_of_an_older_program_goes_on_from_its_last_tick() -> None:
    driver = ClockDriver()
    await old_ticks(driver, [START, START + SECOND])
    driver.wall += 2 * DAY
    await driver.born()
    assert driver.clock.edge.time.now == START + SECOND
    assert types(await driver.tick()) == ["ClockTicked"]


async def test_a_snapshot_leads_to_the_same_state(tmp_path: Path) -> None:
    driver = await ClockDriver(Snapshots(tmp_path)).born()
    await driver.limit(step_max=5 * SECOND, stop_max=DAY)
    for _ in range(120):
        await driver.tick()
    await driver.tick(jump=DAY)
    await driver.clock.rest()
    before = driver.clock.edge.time

    await driver.born()
    assert driver.clock.edge.position > 0
    assert driver.clock.edge.time == before


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_clocks_do_time_moves_by_bounded_steps_and_never_back(seed: int) -> None:
    asyncio.run(_random_life(random.Random(seed)))


async def _random_life(chance: random.Random) -> None:
    driver = await ClockDriver().born()
    checks = Checks(driver)
    jumps = [0, 0, 0, 0, 1, -1, 59, 62, -90, 3_600, -3_600, 8 * 86_400, -8 * 86_400]
    for _ in range(150):
        if chance.random() < 0.05:
            await driver.born()
            checks.begin()
        jump = chance.choice(jumps) * SECOND
        await driver.tick(passed=chance.choice([1, 1, 1, 5, 600]) * SECOND, jump=jump)
        checks.take()
        if chance.random() < 0.05:
            await driver.accept()
        if chance.random() < 0.02:
            await driver.reset(driver.wall)
        if chance.random() < 0.3:
            ahead = chance.choice([0, 0, 1, 30, 86_400]) * SECOND
            await driver.quote(driver.wall + ahead)
        checks.take()
    records = driver.records()
    assert len({record.id for record in records}) == len(records)


class Checks:
    """No step is longer than its bound; no tick goes back but after a reset; no incident is said
    twice."""

    def __init__(self, driver: ClockDriver) -> None:
        self.driver = driver
        self.now = self.accepted = self.read = 0
        self.kept = False
        self.incidents: dict[str, str] = {}
        self.begin()

    def begin(self) -> None:
        """A new life of both edges."""
        self.since = {"clock": self.driver.steady, "market": self.driver.steady}
        self.most = {"clock": STOP_MAX, "market": STOP_MAX}

    def take(self) -> None:
        for record in self.driver.records(self.read):
            self.one(record)
        self.read = self.driver.log.last

    def one(self, record: Recorded[Any]) -> None:
        edge = record.source
        match record.event:
            case ClockReset():
                assert record.at < self.now
                self.now, self.accepted, self.incidents = record.at, 0, {}
            case ClockStepAccepted(accepted_at=accepted):
                assert accepted > self.now
                self.accepted, self.incidents = accepted, {}
            case ClockStepRefused(rule=rule):
                assert self.incidents.get(edge) != rule
                self.incidents[edge] = rule
            case ClockTicked() | QuoteUpdated():
                self.step(edge, record)

    def step(self, edge: str, record: Recorded[Any]) -> None:
        ticked = isinstance(record.event, ClockTicked)
        assert not ticked or record.at > self.now
        limit = self.driver.steady - self.since[edge] + self.most[edge]
        free = not self.kept and self.most[edge] == STOP_MAX
        assert free or record.at - max(self.now, self.accepted) <= limit
        self.since[edge], self.most[edge] = self.driver.steady, STEP_MAX
        self.now = max(self.now, record.at)
        self.kept = self.kept or ticked
        self.accepted = 0 if self.now >= self.accepted else self.accepted
        self.incidents.pop(edge, None)


def _rule(records: list[Recorded[Any]]) -> str:
    (record,) = records
    assert isinstance(record.event, OperatorRefused)
    return record.event.rule
