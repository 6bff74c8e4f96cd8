"""A log whose time was days ahead, and taken back: what every service does from there on."""

from decimal import Decimal
from typing import Any

import pytest

from deadreckon.accounting import ledger
from deadreckon.contracts.clock import CLOCK_STOP, ClockReset, ClockStepRefused
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import HaltImposed
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.orders import OrderExpired
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.services.fill import decider as fill
from deadreckon.services.portfolio import decider as portfolio
from deadreckon.services.risk import decider as risk
from deadreckon.services.signal import decider as signal
from tests.services.test_risk_breakers import halts, lose
from tests.stories import (
    DAY,
    HOUR,
    INSTRUMENT,
    MINUTE,
    SECOND,
    START,
    at,
    bar,
    deposit,
    filled,
    limits,
    listed,
    received,
    reporting,
    routed,
)
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import fill_driver
from tests.support.risk_driver import RiskDriver

GLITCH = 9 * DAY


def reset(story: DeciderDriver, to: int) -> list[Event]:
    """Take time back."""
    story.count += 1
    record = at(ClockReset("request", story.now), to, id=f"q{story.count}")
    story.now = to
    replies: list[Recorded[Event]] = story.runner.answer(record)
    story.history.append((record, replies))
    return [reply.event for reply in replies]


def glitch(story: DeciderDriver, *meanwhile: Event, back: int = SECOND) -> list[Event]:
    """The clock is days ahead for a tick, and is set back."""
    then = story.now
    story.tell(ClockTicked(), after=GLITCH)
    story.tell(*meanwhile)
    return reset(story, then + back)


# Risk.


def test_signals_pass_again_and_a_price_is_as_old_as_the_reset() -> None:
    driver = RiskDriver(limits(price_age_max=MINUTE))
    driver.tell(ClockTicked(), after=GLITCH)
    assert driver.refused().rule == "price_age_max"
    driver.price(100)
    reset(driver.story, START + SECOND)
    assert driver.passes()
    assert ledger.mark(driver.state.ledger, INSTRUMENT).at == START + SECOND  # type: ignore[union-attr]
    driver.tell(ClockTicked(), after=MINUTE + SECOND)
    assert driver.refused().rule == "price_age_max"
    assert driver.restarted().refused().rule == "price_age_max"


def test_the_loss_of_a_day_counts_on_after_the_clock_was_on_another_day() -> None:
    driver = RiskDriver(limits(daily_loss_max=50, price_age_max=2 * DAY))
    driver.tell(ClockTicked(), after=HOUR)
    lose(driver, 30)
    glitch(driver.story)
    driver.price(100)
    assert driver.passes()
    lose(driver, 21)
    assert driver.refused().rule == "halted"
    assert driver.state.breakers.day_ends == START + DAY


def test_a_halt_of_the_day_that_the_glitch_lifted_is_imposed_again() -> None:
    driver = RiskDriver(limits(daily_loss_max=50, price_age_max=2 * DAY))
    driver.tell(ClockTicked(), after=HOUR)
    lose(driver, 51)
    assert driver.refused().rule == "halted"
    driver.tell(ClockTicked(), after=GLITCH)
    answers = reset(driver.story, START + 2 * HOUR)
    assert [halt.until for halt in halts(answers)] == [START + DAY]
    assert driver.refused().rule == "halted"


def test_a_loss_under_the_taken_back_time_belongs_to_the_day_that_goes_on() -> None:
    driver = RiskDriver(limits(daily_loss_max=50, price_age_max=2 * DAY))
    driver.tell(ClockTicked(), after=HOUR)
    driver.tell(ClockTicked(), after=GLITCH)
    driver.price(100)
    lose(driver, 30)
    reset(driver.story, START + DAY + HOUR)  # a day later, which never began
    driver.price(100)
    lose(driver, 21)
    assert driver.refused().rule == "halted"


def test_each_day_begins_once_when_its_time_comes() -> None:
    driver = RiskDriver(limits(daily_loss_max=50, price_age_max=2 * DAY))
    driver.tell(ClockTicked(), after=HOUR)
    glitch(driver.story)
    for day in range(1, 11):
        lose(driver, 40)
        assert driver.passes(), "each day has its own loss"
        driver.tell(ClockTicked(), after=DAY)
        driver.price(100)
        assert driver.state.breakers.day_ends == START + (day + 1) * DAY


