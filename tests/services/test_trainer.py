"""The trainer: when a fit is due, that recall never fits, and what a fit must look like."""

import math
import random
from decimal import Decimal
from typing import Any

import msgspec
import numpy
import pytest
from msgspec.structs import replace

from deadreckon.contracts.codec import encode_event
from deadreckon.contracts.event import Event
from deadreckon.contracts.models import RegimeModelFitted, RegimeModelRefused
from deadreckon.models.hmm import features, forward_filter
from deadreckon.models.hmm import fit as fitting
from deadreckon.models.hmm.features import SCALE, FeatureWindow
from deadreckon.models.hmm.fit import DegenerateFitError, SeedFit, fit
from deadreckon.models.hmm.training import TrainingSet
from deadreckon.services.trainer import decider as trainer
from tests.stories import HOUR, INSTRUMENT, MINUTE, bar, strategy
from tests.support.driver import DeciderDriver

WARM_UP = features.DRIFT_BARS + 1  # bars before the first has features

# --- When a fit is due ---------------------------------------------------------------------------


class Lessons:
    """Stands in for the fit: notes what it was asked, and says what it is told to."""

    def __init__(self) -> None:
        self.asked: list[TrainingSet] = []
        self.refuses = False

    def fit(self, lesson: TrainingSet) -> Event:
        self.asked.append(lesson)
        if self.refuses:
            return RegimeModelRefused(lesson.strategy, lesson.instrument, "fit_failed", "story")
        return _model(lesson)


def _model(lesson: TrainingSet) -> RegimeModelFitted:
    return RegimeModelFitted(
        model_id="m",
        strategy=lesson.strategy,
        instrument=lesson.instrument,
        states=1,
        labels=["chop"],
        features=features.NAMES,
        feature_mean=[0, 0, 0],
        feature_scale=[1, 1, 1],
        start=[SCALE],
        transition=[[SCALE]],
        means=[[0, 0, 0]],
        variances=[[1, 1, 1]],
        log_likelihood=0,
        seed=0,
        seeds=1,
        samples=len(lesson.rows),
        window_from=lesson.window_from,
        window_to=lesson.window_to,
    )


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> Lessons:
    stand_in = Lessons()
    monkeypatch.setattr(fitting, "fit", stand_in.fit)
    return stand_in


def story(**parameters: Any) -> DeciderDriver:
    told = DeciderDriver(trainer, "trainer")
    told.tell(_configured(**parameters))
    return told


def _configured(**parameters: Any) -> Event:
    quick: dict[str, Any] = {"window": 100, "refit_every": 40}
    return strategy("hmm_regime", **({"name": "regime"} | quick | parameters))


def bars(told: DeciderDriver, count: int) -> int:
    """So many bars a minute apart; how many fits were tried over them."""
    return len(told.tell(*(bar(100 + n % 7) for n in range(count)), after=MINUTE))


def test_the_first_fit_is_due_when_the_window_is_full(lessons: Lessons) -> None:
    told = story()
    assert bars(told, WARM_UP + 98) == 0
    assert bars(told, 1) == 1
    (lesson,) = lessons.asked
    assert len(lesson.rows) == 100
    assert (lesson.window_from, lesson.window_to) == (told.now - 100 * MINUTE, told.now)
    assert (lesson.strategy, lesson.instrument) == ("regime", INSTRUMENT)


def test_the_next_fit_is_due_so_many_bars_after_the_last(lessons: Lessons) -> None:
    told = story()
    bars(told, WARM_UP + 99)
    assert bars(told, 39) == 0
    assert bars(told, 1) == 1
    assert bars(told, 80) == 2


def test_a_refused_fit_is_tried_again_after_a_quarter_of_the_window(lessons: Lessons) -> None:
    told = story(refit_every=90)
    lessons.refuses = True
    bars(told, WARM_UP + 99)
    assert bars(told, 24) == 0
    lessons.refuses = False
    assert bars(told, 1) == 1
    assert bars(told, 89) == 0
    assert bars(told, 1) == 1


def test_a_disabled_strategy_is_not_fitted_and_is_as_soon_as_it_is_enabled(
    lessons: Lessons,
) -> None:
    told = story()
    told.tell(_configured(enabled=False))
    assert bars(told, WARM_UP + 150) == 0
    told.tell(_configured())
    assert bars(told, 1) == 1


def test_other_settings_of_the_fit_make_it_due_and_other_settings_of_trading_do_not(
    lessons: Lessons,
) -> None:
    told = story()
    bars(told, WARM_UP + 99)
    told.tell(_configured(enter="0.9"))
    assert bars(told, 1) == 0
    told.tell(_configured(enter="0.9", states=4))
    assert bars(told, 1) == 1
    assert lessons.asked[-1].states == 4


def test_a_shorter_window_keeps_its_latest_bars(lessons: Lessons) -> None:
    told = story(window=150)
    bars(told, WARM_UP + 120)
    told.tell(_configured(window=110))
    assert bars(told, 1) == 1
    assert len(lessons.asked[0].rows) == 110


