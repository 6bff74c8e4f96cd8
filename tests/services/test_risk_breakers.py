"""Breakers of risk: floor, drawdown, daily loss, slippage; what a restart must not forgive."""

from decimal import Decimal
from typing import Any

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    ResumeAcknowledged,
    ResumeRequested,
)
from deadreckon.contracts.market import ClockTicked, CurrencyRateUpdated, FundingRatePublished
from deadreckon.contracts.orders import OrderApproved
from deadreckon.contracts.portfolio import CashWithdrawn, FeeCharged
from tests.stories import (
    DAY,
    HOUR,
    INSTRUMENT,
    MINUTE,
    SECOND,
    START,
    Number,
    bar,
    deposit,
    exact,
    filled,
    limits,
    listed,
    quote,
    reporting,
    trade,
)
from tests.support import venue_samples
from tests.support.risk_driver import OTHER, RiskDriver, accepted, leg, rejected, unknown

COOLDOWN = 5 * MINUTE


def halts(answers: list[Event]) -> list[HaltImposed]:
    return [answer for answer in answers if isinstance(answer, HaltImposed)]


def held(driver: RiskDriver, quantity: Number = 100, **more: Any) -> RiskDriver:
    """A long of 10,000, a tenth of the book's equity."""
    driver.enter("buy", quantity, **more)
    return driver


def withdrawal(number: Number) -> CashWithdrawn:
    return CashWithdrawn("USDT", exact(number), "test", "story")


# --- Floor and drawdown --------------------------------------------------------------------------


def test_at_the_floor_the_book_trades_and_below_it_is_halted_with_both_numbers() -> None:
    driver = held(RiskDriver(limits(equity_floor=99_000)))
    assert halts(driver.price(90)) == []
    (halt,) = halts(driver.price("89.99", after=SECOND))
    assert halt == HaltImposed(
        scope="close_only",
        rule="equity_floor",
        limit=exact(99_000),
        measured=exact(98_999),
        limit_set_by=driver.state.limits_id,
        reason="equity is below its floor",
        until=START + SECOND + COOLDOWN,
    )
    assert driver.refused().rule == "halted"
    assert driver.restarted().refused() == driver.refused()


def test_drawdown_is_measured_from_the_highest_equity_there_ever_was() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01")))
    driver.price(200)  # the peak: 110,000
    assert halts(driver.price(189)) == []  # 108,900 is a hundredth below it
    (halt,) = halts(driver.price("188.9"))
    assert (halt.rule, halt.limit, halt.measured) == (
        "drawdown_max",
        exact("0.01"),
        exact("0.010090909"),
    )


def test_a_restart_does_not_forgive_the_peak() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01")))
    driver.price(200)
    driver.price(189)
    (halt,) = halts(driver.restarted().price("188.9"))
    assert halt.rule == "drawdown_max"


def test_every_kind_of_price_moves_the_breakers() -> None:
    for price in (bar(80), quote(80, 80), trade(80)):
        driver = held(RiskDriver(limits(drawdown_max="0.01")))
        (halt,) = halts(driver.tell(price))
        assert halt.measured == exact("0.02")


def test_the_price_of_what_is_not_held_moves_nothing() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01")))
    before = driver.state.breakers.equity
    driver.price(1, OTHER)
    assert driver.state.breakers.equity == before == 100_000


def test_a_lasting_breach_is_halted_again_at_most_once_per_cooldown() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01", breaker_cooldown=COOLDOWN)))
    told = [len(halts(driver.price(80, after=MINUTE))) for _ in range(12)]
    assert told == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]


def test_after_the_cooldown_entries_pass_again_once_the_breach_is_over() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01", price_age_max=HOUR)))
    driver.price(80)
    driver.price(100)
    assert driver.refused().rule == "halted", "recovered, but still cooling down"
    driver.tell(ClockTicked(), after=COOLDOWN - 1)
    assert driver.refused().rule == "halted"
    driver.tell(ClockTicked(), after=1)
    assert driver.passes()
    assert driver.restarted().passes()


def test_a_resume_lifts_the_halt_but_not_the_breach() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01")))
    driver.price(80)
    driver.tell(ResumeRequested("test", "story"))
    answer = driver.refused()
    assert (answer.rule, answer.limit, answer.measured, answer.limit_set_by) == (
        "drawdown_max",
        exact("0.01"),
        exact("0.02"),
        driver.state.limits_id,
    )
    assert halts(driver.price(80)) == [], "it was halted less than a cooldown ago"
    assert driver.restarted().refused() == answer


def test_a_resume_that_resets_counters_starts_a_new_peak() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01")))
    driver.price(80)
    assert driver.ask(ResumeRequested("test", "story", reset_counters=True)) == ResumeAcknowledged(
        resume_id=f"q{driver.story.count}"
    )
    assert driver.passes()
    assert halts(driver.price(70)), "98,000 is the new peak"