def test_windows_are_no_longer_than_they_were_set() -> None:
    driver = RiskDriver(limits(entries_per_minute=1, price_age_max=20 * DAY))
    driver.tell(ClockTicked(), after=GLITCH)
    assert driver.passes()
    reset(driver.story, START + SECOND)
    assert driver.refused().rule == "entries_per_minute"
    driver.tell(ClockTicked(), after=MINUTE)
    assert driver.passes()


def test_a_halt_of_the_taken_back_time_lasts_as_long_as_it_would_have() -> None:
    driver = RiskDriver(limits(price_age_max=20 * DAY))
    driver.tell(ClockTicked(), after=GLITCH)
    until = START + GLITCH + MINUTE
    driver.tell(HaltImposed("close_only", "drawdown_max", None, None, None, "fell", until))
    reset(driver.story, START + SECOND)
    assert driver.refused().rule == "halted"
    driver.tell(ClockTicked(), after=MINUTE)
    assert driver.passes()


@pytest.mark.parametrize(("rule", "refused"), [(CLOCK_STOP, True), ("clock_step", False)])
def test_a_price_of_before_a_stop_is_not_fresh_because_time_stands_still(
    rule: str, refused: bool
) -> None:
    driver = RiskDriver(limits(price_age_max=MINUTE))
    then = START + GLITCH
    figures = Decimal(7 * 86_400), Decimal(9 * 86_400)
    driver.tell(ClockStepRefused(rule, *figures, None, then, START, "far ahead"))
    if not refused:
        assert driver.passes()
        return
    found = driver.refused()
    assert (found.rule, found.measured) == ("price_age_max", Decimal(GLITCH))
    driver.price(100)
    assert driver.restarted().refused().rule == "price_age_max"  # its time is refused as well
    driver.tell(ClockTicked(), after=SECOND)  # within bounds again
    assert driver.passes()


# Signal.


def test_ids_are_remembered_over_a_glitch() -> None:
    story = DeciderDriver(signal, "signal")
    sent = received(id="s1", claimed_at=START)
    assert [type(it) for it in story.tell(sent)] == [SignalRaised]
    story.tell(received(id="s2", claimed_at=START + GLITCH), after=GLITCH)
    reset(story, START + SECOND)
    assert story.tell(sent) == []
    (refused,) = story.tell(received(id="s1", body="another", claimed_at=START))
    assert isinstance(refused, SignalRefused)
    assert refused.rule == "id_reused"
    ids = [reply.id for _, replies in story.history for reply in replies]
    assert len(set(ids)) == len(ids) == 3
    assert [type(it) for it in story.tell(received(id="s3", claimed_at=START))] == [SignalRaised]


# Portfolio.


def test_equity_is_marked_once_a_midnight() -> None:
    story = DeciderDriver(portfolio, "portfolio")
    story.tell(listed(), reporting(every=0), deposit(1_000))
    story.tell(bar(100), after=HOUR)  # the first mark, of the day it begins in
    assert _marks(story.tell(ClockTicked(), after=GLITCH)) == 1
    assert _marks(reset(story, START + 2 * HOUR)) == 0
    assert [_marks(story.tell(ClockTicked(), after=12 * HOUR)) for _ in range(6)] == [
        0,
        1,
        0,
        1,
        0,
        1,
    ]


def _marks(answers: list[Event]) -> int:
    return sum(isinstance(answer, EquityMarked) for answer in answers)


# Fill.


def test_an_order_lives_as_long_as_it_would_have() -> None:
    story = fill_driver(bar(100))
    story.tell(ClockTicked(), after=GLITCH)
    until = START + GLITCH + HOUR
    story.tell(routed("buy", 1, limit_price=50, expires_at=until))
    reset(story, START + SECOND)
    assert story.tell(ClockTicked(), after=HOUR - SECOND) == []
    (expired,) = story.tell(ClockTicked(), after=SECOND)
    assert isinstance(expired, OrderExpired)


def test_a_trade_is_known_over_a_glitch() -> None:
    book = ledger.initial()
    fact = filled("buy", 1, 100)
    for event, when in ((listed(), START), (fact, START)):
        ledger.evolve(book, at(event, when, id="first"))
    ledger.evolve(book, at(filled("buy", 1, 100, id="t2"), START + GLITCH, id="second"))
    ledger.evolve(book, at(ClockReset("request", START + GLITCH), START + SECOND))
    again = at(fact, START + SECOND, id="again")
    ledger.evolve(book, again)
    assert not ledger.is_new_fill(book, again)


@pytest.mark.parametrize("decider", [risk, signal, portfolio, fill])
def test_a_reset_of_nothing_is_harmless(decider: Any) -> None:
    story = DeciderDriver(decider)
    assert reset(story, START) == []
