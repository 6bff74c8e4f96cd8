"""Hidden-Markov regimes: features and filter to the digit, no look-ahead, and what is wished."""

import math
import random
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.models.hmm import features, forward_filter
from deadreckon.models.hmm.features import DRIFT_BARS, SCALE, FeatureWindow
from deadreckon.services.signal import decider as signal
from deadreckon.strategies.builtin.hmm_regime import RegimeState, probability
from tests.stories import INSTRUMENT, MINUTE, Number, bar, filled, strategy
from tests.support.driver import DeciderDriver, SettlingDriver

BILLION = 1_000_000_000


def fitted(**changes: Any) -> RegimeModelFitted:
    """Chop, bull and bear told apart by the last return alone: 0, +10 and -10 basis points."""
    model = RegimeModelFitted(
        model_id="m1",
        strategy="regime",
        instrument=INSTRUMENT,
        states=3,
        labels=["chop", "bull", "bear"],
        features=features.NAMES,
        feature_mean=[0, 0, 0],
        feature_scale=[1_000_000, BILLION, BILLION],
        start=[BILLION, 0, 0],
        transition=[
            [900_000_000, 50_000_000, 50_000_000],
            [100_000_000, 890_000_000, 10_000_000],
            [100_000_000, 10_000_000, 890_000_000],
        ],
        means=[[0, 0, 0], [BILLION, 0, 0], [-BILLION, 0, 0]],
        variances=[[250_000_000, BILLION, BILLION]] * 3,
        log_likelihood=0,
        seed=0,
        seeds=1,
        samples=1_440,
        window_from=0,
        window_to=1,
    )
    return replace(model, **changes)


def path(*moves: int, start: int = 10_000) -> list[Decimal]:
    """Closes that move by basis points, each of the one before."""
    prices = [Decimal(start)]
    for move in moves:
        prices.append(round(prices[-1] * (10_000 + move) / 10_000, 6))
    return prices


def story(*, model: RegimeModelFitted | None = None, **parameters: Any) -> DeciderDriver:
    """A strategy that has seen a quiet market for as long as features need, then got its model."""
    told = SettlingDriver(signal, "signal")
    quick: dict[str, Any] = {"cooldown_seconds": 60}
    told.tell(strategy("hmm_regime", name="regime", **(quick | parameters)))
    moves(told, *[0] * 40)
    told.tell(model or fitted())
    return told


def moves(told: DeciderDriver, *basis_points: int) -> list[SignalRaised]:
    """A bar a minute, each moving the price; what was wished over them."""
    sent_signals: list[SignalRaised] = []
    for move in basis_points:
        price = round(memory(told).window.close or Decimal(10_000), 6)
        answers = told.tell(bar(round(price * (10_000 + move) / 10_000, 6)), after=MINUTE)
        sent_signals += [
            trade_signal for trade_signal in answers if isinstance(trade_signal, SignalRaised)
        ]
    return sent_signals


def memory(told: DeciderDriver) -> RegimeState:
    instance = told.state.strategies["regime"]
    found = instance.memory
    assert isinstance(found, RegimeState)
    return found


def words(sent_signals: list[SignalRaised]) -> list[str]:
    return [
        f"exit {w.side} {w.quantity}" if w.reduce_only else f"enter {w.side}" for w in sent_signals
    ]


def own(told: DeciderDriver, side: Any, quantity: Number, id: str) -> None:
    told.tell(filled(side, quantity, 100, id=id, strategy="regime"))


# --- Features ------------------------------------------------------------------------------------


def vectors(closes: list[Decimal]) -> list[list[int] | None]:
    tail = FeatureWindow()
    return [features.advance(tail, close) for close in closes]


def test_features_begin_once_the_longest_of_them_has_its_bars() -> None:
    seen = vectors(path(*[1, -1] * DRIFT_BARS))
    assert seen[:DRIFT_BARS] == [None] * DRIFT_BARS
    assert all(vector is not None for vector in seen[DRIFT_BARS:])


