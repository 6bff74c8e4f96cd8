"""Halts and what passes through them: acknowledged at once, lifted by a resume or by their time."""

from typing import Any

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import (
    FlattenRequested,
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeAcknowledged,
    ResumeRequested,
)
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.orders import OrderApproved
from deadreckon.contracts.signals import CancelRaised, ReplaceRaised
from tests.stories import MINUTE, START, exact, filled, limits, listed
from tests.support.risk_driver import OTHER, RiskDriver

RESUME = ResumeRequested("test", "story")


def imposed(scope: HaltScope = "close_only", until: int | None = None) -> HaltImposed:
    """A halt by another service."""
    return HaltImposed(scope, "win_rate_min", exact("0.4"), exact("0.3"), "l1", "story", until)


def long_desk(**rules: Any) -> RiskDriver:
    driver = RiskDriver(limits(price_age_max=60 * MINUTE, **rules))
    driver.enter("buy", 10)
    return driver


@pytest.mark.parametrize(
    ("halt", "scope"),
    [
        (HaltRequested("ann", "news", "close_only"), "close_only"),
        (HaltRequested("ann", "news", "all"), "all"),
        (imposed("close_only"), "close_only"),
        (imposed("all"), "all"),
        (LogDamaged("log.desk.fill", "not a commit"), "all"),
    ],
)
def test_every_halt_is_acknowledged_once_and_names_itself_in_refusals(
    halt: Event, scope: HaltScope
) -> None:
    driver = long_desk()
    answer = driver.ask(halt)
    halt_id = f"q{driver.story.count}"
    assert answer == HaltAcknowledged(halt_id=halt_id, scope=scope, open_orders=0)
    for each in (driver, driver.restarted()):
        refusal = each.refused()
        assert (refusal.rule, refusal.limit_set_by) == ("halted", halt_id)
        assert each.passes("sell", 5, reduce_only=True) == (scope == "close_only")


def test_a_halt_in_force_wins_over_missing_limits() -> None:
    driver = RiskDriver()
    driver.tell(HaltRequested("ann", "news"))
    assert driver.refused().rule == "halted"


def test_a_resume_is_acknowledged_and_lifts_every_halt() -> None:
    driver = long_desk()
    driver.tell(HaltRequested("ann", "news"), imposed(), LogDamaged("log.desk.fill", "story"))
    assert driver.ask(RESUME) == ResumeAcknowledged(resume_id=f"q{driver.story.count}")
    assert driver.passes()
    assert driver.restarted().passes()


def test_a_halt_with_an_end_lifts_itself_at_that_time_and_not_before() -> None:
    driver = long_desk()
    driver.tell(imposed(until=START + MINUTE))
    driver.tell(ClockTicked(), after=MINUTE - 1)
    assert driver.refused().rule == "halted"
    for each in (driver, driver.restarted()):
        each.tell(ClockTicked(), after=1)
        assert each.passes()


def test_the_stricter_of_two_halts_decides() -> None:
    driver = long_desk()
    driver.tell(HaltRequested("ann", "news", "close_only"), HaltRequested("bob", "more", "all"))
    assert not driver.passes("sell", 5, reduce_only=True)


def test_under_every_halt_cancels_pass_up_to_their_rate_and_under_a_total_one_no_replace() -> None:
    driver = long_desk(cancels_per_minute=2)
    driver.approved("buy", 1, id="open", order_type="limit", limit_price=90)
    driver.tell(HaltRequested("ann", "news", "close_only"))
    assert type(driver.ask(CancelRaised("c1", "", "ext", "open"))).__name__ == "CancelApproved"
    driver.tell(HaltRequested("ann", "news", "all"))
    assert (
        driver.ask(ReplaceRaised("r1", "", "ext", "open", exact("0.5"), None, None)).rule
        == "halted"
    )
    assert type(driver.ask(CancelRaised("c2", "", "ext", "open"))).__name__ == "CancelApproved"
    assert driver.ask(CancelRaised("c3", "", "ext", "open")).rule == "cancels_per_minute"


def test_counters_stay_unless_a_resume_resets_them() -> None:
    driver = RiskDriver(limits(entries_per_minute=1))
    driver.approved()
    driver.tell(HaltRequested("ann", "news"), RESUME)
    assert driver.refused().rule == "entries_per_minute"
    driver.tell(ResumeRequested("ann", "all is well", reset_counters=True))
    assert driver.passes()


# --- Flattening ----------------------------------------------------------------------------------


def flattened(answers: list[Event]) -> list[tuple[Any, ...]]:
    orders = [answer for answer in answers if isinstance(answer, OrderApproved)]
    assert all(order.purpose == "flatten" and order.reduce_only for order in orders)
    assert all(order.order_type == "market" for order in orders)
    return [(order.strategy, order.instrument, order.side, order.quantity) for order in orders]


@pytest.mark.parametrize(
    "halt",
    [
        limits(trading_enabled=False),
        HaltRequested("ann", "news"),
        LogDamaged("log.desk.fill", "not a commit"),
    ],
)
def test_every_position_is_flattened_whatever_is_halted(halt: Event) -> None:
    driver = long_desk()
    driver.enter("sell", 3, strategy="bear", instrument=OTHER)
    driver.tell(halt)
    answers = driver.tell(FlattenRequested("ann", "storm"))
    assert flattened(answers) == [
        ("ext", "BTCUSDT.PAPER", "sell", 10),
        ("bear", OTHER, "buy", 3),
    ]
    assert len({answer.order_id for answer in answers if isinstance(answer, OrderApproved)}) == 2


def test_one_instrument_may_be_flattened_alone() -> None:
    driver = long_desk()
    driver.enter("sell", 3, instrument=OTHER)
    answers = driver.tell(FlattenRequested("ann", "storm", OTHER))
    assert flattened(answers) == [("ext", OTHER, "buy", 3)]


def test_flattening_nothing_answers_nothing() -> None:
    assert RiskDriver(limits()).tell(FlattenRequested("ann", "storm")) == []


def test_flattening_is_held_up_by_no_rate_and_takes_nobodys_turn() -> None:
    driver = long_desk(exits_per_minute=1)
    driver.approved("sell", 1)
    assert len(driver.tell(FlattenRequested("ann", "storm"))) == 1
    assert len(driver.state.rates.exits) == 1


def test_what_has_no_price_cannot_be_flattened_and_says_so() -> None:
    driver = RiskDriver(limits(), listed("LTCUSDT.PAPER", base="LTC"))
    driver.tell(filled("buy", 5, 50, instrument="LTCUSDT.PAPER"))
    answer = driver.ask(FlattenRequested("ann", "storm"))
    assert (answer.rule, answer.instrument, answer.signal_id) == (
        "known_price",
        "LTCUSDT.PAPER",
        f"q{driver.story.count}",
    )


def test_a_flattening_order_gives_its_place_back_when_it_ends() -> None:
    driver = long_desk()
    (order,) = driver.tell(FlattenRequested("ann", "storm"))
    assert isinstance(order, OrderApproved)
    (child,) = driver.route(order)
    assert not driver.passes("sell", 1, reduce_only=True), "all of it is on its way out"
    driver.fill(child, 10)
    assert (driver.state.exposures, driver.state.orders, driver.state.signals) == ({}, {}, {})