def test_deposits_and_withdrawals_are_no_gain_and_no_loss() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01")))
    assert halts(driver.tell(withdrawal(50_000))) == []
    assert driver.state.breakers.peak == 50_000
    driver.tell(deposit(50_000))
    assert driver.state.breakers.peak == 100_000
    assert halts(driver.price(89)), "the peak went along, and no further"


def test_another_reporting_currency_keeps_the_drawdown() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.02")))
    driver.price(90)
    driver.tell(CurrencyRateUpdated("USDT", "EUR", exact("0.5")), reporting("EUR"))
    assert (driver.state.breakers.equity, driver.state.breakers.peak) == (
        exact(49_500),
        exact(50_000),
    )


def test_limits_said_again_keep_the_peak_and_limits_without_the_rule_drop_it() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.5")))
    driver.price(200)
    driver.tell(limits(drawdown_max="0.5", order_notional_max=1))
    assert driver.state.breakers.peak == 110_000
    driver.tell(limits())
    assert driver.state.breakers.peak is None


def test_a_peak_that_resets_daily_starts_at_the_equity_of_midnight() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01", drawdown_resets_daily=True)))
    driver.price(200)
    driver.price(190, after=DAY - 1)
    assert driver.state.breakers.peak == 110_000
    driver.price(190, after=1)
    assert driver.state.breakers.peak == 109_000
    assert driver.restarted().state.breakers.peak == 109_000


def test_what_cannot_be_valued_refuses_entries_until_it_can() -> None:
    driver = held(RiskDriver(limits(drawdown_max="0.01")))
    driver.tell(deposit(1, "EUR"))
    assert driver.refused().rule == "known_price"
    driver.tell(CurrencyRateUpdated("EUR", "USDT", exact("1.1")))
    assert driver.passes()


def test_a_price_that_values_our_cash_moves_the_breakers_too() -> None:
    """Fees in another currency leave some of it owed; its price is part of the book."""
    driver = RiskDriver(limits(equity_floor=99_990))
    driver.tell(listed("BNBUSDT.PAPER", base="BNB"), bar(10, instrument="BNBUSDT.PAPER"))
    driver.tell(FeeCharged("ext", INSTRUMENT, exact(1), "BNB", "test", "story"))
    (halt,) = halts(driver.price(11, "BNBUSDT.PAPER"))
    assert halt.measured == 99_989


# --- The day -------------------------------------------------------------------------------------


def lose(driver: RiskDriver, number: Number) -> list[Event]:
    """Realise a loss: buy 1 and sell it so much lower."""
    driver.enter("buy", 1, 100)
    order = driver.approved("sell", 1)
    (child,) = driver.route(order)
    return driver.fill(child, 1, 100 - Decimal(str(number)))


def test_the_days_loss_may_reach_its_limit_and_beyond_it_shuts_the_book_until_midnight() -> None:
    driver = RiskDriver(limits(daily_loss_max=50))
    assert halts(lose(driver, 50)) == []
    (halt,) = halts(lose(driver, "0.01"))
    assert halt == HaltImposed(
        scope="close_only",
        rule="daily_loss_max",
        limit=exact(50),
        measured=exact("50.01"),
        limit_set_by=driver.state.limits_id,
        reason="the UTC day lost too much: realised - fees + funding",
        until=START + DAY,
    )
    assert driver.refused().rule == "halted"


def test_the_day_ends_at_midnight_utc_in_the_logs_time_also_after_a_restart() -> None:
    driver = RiskDriver(limits(daily_loss_max=50, price_age_max=2 * DAY))
    driver.tell(ClockTicked(), after=20 * HOUR)
    lose(driver, 51)
    for each in (driver, driver.restarted()):
        each.tell(ClockTicked(), after=4 * HOUR - 1)
        assert each.refused().rule == "halted"
        each.tell(ClockTicked(), after=1)
        assert each.passes()


def test_after_a_resume_the_lost_day_still_refuses() -> None:
    driver = RiskDriver(limits(daily_loss_max=50))
    lose(driver, 51)
    driver.tell(ResumeRequested("test", "story"))
    answer = driver.refused()
    assert (answer.rule, answer.measured) == ("daily_loss_max", exact(51))
    assert driver.restarted().refused() == answer
    driver.tell(ResumeRequested("test", "story", reset_counters=True))
    assert driver.passes()


def test_fees_and_funding_are_part_of_the_days_result() -> None:
    driver = RiskDriver()
    driver.tell(listed("BTCUSD.PAPER", kind="perpetual", quote="USDT"))
    driver.tell(limits(daily_loss_max=15), bar(100, instrument="BTCUSD.PAPER"))
    driver.enter("buy", 10, instrument="BTCUSD.PAPER")
    driver.tell(FeeCharged("ext", INSTRUMENT, exact(10), "USDT", "test", "story"))
    paid = FundingRatePublished("BTCUSD.PAPER", exact("0.005"), exact(100))
    assert halts(driver.tell(paid)) == []
    (halt,) = halts(driver.tell(paid))
    assert halt.measured == 20