def test_bars_of_another_instrument_or_length_teach_nothing(lessons: Lessons) -> None:
    told = story(bar_seconds=60)
    told.tell(*(bar(instrument="ETHUSDT.PAPER") for _ in range(200)), after=MINUTE)
    told.tell(*(bar(interval=HOUR) for _ in range(200)), after=MINUTE)
    assert lessons.asked == []
    bars(told, WARM_UP + 98)
    told.tell(_configured(bar_seconds=60, instrument="ETHUSDT.PAPER"))
    assert bars(told, 200) == 0
    assert told.tell(bar(instrument="ETHUSDT.PAPER"), after=MINUTE) == []


def test_only_well_configured_regime_strategies_are_taught(lessons: Lessons) -> None:
    told = story()
    told.tell(_configured(window=5), strategy(name="cross"))
    assert bars(told, WARM_UP + 150) == 0
    assert told.state.windows == {}


def test_recall_takes_what_was_recorded_and_never_fits(lessons: Lessons) -> None:
    told = story()
    bars(told, WARM_UP + 120)
    tried = len(lessons.asked)
    again = told.restarted(trainer)
    assert len(lessons.asked) == tried
    stored = msgspec.json.encode(told.state, order="deterministic")
    assert msgspec.json.encode(again.state, order="deterministic") == stored
    assert msgspec.json.decode(stored, type=trainer.State) == told.state
    assert bars(again, 18) == 0
    assert bars(again, 1) == 1


def test_state_holds_no_more_bars_than_the_window(lessons: Lessons) -> None:
    told = story()
    bars(told, 400)
    course = told.state.windows["regime"]
    assert (len(course.rows), len(course.closed)) == (100, 100)


# --- What a fit must look like -------------------------------------------------------------------


def lesson(closes: list[Decimal], **changes: Any) -> TrainingSet:
    tail = FeatureWindow()
    rows = [row for row in (features.advance(tail, close) for close in closes) if row]
    made = TrainingSet("regime", INSTRUMENT, rows, 3, 3, 25, 0, len(rows) * MINUTE)
    return replace(made, **changes)


def regimes(bars_each: int = 250, seed: int = 5) -> list[Decimal]:
    """Wild falls, calm standstills and busy rises, by turns."""
    chance = random.Random(seed)
    price, closes = 100.0, []
    for drift, noise in [(0, 2), (6, 6), (-20, 20), (0, 2), (-20, 20), (6, 6)]:
        for _ in range(bars_each):
            price *= math.exp(chance.gauss(drift, noise) / 10_000)
            closes.append(round(Decimal(price), 6))
    return closes


@pytest.fixture(scope="module")
def model() -> RegimeModelFitted:
    found = fit(lesson(regimes()))
    assert isinstance(found, RegimeModelFitted)
    return found


@pytest.mark.slow
def test_states_are_ordered_by_volatility_and_named_by_what_they_did(
    model: RegimeModelFitted,
) -> None:
    variances = [row[0] for row in model.variances]
    assert variances == sorted(variances)
    assert model.labels == ["chop", "bull", "bear"]
    assert model.features == features.NAMES
    assert (model.seeds, model.samples) == (3, len(lesson(regimes()).rows))


@pytest.mark.slow
def test_volatility_means_how_far_returns_spread_and_nothing_else() -> None:
    chance = random.Random(9)

    def rows(spread: float, volatility: float, wobble: float) -> list[list[int]]:
        shape = [(0, spread), (volatility, wobble), (0, 1e9)]
        return [[round(chance.gauss(*feature)) for feature in shape] for _ in range(100)]

    calm, wild = rows(1e5, 1e6, 2e5), rows(1e6, 3e6, 1e4)
    found = fit(lesson(regimes(), rows=wild + calm + wild, states=2))
    assert isinstance(found, RegimeModelFitted)
    assert found.means[0][1] < found.means[1][1]
    assert found.variances[0][1] > found.variances[1][1]
    assert found.transition[0][0] > found.transition[0][1]


@pytest.mark.slow
def test_shares_sum_to_one_exactly(model: RegimeModelFitted) -> None:
    assert [sum(row) for row in [model.start, *model.transition]] == [SCALE] * 4


@pytest.mark.slow
def test_it_starts_with_the_belief_at_the_end_of_its_window(model: RegimeModelFitted) -> None:
    """Checked with hmmlearn itself: at the last bar its smoothed answer is the filtered one."""
    from hmmlearn.hmm import GaussianHMM

    rows = lesson(regimes()).rows
    peer = GaussianHMM(3, "diag")
    peer.n_features = 3
    peer.startprob_ = numpy.full(3, 1 / 3)  # forgotten after so many bars
    peer.transmat_ = numpy.array(model.transition) / SCALE
    peer.means_ = numpy.array(model.means) / SCALE
    peer.covars_ = numpy.array(model.variances) / SCALE
    standard = (numpy.array(rows) - model.feature_mean) / numpy.array(model.feature_scale)
    last = peer.predict_proba(standard)[-1]
    assert [share / SCALE for share in model.start] == pytest.approx(last.tolist(), abs=1e-6)