def test_features_of_a_steady_rise_are_known_by_hand() -> None:
    return_ = round(math.log(1.001) * SCALE)
    assert vectors(path(*[10] * 31))[-1] == [return_, return_, round(math.sqrt(30) * SCALE)]


def test_features_of_a_standstill_are_zero() -> None:
    assert vectors(path(*[0] * 31))[-1] == [0, 0, 0]


@given(st.lists(st.integers(-300, 300), min_size=40, max_size=60))
def test_features_equal_a_plain_computation_in_floats(moves_made: list[int]) -> None:
    closes = path(*moves_made)
    returns = [math.log(float(b) / float(a)) for a, b in pairwise(closes)]
    vector = vectors(closes)[-1]
    assert vector is not None
    volatility = math.sqrt(sum(change**2 for change in returns[-20:]) / 20)
    noise = math.sqrt(sum(change**2 for change in returns[-30:]))
    drift = sum(returns[-30:]) / noise if noise else 0.0
    assert vector[0] == pytest.approx(returns[-1] * SCALE, abs=1)
    assert vector[1] == pytest.approx(volatility * SCALE, abs=2)
    assert vector[2] == pytest.approx(drift * SCALE, rel=1e-3, abs=1e6)


def test_a_close_that_is_not_positive_starts_the_features_anew() -> None:
    closes = [*path(*[1] * 31), Decimal(0), *path(*[1] * 31)]
    seen = vectors(closes)
    assert seen[31] is not None
    assert seen[32 : 33 + DRIFT_BARS] == [None] * (DRIFT_BARS + 1)
    assert seen[33 + DRIFT_BARS] is not None


# --- The filter ----------------------------------------------------------------------------------