def test_yesterdays_loss_is_not_todays() -> None:
    driver = RiskDriver(limits(daily_loss_max=50))
    lose(driver, 50)
    driver.price(100, after=DAY)
    assert halts(lose(driver, 50)) == []
    assert halts(lose(driver, 1))


def test_a_fill_that_comes_twice_is_lost_once() -> None:
    driver = RiskDriver(limits(daily_loss_max=50))
    driver.enter("buy", 1, 100)
    (child,) = driver.route(driver.approved("sell", 1))
    for _ in range(3):
        driver.fill(child, 1, 60, id="once")
    assert driver.state.breakers.day_result == -40


@pytest.mark.parametrize("rule", ["drawdown_max", "daily_loss_max"])
def test_a_breaker_may_be_told_to_flatten_and_does_so_once(rule: str) -> None:
    driver = RiskDriver(
        limits(**{rule: "0.01", "breaker_flattens": True, "breaker_cooldown": MINUTE})
    )
    driver.enter("sell", 100, strategy="bear", instrument=OTHER)
    held(driver)
    driver.tell(FeeCharged("ext", INSTRUMENT, exact(1), "USDT", "test", "story"))
    answers = driver.price(70) if rule == "drawdown_max" else _flattened_by_fee(rule)
    orders = [answer for answer in answers if isinstance(answer, OrderApproved)]
    assert [(o.strategy, o.side, o.quantity, o.reduce_only, o.purpose) for o in orders] == [
        ("bear", "buy", exact(100), True, "flatten"),
        ("ext", "sell", exact(100), True, "flatten"),
    ]
    assert len({order.order_id for order in orders}) == 2


def _flattened_by_fee(rule: str) -> list[Event]:
    driver = RiskDriver(limits(**{rule: "0.01", "breaker_flattens": True}))
    driver.enter("sell", 100, strategy="bear", instrument=OTHER)
    held(driver)
    return driver.tell(FeeCharged("ext", INSTRUMENT, exact(1), "USDT", "test", "story"))


def test_what_is_being_flattened_is_not_flattened_again_by_the_next_halt() -> None:
    rules = {"drawdown_max": "0.01", "breaker_flattens": True, "breaker_cooldown": MINUTE}
    driver = held(RiskDriver(limits(**rules)))
    first = driver.price(70)
    again = driver.price(70, after=MINUTE)
    assert [type(answer) for answer in first] == [HaltImposed, HaltAcknowledged, OrderApproved]
    assert [type(answer) for answer in again] == [HaltImposed, HaltAcknowledged]


# --- Slippage ------------------------------------------------------------------------------------


def slip(driver: RiskDriver, bps: Number, side: Any = "buy", **more: Any) -> list[Event]:
    """An entry filled so many basis points away from the undisturbed 100, to its worse."""
    (child,) = driver.route(driver.approved(side, "0.1", **more))
    away = Decimal(str(bps)) / 100
    return driver.fill(child, "0.1", 100 + away if side == "buy" else 100 - away, reference=100)


def test_the_median_slippage_of_entries_may_reach_its_limit_and_not_pass_it() -> None:
    driver = RiskDriver(limits(slippage_bps_max=10, slippage_samples=3))
    assert [halts(slip(driver, bps)) for bps in (500, 10, 0, 10)] == [[], [], [], []]
    assert halts(slip(driver, 11)) == []
    (halt,) = halts(slip(driver, 11, "sell", strategy="bear"))
    assert (halt.rule, halt.measured, halt.until) == ("slippage_bps_max", exact(11), None)
    assert halt.limit_set_by == driver.state.limits_id
    assert driver.refused().rule == "halted"
    assert driver.restarted().refused() == driver.refused()


def test_few_fills_prove_nothing() -> None:
    driver = RiskDriver(limits(slippage_bps_max=10, slippage_samples=3))
    assert halts(slip(driver, 900)) + halts(slip(driver, 900)) == []
    assert halts(slip(driver, 900))


def test_an_even_number_of_samples_has_its_median_in_the_middle() -> None:
    driver = RiskDriver(limits(slippage_bps_max=10, slippage_samples=2))
    slip(driver, 0)
    (halt,) = halts(slip(driver, 21))
    assert halt.measured == exact("10.5")


def test_the_slippage_halt_stays_until_a_resume_and_then_looks_at_new_fills_only() -> None:
    driver = RiskDriver(limits(slippage_bps_max=10, slippage_samples=2, price_age_max=10 * DAY))
    slip(driver, 20)
    slip(driver, 20)
    driver.tell(ClockTicked(), after=5 * DAY)
    assert driver.refused().rule == "halted"
    driver.tell(ResumeRequested("test", "story"))
    assert halts(slip(driver, 20)) == []
    assert halts(slip(driver, 20))