@pytest.mark.slow
def test_the_filter_follows_the_regimes_it_was_taught(model: RegimeModelFitted) -> None:
    belief, constants, right = model.start, forward_filter.norms(model), 0
    rows = lesson(regimes(seed=6)).rows
    for n, row in enumerate(rows, start=features.DRIFT_BARS):
        belief = forward_filter.step(model, constants, belief, row)
        truth = ["chop", "bull", "bear", "chop", "bear", "bull"][n // 250]
        right += model.labels[belief.index(max(belief))] == truth
    assert right / len(rows) > 0.9


@pytest.mark.slow
def test_the_same_lesson_gives_the_same_bytes(model: RegimeModelFitted) -> None:
    again = fit(lesson(regimes()))
    assert encode_event(again) == encode_event(model)


@pytest.mark.slow
def test_the_id_is_a_digest_of_all_that_was_learnt(model: RegimeModelFitted) -> None:
    other = fit(lesson(regimes()[:-1]))
    assert isinstance(other, RegimeModelFitted)
    assert len(model.model_id) == 32
    assert other.model_id != model.model_id


def _attempt(seed: int, score: float) -> SeedFit:
    return SeedFit(
        seed=seed,
        score=score,
        start=numpy.array([1.0, 0.0]),
        transition=numpy.array([[0.9, 0.1], [0.2, 0.8]]),
        means=numpy.zeros((2, 3)),
        variances=numpy.ones((2, 3)),
        bars=numpy.array([60.0, 40.0]),
    )


def seeds(monkeypatch: pytest.MonkeyPatch, *outcomes: float | Exception) -> TrainingSet:
    """A lesson whose seeds come out as told."""

    def attempt(standard: Any, lesson: TrainingSet, seed: int) -> SeedFit:
        outcome = outcomes[seed]
        if isinstance(outcome, Exception):
            raise outcome
        return _attempt(seed, outcome)

    monkeypatch.setattr(fitting, "_fit_seed", attempt)
    return lesson(regimes(40), states=2, seeds=len(outcomes))


@pytest.mark.slow
def test_the_likeliest_seed_wins_and_the_first_of_equals(monkeypatch: pytest.MonkeyPatch) -> None:
    found = fit(seeds(monkeypatch, -30.0, -10.0, -10.0, -20.0))
    assert isinstance(found, RegimeModelFitted)
    assert (found.seed, found.seeds) == (1, 4)


def test_a_seed_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = numpy.linalg.LinAlgError("singular")
    found = fit(seeds(monkeypatch, ValueError("nan"), float("nan"), -10.0, trouble))
    assert isinstance(found, RegimeModelFitted)
    assert found.seed == 2


@pytest.mark.parametrize(
    ("outcome", "rule", "reason"),
    [
        (ValueError("rows must sum to 1"), "fit_failed", "rows must sum to 1"),
        (numpy.linalg.LinAlgError("singular"), "fit_failed", "singular"),
        (DegenerateFitError("state_unvisited: too few"), "state_unvisited", "too few"),
        (float("nan"), "not_finite", "a parameter is not a number"),
    ],
)
def test_numeric_trouble_in_every_seed_is_a_refusal_by_name(
    monkeypatch: pytest.MonkeyPatch, outcome: float | Exception, rule: str, reason: str
) -> None:
    found = fit(seeds(monkeypatch, outcome, outcome))
    assert found == RegimeModelRefused("regime", INSTRUMENT, rule, reason)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"bars": numpy.array([99.5, 0.5])}, "state_unvisited"),
        ({"variances": numpy.array([[1.0] * 3, [1.0, 0.0, 1.0]])}, "no_variance"),
        ({"means": numpy.array([[0.0] * 3, [0.0, numpy.nan, 0.0]])}, "not_finite"),
    ],
)
def test_a_degenerate_fit_is_found_out(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(DegenerateFitError, match=rule):
        fitting._checked(replace(_attempt(0, -1.0), **changes))


def test_a_market_that_stands_still_teaches_nothing() -> None:
    found = fit(lesson([Decimal(100)] * 200))
    assert isinstance(found, RegimeModelRefused)
    assert found.rule == "flat_market"


@pytest.mark.slow
def test_a_market_of_two_moments_is_refused_or_fitted_but_never_raises() -> None:
    """More states than there are different bars: hmmlearn divides by nothing here."""
    stepping = lesson([Decimal(100 + n % 2) for n in range(200)])
    rare = replace(stepping, rows=[stepping.rows[0]] * 199 + [stepping.rows[1]])
    for hard in (stepping, rare):
        assert isinstance(fit(hard), RegimeModelRefused)