def random_model(chance: random.Random, states: int) -> RegimeModelFitted:
    def share() -> list[int]:
        cuts = [chance.randint(1, 100) for _ in range(states)]
        return [cut * BILLION // sum(cuts) for cut in cuts]

    def spread(low: int, high: int) -> list[list[int]]:
        return [[chance.randint(low, high) for _ in range(3)] for _ in range(states)]

    return fitted(
        states=states,
        labels=[chance.choice(["bull", "bear", "chop"]) for _ in range(states)],
        start=share(),
        transition=[share() for _ in range(states)],
        feature_mean=[chance.randint(-1_000_000, 1_000_000) for _ in range(3)],
        feature_scale=[chance.randint(100_000, BILLION) for _ in range(3)],
        means=spread(-2 * BILLION, 2 * BILLION),
        variances=spread(20_000_000, 3 * BILLION),
    )


def filtered_in_floats(model: RegimeModelFitted, rows: list[list[int]]) -> list[float]:
    """The forward filter as textbooks have it, in floats and without any rounding."""
    means, variances = numpy.array(model.means) / SCALE, numpy.array(model.variances) / SCALE
    belief = numpy.array(model.start) / SCALE
    for row in rows:
        standard = (numpy.array(row) - model.feature_mean) / numpy.array(model.feature_scale)
        logs = -0.5 * (numpy.log(variances) + (standard - means) ** 2 / variances).sum(axis=1)
        belief = belief @ (numpy.array(model.transition) / SCALE) * numpy.exp(logs - logs.max())
        belief /= belief.sum()
    return [float(share) for share in belief]


def filtered(model: RegimeModelFitted, rows: list[list[int]]) -> list[int]:
    belief, constants = model.start, forward_filter.norms(model)
    for row in rows:
        belief = forward_filter.step(model, constants, belief, row)
    return belief


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_the_filter_equals_the_textbook_within_a_millionth(seed: int, states: int) -> None:
    chance = random.Random(seed)
    model = random_model(chance, states)
    rows = [
        [
            mean + round(chance.gauss(0, 1) * scale)
            for mean, scale in zip(model.feature_mean, model.feature_scale, strict=True)
        ]
        for _ in range(60)
    ]
    belief = filtered(model, rows)
    assert abs(sum(belief) - SCALE) <= states
    expected = filtered_in_floats(model, rows)
    assert [share / SCALE for share in belief] == pytest.approx(expected, abs=1e-6)


def test_a_bar_beyond_all_expectation_still_leaves_a_belief() -> None:
    belief = filtered(fitted(), [[10**12, 0, 0]])
    assert belief == [0, SCALE, 0]  # the likeliest of three impossibilities


def test_a_state_that_cannot_be_reached_stays_out_of_the_belief() -> None:
    sure = [[BILLION, 0, 0], [0, BILLION, 0], [0, 0, BILLION]]
    belief = filtered(fitted(transition=sure), [[100_000_000, 0, 0]] * 5)
    assert belief == [SCALE, 0, 0]


def test_a_belief_is_the_same_on_every_machine() -> None:
    chance = random.Random(7)
    model = random_model(chance, 3)
    rows = [[chance.randint(-SCALE, SCALE) for _ in range(3)] for _ in range(200)]
    # Recorded once. Nothing here is a float, so no platform, thread or library may change a digit.
    assert filtered(model, rows[:3]) == [988387490, 0, 11612510]
    assert filtered(model, rows) == [726653090, 0, 273346910]


@pytest.mark.slow
def test_the_filter_equals_the_last_step_of_hmmlearn() -> None:
    """Smoothed and filtered probabilities are one at the last sample, and nowhere before."""
    from hmmlearn.hmm import GaussianHMM

    chance = random.Random(3)
    model = random_model(chance, 3)
    peer = GaussianHMM(3, "diag")
    peer.n_features = 3
    # What hmmlearn starts with is the state of the first bar; ours is that of the bar before.
    peer.startprob_ = numpy.array(model.start) @ (numpy.array(model.transition) / SCALE)
    peer.startprob_ /= peer.startprob_.sum()
    peer.transmat_ = (
        numpy.array(model.transition) / numpy.array(model.transition).sum(axis=1)[:, None]
    )
    peer.means_, peer.covars_ = (
        numpy.array(model.means) / SCALE,
        numpy.array(model.variances) / SCALE,
    )
    rows = [
        [
            m + round(chance.gauss(0, 1) * s)
            for m, s in zip(model.feature_mean, model.feature_scale, strict=True)
        ]
        for _ in range(120)
    ]
    standard = (numpy.array(rows) - model.feature_mean) / numpy.array(model.feature_scale)
    for length in (1, 2, 30, 77, 120):
        last = peer.predict_proba(standard[:length])[-1]
        belief = [share / SCALE for share in filtered(model, rows[:length])]
        assert belief == pytest.approx(last.tolist(), abs=1e-6)
    smoothed = peer.predict_proba(standard)[76]
    early = [share / SCALE for share in filtered(model, rows[:77])]
    assert early != pytest.approx(smoothed.tolist(), abs=1e-6)


def test_a_belief_knows_nothing_of_bars_to_come() -> None:
    chance = random.Random(11)
    tape = [chance.randint(-15, 15) for _ in range(80)]
    whole = story()
    beliefs = []
    for move in tape:
        moves(whole, move)
        beliefs.append(memory(whole).belief)
    for length in (1, 17, 50):
        prefix = story()
        moves(prefix, *tape[:length])
        assert memory(prefix).belief == beliefs[length - 1]


# --- What is wished ------------------------------------------------------------------------------


def test_without_a_model_nothing_is_wished() -> None:
    told = SettlingDriver(signal, "signal")
    told.tell(strategy("hmm_regime", name="regime"))
    assert moves(told, *[10] * 60) == []


def test_a_likely_bull_is_entered_with_its_probabilities_on_record() -> None:
    told = story(notional=2_500)
    (trade_signal,) = moves(told, 10, 10, 10)[:1]
    shares = {name: Decimal(text) for name, text in trade_signal.features.items()}
    assert list(shares) == ["bull", "bear", "chop"]
    assert trade_signal.side == "buy"
    assert trade_signal.notional == 2_500
    assert trade_signal.model_id == "m1"
    assert trade_signal.confidence == shares["bull"] >= Decimal("0.6")
    assert sum(shares.values()) == pytest.approx(1, abs=Decimal("0.000000003"))


def test_a_likely_bear_is_entered_short_unless_long_only() -> None:
    assert words(moves(story(), -10, -10))[:1] == ["enter sell"]
    assert moves(story(long_only=True), -10, -10, -10) == []


def test_a_probability_at_the_threshold_enters_and_one_below_it_does_not() -> None:
    told = story()
    moves(told, 10)
    bull = memory(told).belief[1]
    just = Decimal(bull).scaleb(-9)
    assert words(moves(story(enter=just, leave="0.1"), 10)) == ["enter buy"]
    assert moves(story(enter=just + Decimal("0.000000001"), leave="0.1"), 10) == []


def test_states_of_one_label_count_together() -> None:
    two_bulls = fitted(
        labels=["bull", "bull", "bear"], transition=[[450_000_000, 450_000_000, 100_000_000]] * 3
    )
    (trade_signal, *_) = moves(story(model=two_bulls, enter="0.95"), 5)
    assert trade_signal.confidence is not None
    assert trade_signal.confidence > Decimal("0.95")


def test_it_leaves_when_the_probability_of_its_side_falls_below_the_threshold() -> None:
    told = story(cooldown_seconds=3_600)
    assert words(moves(told, 10, 10)) == ["enter buy"]
    own(told, "buy", "0.5", "t1")
    assert moves(told, 10) == []
    (trade_signal,) = moves(told, 0, 0)[:1]
    assert words([trade_signal]) == ["exit sell 0.5"]
    assert Decimal(trade_signal.features["bull"]) < Decimal("0.4")
    assert trade_signal.confidence is None


def test_a_short_is_left_when_the_bear_fades_and_not_before() -> None:
    told = story(cooldown_seconds=3_600)
    (trade_signal,) = moves(told, -10, -10)
    assert (
        str(trade_signal.confidence)
        == trade_signal.features["bear"]
        > trade_signal.features["bull"]
    )
    own(told, "sell", 2, "t1")
    assert moves(told, -10) == []
    assert words(moves(told, 0, 0)[:1]) == ["exit buy 2"]


def test_a_bar_without_features_wishes_nothing() -> None:
    told = story()
    moves(told, 10)
    assert memory(told).belief[1] < Decimal("0.6") * SCALE
    assert words(moves(told, 10)) == ["enter buy"]
    assert told.tell(bar(0), after=MINUTE) == []


def test_a_turn_of_the_regime_leaves_and_enters_the_other_side() -> None:
    told = story()
    moves(told, 10, 10)
    own(told, "buy", 1, "t1")
    assert words(moves(told, -20)) == ["exit sell 1", "enter sell"]


def test_the_cooldown_passes_in_the_time_of_the_log() -> None:
    told = story(cooldown_seconds=180)
    assert words(moves(told, 10, 10)) == ["enter buy"]
    entered = told.state.strategies["regime"].entered_at
    assert words(moves(told, 10, 10, 10)) == ["enter buy"]
    assert told.state.strategies["regime"].entered_at == entered + 180 * BILLION


# --- Models --------------------------------------------------------------------------------------


def test_a_model_is_used_from_the_bar_after_it() -> None:
    told = story()
    assert memory(told).belief == fitted().start
    moves(told, 10)
    returns = memory(told).window.returns
    noise = math.isqrt(sum(change**2 for change in returns[-20:]) // 20)
    vector = [returns[-1], noise, BILLION]  # a single move is all the noise there is
    assert memory(told).belief == filtered(fitted(), [vector])


def test_a_new_model_takes_over_with_its_own_belief() -> None:
    told = story()
    moves(told, 10, 10)
    told.tell(fitted(model_id="m2", start=[0, 0, BILLION]))
    assert memory(told).belief == [0, 0, BILLION]
    assert moves(told, -10)[0].model_id == "m2"


def test_a_model_on_other_features_is_refused_and_the_one_in_force_stays() -> None:
    told = story()
    (refused,) = told.tell(fitted(model_id="m2", features=["return", "volume_spike"]))
    assert isinstance(refused, SignalRefused)
    assert (refused.rule, refused.strategy) == ("unusable_model", "regime")
    assert "volume_spike" in refused.reason
    assert moves(told, 10, 10)[0].model_id == "m1"


def test_a_model_of_another_strategy_or_instrument_is_not_its_own() -> None:
    told = story()
    assert told.tell(fitted(model_id="m2", strategy="other")) == []
    assert told.tell(fitted(model_id="m3", instrument="ETHUSDT.PAPER")) == []
    assert moves(told, 10, 10)[0].model_id == "m1"


def test_new_parameters_keep_the_model_and_the_belief() -> None:
    told = story()
    moves(told, 10)
    belief = memory(told).belief
    told.tell(strategy("hmm_regime", name="regime", enter="0.99", cooldown_seconds=60))
    assert memory(told).belief == belief
    assert moves(told, 10) == []
    assert Decimal("0.6") * SCALE < memory(told).belief[1] < Decimal("0.99") * SCALE


def test_a_strategy_that_changes_its_kind_starts_anew() -> None:
    told = story()
    told.tell(strategy(name="regime", fast=1, slow=2))
    told.tell(strategy("hmm_regime", name="regime"))
    assert memory(told).model is None


@given(st.lists(st.integers(-15, 15), min_size=10, max_size=40), st.integers(0, 40))
def test_a_restart_in_the_middle_changes_neither_state_nor_wishes(
    tape: list[int], cut: int
) -> None:
    told = story()
    moves(told, *tape[:cut])
    own(told, "buy", "0.5", "t1")
    again = told.restarted(signal)
    stored = msgspec.json.encode(told.state, order="deterministic")
    assert msgspec.json.encode(again.state, order="deterministic") == stored
    again.runner.resume(msgspec.json.decode(stored, type=signal.State))
    assert moves(again, *tape[cut:]) == moves(told, *tape[cut:])


def test_state_does_not_grow_with_the_tape() -> None:
    told = story()
    sizes = set()
    for _ in range(3):
        moves(told, *[3, -3] * 50)
        sizes.add(len(memory(told).window.returns))
    assert sizes == {DRIFT_BARS}


def test_the_decider_needs_no_library_of_models() -> None:
    code = (
        "import sys; import deadreckon.services.signal.decider;"
        "sys.exit(bool({'hmmlearn', 'sklearn', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"enter": "1.1"}, "enter"),
        ({"enter": "0.5", "leave": "0.6"}, "leave"),
        ({"window": 99}, "window"),
        ({"states": 1}, "states"),
        ({"seeds": 0}, "seeds"),
        ({"iterations": 0}, "iterations"),
        ({"refit_every": 0}, "refit_every"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(parameters: dict[str, Any], named: str) -> None:
    (refused,) = SettlingDriver(signal, "signal").tell(strategy("hmm_regime", **parameters))
    assert isinstance(refused, SignalRefused)
    assert refused.rule == "bad_parameter"
    assert named in refused.reason


def test_a_threshold_out_of_bounds_is_refused_in_the_words_of_0_1_0() -> None:
    (refused,) = SettlingDriver(signal, "signal").tell(strategy("hmm_regime", leave="-1"))
    assert isinstance(refused, SignalRefused)
    assert refused.reason == "leave: expected at least 0, at most 0.6, found -1"


def test_states_that_are_certain_together_are_no_more_than_certain() -> None:
    model = fitted(labels=["bull", "bull"])
    state = RegimeState(FeatureWindow(), model=model, belief=[333_333_334, 666_666_667])
    assert probability(state, "bull") == 1_000_000_000