def test_exits_are_no_samples_of_slippage() -> None:
    driver = RiskDriver(limits(slippage_bps_max=10, slippage_samples=1))
    driver.enter("buy", 1)
    (child,) = driver.route(driver.approved("sell", 1))
    assert halts(driver.fill(child, 1, 90, reference=100)) == []


# --- Quarantine and venues -----------------------------------------------------------------------


def strike(driver: RiskDriver, after: int = 0, parts: int = 1) -> None:
    """An entry whose stop-loss is struck, filled in so many parts."""
    entry = driver.enter("buy", parts, stop_loss=90)
    stop = leg(entry, "stop_loss", parts, order=f"stop of {entry.order_id}", stop=90)
    driver.tell(stop, after=after)
    for part in range(parts):
        trade_id = f"{stop.order_id}/{part}"
        fill = filled("sell", 1, 90, order=stop.order_id, id=trade_id, leaves=parts - part - 1)
        driver.tell(fill)


def test_stops_within_the_window_quarantine_the_instrument_alone_and_for_a_while() -> None:
    rules = {"quarantine_window": HOUR, "quarantine_for": 4 * HOUR, "price_age_max": DAY}
    driver = RiskDriver(limits(quarantine_stops=2, **rules))
    strike(driver)
    strike(driver)
    assert driver.refused().rule == "quarantine"
    assert driver.passes(instrument=OTHER)
    assert driver.restarted().refused() == driver.refused()
    driver.tell(ClockTicked(), after=4 * HOUR - 1)
    assert driver.refused().rule == "quarantine"
    driver.tell(ClockTicked(), after=1)
    assert driver.passes()


def test_stops_further_apart_than_the_window_do_not_quarantine() -> None:
    driver = RiskDriver(limits(quarantine_stops=2, quarantine_window=HOUR, price_age_max=DAY))
    strike(driver)
    strike(driver, after=HOUR)
    assert driver.passes()


def test_one_stop_filled_in_parts_is_one_stop() -> None:
    driver = RiskDriver(limits(quarantine_stops=2))
    strike(driver, parts=5)
    assert driver.passes()


def fail(driver: RiskDriver, count: int, *, rule: str = "venue_failed") -> None:
    for _ in range(count):
        (child,) = driver.route(driver.approved("buy", "0.01"))
        driver.tell(rejected(child.order_id, rule))


def test_a_failing_venue_takes_no_entries_and_opens_by_itself() -> None:
    driver = RiskDriver(limits(venue_errors_max="0.5", venue_errors_samples=4))
    fail(driver, 4)
    answer = driver.refused()
    assert (answer.rule, answer.measured) == ("venue_errors_max", exact(1))
    assert driver.restarted().refused() == answer
    assert driver.passes(instrument=OTHER), "another venue works"
    driver.tell(ClockTicked(), after=MINUTE - 1)
    assert driver.refused().rule == "venue_errors_max"
    driver.tell(ClockTicked(), after=1)
    assert driver.passes(), "no result had to come for it to open"


def test_few_results_prove_nothing_about_a_venue() -> None:
    driver = RiskDriver(limits(venue_errors_max="0.5", venue_errors_samples=4))
    fail(driver, 3)
    assert driver.passes()


@pytest.mark.parametrize("rule", ["halted", "post_only_would_take", "reduce_only_without_position"])
def test_a_rejection_in_good_order_is_no_fault_of_the_venue(rule: str) -> None:
    driver = RiskDriver(limits(venue_errors_max="0.5", venue_errors_samples=2))
    fail(driver, 5, rule=rule)
    assert driver.passes()


def test_an_unknown_outcome_is_a_fault_and_an_acceptance_is_none() -> None:
    driver = RiskDriver(limits(venue_errors_max="0.5", venue_errors_samples=2))
    for report in (accepted, unknown):
        (child,) = driver.route(driver.approved("buy", "0.01"))
        driver.tell(report(child.order_id))
    assert driver.passes()
    (child,) = driver.route(driver.approved("buy", "0.01"))
    driver.tell(unknown(child.order_id))
    assert driver.refused().measured == exact("0.666666667")


def test_a_cancel_that_the_venue_leaves_unanswered_is_a_fault() -> None:
    driver = RiskDriver(limits(venue_errors_max="0.5", venue_errors_samples=2))
    (child,) = driver.route(driver.approved("buy", "0.01"))
    driver.tell(accepted(child.order_id))
    for _ in range(2):
        driver.tell(venue_samples.unanswered(child.order_id, "cancel"))
    assert driver.refused().measured == exact("0.666666667")
