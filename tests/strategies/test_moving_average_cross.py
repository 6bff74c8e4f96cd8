"""Moving-average cross: when it wishes, what it wishes, and that its averages are exact."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deadreckon.contracts.event import Event
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.services.signal import decider as signal
from deadreckon.strategies.builtin.moving_average_cross import (
    MovingAverageCross,
    MovingAverageParameters,
    MovingAverageState,
)
from tests.stories import HOUR, INSTRUMENT, MINUTE, SECOND, START, Number, at, bar, filled, strategy
from tests.support.driver import DeciderDriver, SettlingDriver

# Over windows of 1 and 2 a rise of the close is "above" and a fall "below": short stories.
QUICK: dict[str, Any] = {"fast": 1, "slow": 2, "cooldown_seconds": 0}


def story(**parameters: Number | bool) -> DeciderDriver:
    told = SettlingDriver(signal, "signal")
    told.tell(strategy(**(QUICK | parameters)))
    return told


def closes(told: DeciderDriver, *prices: Number) -> list[SignalRaised]:
    """A bar a minute; what was wished over them."""
    sent_signals = told.tell(*(bar(price) for price in prices), after=MINUTE)
    return [trade_signal for trade_signal in sent_signals if isinstance(trade_signal, SignalRaised)]


def words(sent_signals: list[SignalRaised]) -> list[str]:
    return [
        f"exit {w.side} {w.quantity}" if w.reduce_only else f"enter {w.side}" for w in sent_signals
    ]


def told_of_fill(told: DeciderDriver, side: Any, quantity: Number, id: str = "t1") -> list[Event]:
    return told.tell(filled(side, quantity, 100, id=id, strategy="cross"))


# --- Crosses -------------------------------------------------------------------------------------


def test_an_entry_says_its_size_and_all_it_was_decided_on() -> None:
    told = SettlingDriver(signal, "signal")
    told.tell(strategy(fast=2, slow=3, cooldown_seconds=0, confidence_scale=10, notional=2_500))
    (trade_signal,) = closes(told, 100, 100, 99, 104)
    assert trade_signal == SignalRaised(
        signal_id=trade_signal.signal_id,
        producer="",
        strategy="cross",
        instrument=INSTRUMENT,
        side="buy",
        quantity=None,
        notional=Decimal(2_500),
        confidence=Decimal("0.048076923"),  # (101.5 - 101) / 104 x 10
        claimed_at=told.now,
        expires_at=told.now + 3 * MINUTE,
        model_id="moving_average_cross/2/3",
        features={"fast": "101.5", "slow": "101", "price": "104"},
    )


def test_nothing_is_wished_before_the_slow_window_is_full() -> None:
    told = story(fast=1, slow=4)
    assert closes(told, 100, 90, 110) == []
    assert closes(told, 80) == []  # full: the averages stand somewhere, but have not crossed
    assert words(closes(told, 120)) == ["enter buy"]


def test_each_cross_enters_its_side() -> None:
    assert words(closes(story(), 100, 99, 101, 102, 98)) == ["enter buy", "enter sell"]


def test_averages_that_only_touch_have_not_crossed() -> None:
    assert closes(story(), 100, 101, 101, 102) == []


def test_a_cross_by_way_of_a_touch_is_a_cross() -> None:
    assert words(closes(story(), 100, 101, 101, 100)) == ["enter sell"]


def test_a_gap_in_the_bars_changes_nothing() -> None:
    told = story()
    closes(told, 100, 99)
    told.now += 5 * HOUR
    assert words(closes(told, 101)) == ["enter buy"]


def test_bars_of_another_instrument_or_length_are_not_looked_at() -> None:
    told = story(bar_seconds=60)
    closes(told, 100, 99)
    assert told.tell(bar(150, instrument="ETHUSDT.PAPER"), bar(150, interval=HOUR)) == []
    assert words(closes(told, 101)) == ["enter buy"]


def test_a_price_of_zero_wishes_nothing() -> None:
    assert closes(story(), 100, 101, 0) == []


# --- Confidence and cooldown ---------------------------------------------------------------------


def test_a_cross_below_the_least_confidence_is_passed_over_and_one_at_it_is_not() -> None:
    # fast 100, slow 99.5, price 100: confidence 0.005 x scale
    scale = {"confidence_scale": 10}
    assert closes(story(**scale, confidence_min="0.050000001"), 100, 99, 100) == []
    assert words(closes(story(**scale, confidence_min="0.05"), 100, 99, 100)) == ["enter buy"]


def test_confidence_is_at_most_one() -> None:
    (trade_signal,) = closes(story(confidence_scale=1_000_000), 100, 99, 101)
    assert trade_signal.confidence == 1


def test_a_cross_within_the_cooldown_is_passed_over_and_one_at_its_end_is_not() -> None:
    told = story(cooldown_seconds=120)
    assert words(closes(told, 100, 99, 101, 99)) == ["enter buy"]
    assert words(closes(told, 101)) == ["enter buy"]


def test_a_cooldown_passes_in_the_time_of_the_log_across_a_restart() -> None:
    told = story(cooldown_seconds=120)
    closes(told, 100, 99, 101)
    after = told.restarted(signal)
    assert closes(after, 99) == []
    assert words(closes(after, 101)) == ["enter buy"]


# --- Exits ---------------------------------------------------------------------------------------


def test_a_cross_against_what_it_holds_leaves_first_and_then_enters() -> None:
    told = story()
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", "0.25")
    leaving, entering = closes(told, 100)
    assert words([leaving, entering]) == ["exit sell 0.25", "enter sell"]
    assert leaving.confidence is None  # a least confidence must not keep anyone from leaving
    assert leaving.signal_id != entering.signal_id


def test_a_short_is_left_by_buying_it_back() -> None:
    told = story()
    closes(told, 100, 101, 99)
    told_of_fill(told, "sell", 2)
    assert words(closes(told, 100)) == ["exit buy 2", "enter buy"]


def test_neither_cooldown_nor_confidence_keeps_it_from_leaving() -> None:
    told = story(cooldown_seconds=600, confidence_min=1, confidence_scale=100)
    closes(told, 100, 90, 101)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, "100.99")) == ["exit sell 1"]


def test_a_fill_that_comes_after_the_cross_against_it_is_left_at_the_next_bar() -> None:
    told = story()
    closes(told, 100, 99, 101, 100)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 99)) == ["exit sell 1"]


def test_an_exit_that_does_not_happen_is_wished_again_after_its_pause() -> None:
    told = story(exit_retry_seconds=180)
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 100)) == ["exit sell 1", "enter sell"]
    assert closes(told, 99, 98) == []
    told_of_fill(told, "sell", "0.4", id="t2")
    assert words(closes(told, 97)) == ["exit sell 0.6"]


def test_the_pause_ends_with_the_position_it_was_for() -> None:
    told = story(exit_retry_seconds=3_600, reverse=False)
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 100)) == ["exit sell 1"]
    told_of_fill(told, "sell", 1, id="t2")
    told_of_fill(told, "buy", 3, id="t3")
    assert words(closes(told, 99)) == ["exit sell 3"]


def test_while_an_exit_is_on_its_way_the_other_side_is_not_entered() -> None:
    told = story(exit_retry_seconds=3_600)
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 100)) == ["exit sell 1", "enter sell"]
    assert words(closes(told, 101, 100)) == []


def test_what_is_held_is_not_added_to() -> None:
    told = story()
    closes(told, 100, 101)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 100)) == ["exit sell 1", "enter sell"]
    assert closes(told, 101) == []


def test_without_reverse_it_only_leaves() -> None:
    told = story(reverse=False)
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 100)) == ["exit sell 1"]


def test_long_only_leaves_on_a_cross_down_and_never_enters_on_it() -> None:
    told = story(long_only=True)
    assert closes(told, 100, 101, 100) == []
    assert words(closes(told, 101)) == ["enter buy"]
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 100)) == ["exit sell 1"]


def test_with_bracket_exits_a_cross_neither_leaves_nor_enters_while_it_holds() -> None:
    told = story(exit="bracket", stop_loss_bps=50)
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", 1)
    assert closes(told, 100, 101) == []
    told_of_fill(told, "sell", 1, id="stop")
    assert words(closes(told, 100)) == ["enter sell"]


def test_a_fill_told_twice_counts_once() -> None:
    told = story()
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", 1)
    told_of_fill(told, "buy", 1)
    assert words(closes(told, 100)) == ["exit sell 1", "enter sell"]


def test_fills_of_others_are_not_its_own() -> None:
    told = story()
    closes(told, 100, 99, 101)
    told.tell(filled("buy", 1, 100, strategy="ext"))
    told.tell(filled("buy", 1, 100, id="t2", strategy="cross", instrument="ETHUSDT.PAPER"))
    assert words(closes(told, 100)) == ["enter sell"]


# --- What is attached ----------------------------------------------------------------------------


def test_brackets_stand_the_given_basis_points_from_the_close_on_either_side() -> None:
    told = story(stop_loss_bps=50, take_profit_bps="75.5")
    up, down = closes(told, 100, 99, "100.01", 99)
    assert (up.stop_loss, up.take_profit) == (Decimal("99.50995"), Decimal("100.7650755"))
    assert (down.stop_loss, down.take_profit) == (Decimal("99.495"), Decimal("98.25255"))


def test_an_entry_ages_when_told_so() -> None:
    told = story(ttl_seconds=90)
    (trade_signal,) = closes(told, 100, 99, 101)
    assert trade_signal.expires_at == told.now + 90 * SECOND


def test_two_strategies_wish_at_the_same_bar_in_the_order_they_were_configured() -> None:
    told = story()
    told.tell(strategy(name="another", **QUICK))
    sent_signals = closes(told, 100, 99, 101)
    assert [trade_signal.strategy for trade_signal in sent_signals] == ["cross", "another"]
    assert len({trade_signal.signal_id for trade_signal in sent_signals}) == 2


def test_ids_of_wishes_differ_even_where_ids_of_bars_differ_late() -> None:
    told = story()
    bars = [
        at(bar(price), START + n * MINUTE, id=f"{'0' * 31}{n}")
        for n, price in enumerate((100, 99, 101, 99, 101))
    ]
    sent_signals = [
        trade_signal for trade_signal in told.tell(*bars) if isinstance(trade_signal, SignalRaised)
    ]
    assert len({trade_signal.signal_id for trade_signal in sent_signals}) == 3


# --- Configuration -------------------------------------------------------------------------------


def test_without_a_configuration_nothing_is_wished() -> None:
    assert closes(SettlingDriver(signal, "signal"), 100, 99, 101) == []


def test_a_disabled_strategy_is_silent_and_knows_the_market_when_it_is_enabled() -> None:
    told = story()
    closes(told, 100, 99)
    told.tell(strategy(enabled=False, **QUICK))
    told_of_fill(told, "buy", 1)
    assert closes(told, 101, 100) == []
    told.tell(strategy(**QUICK))
    assert words(closes(told, 101, 100)) == ["exit sell 1", "enter sell"]


def test_new_windows_take_over_the_closes_and_are_no_cross_themselves() -> None:
    told = story(fast=2, slow=4)
    closes(told, 100, 110, 120, 112)  # 116 against 110.5: above
    told.tell(strategy(**QUICK))  # 112 against 116: below, without having crossed
    assert closes(told, 111) == []
    assert words(closes(told, 113)) == ["enter buy"]


def test_a_cooldown_outlasts_a_new_configuration() -> None:
    told = story(cooldown_seconds=600)
    closes(told, 100, 99, 101)
    told.tell(strategy(**QUICK | {"cooldown_seconds": 240}))
    assert closes(told, 99, 101, 99) == []
    assert words(closes(told, 101)) == ["enter buy"]


def test_the_same_configuration_again_changes_nothing() -> None:
    told = story()
    closes(told, 100, 99, 99)
    before = msgspec.json.encode(told.state)
    told.tell(strategy(**QUICK))
    assert msgspec.json.encode(told.state) == before


def test_another_instrument_starts_with_an_empty_window() -> None:
    told = story()
    closes(told, 100, 99)
    told.tell(strategy(instrument="ETHUSDT.PAPER", **QUICK))
    assert told.tell(bar(50, instrument="ETHUSDT.PAPER"), bar(60, instrument="ETHUSDT.PAPER")) == []


def test_an_unknown_kind_is_refused_by_name() -> None:
    (refused,) = SettlingDriver(signal, "signal").tell(strategy("grid"))
    assert isinstance(refused, SignalRefused)
    assert (refused.rule, refused.strategy, refused.signal_id) == (
        "unknown_strategy_kind",
        "cross",
        "",
    )
    assert "'grid'" in refused.reason


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"fsat": 5}, "fsat"),
        ({"fast": 21}, "fast"),
        ({"fast": 0}, "fast"),
        ({"fast": "nine"}, "fast"),
        ({"slow": "21.5"}, "slow"),
        ({"slow": 20_001}, "slow"),
        ({"cooldown_seconds": -1}, "cooldown_seconds"),
        ({"confidence_min": "1.1"}, "confidence_min"),
        ({"confidence_min": "nan"}, "confidence_min"),
        ({"confidence_scale": 0}, "confidence_scale"),
        ({"stop_loss_bps": 10_000}, "stop_loss_bps"),
        ({"take_profit_bps": "-5"}, "take_profit_bps"),
        ({"long_only": "perhaps"}, "long_only"),
        ({"exit": "never"}, "exit"),
        ({"exit": "bracket"}, "stop_loss_bps"),
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"notional": 0}, "notional"),
    ],
)
def test_a_bad_parameter_is_refused_by_name_and_the_strategy_is_off(
    parameters: dict[str, Any], named: str
) -> None:
    told = story()
    closes(told, 100, 99)
    (refused,) = told.tell(strategy(**parameters))
    assert isinstance(refused, SignalRefused)
    assert refused.rule == "bad_parameter"
    assert named in refused.reason
    assert closes(told, 101, 99, 101) == []


def test_a_kind_among_the_parameters_is_refused_too() -> None:
    (refused,) = SettlingDriver(signal, "signal").tell(
        replace(strategy(), parameters={"kind": "hmm_regime"})
    )
    assert isinstance(refused, SignalRefused)
    assert refused.rule == "bad_parameter"


def test_a_strategy_put_right_still_knows_what_it_holds() -> None:
    told = story()
    closes(told, 100, 99, 101)
    told_of_fill(told, "buy", 1)
    told.tell(strategy(fast=0), strategy(**QUICK))
    assert words(closes(told, 100, 101, 100)) == ["exit sell 1", "enter sell"]


# --- Restart and exactness -----------------------------------------------------------------------

prices = st.decimals("0.0001", "1000000", places=4)


@given(st.lists(prices, min_size=30, max_size=60), st.integers(0, 59))
def test_a_restart_in_the_middle_changes_neither_state_nor_wishes(
    path: list[Decimal], cut: int
) -> None:
    told = story(fast=3, slow=7, cooldown_seconds=180)
    closes(told, *path[:cut])
    told_of_fill(told, "buy", "0.5")
    again = told.restarted(signal)
    stored = msgspec.json.encode(told.state, order="deterministic")
    assert msgspec.json.encode(again.state, order="deterministic") == stored
    again.runner.resume(msgspec.json.decode(stored, type=signal.State))
    assert closes(again, *path[cut:]) == closes(told, *path[cut:])


# As long as an amount from outside may be: 15 digits before the point and 18 behind it.
longest = st.decimals("0.000000000000000001", "999999999999999", places=18)


@given(st.lists(longest, min_size=1, max_size=80), st.integers(1, 8), st.integers(1, 20))
def test_averages_moved_bar_by_bar_equal_those_computed_anew(
    path: list[Decimal], fast: int, further: int
) -> None:
    slow = fast + further
    averages, cross = MovingAverageState(), MovingAverageCross()
    windows = MovingAverageParameters(fast=fast, slow=slow)
    before = 0
    for n, close in enumerate(path, start=1):
        averages = cross.evolve(averages, windows, at(bar(close)))
        seen = [Fraction(price) for price in path[:n]]
        assert Fraction(averages.fast_sum) == sum(seen[-fast:])
        assert Fraction(averages.slow_sum) == sum(seen[-slow:])
        assert len(averages.closes) == min(n, slow)
        gap = sum(seen[-fast:]) / fast - sum(seen[-slow:]) / slow if n >= slow else 0
        sign = (gap > 0) - (gap < 0)
        assert averages.crossed == (sign * before < 0)
        before = sign or before
        assert averages.side == before
