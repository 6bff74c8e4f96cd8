"""Decider that asks for the fit of a model when one is due, on the bars that have closed."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.jobs import Job
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.models import RegimeModelFitted, RegimeModelRefused
from deadreckon.models.hmm import features
from deadreckon.models.hmm.features import FeatureWindow
from deadreckon.models.hmm.training import HmmTraining, TrainingSet
from deadreckon.strategies.registry import ConfigurationFault, read_setup

HANDLES = frozenset({BarClosed, StrategyConfigured, RegimeModelFitted, RegimeModelRefused})


class TrainingWindow(Struct):
    """Bars that one strategy's next fit will learn from.

    `rows` are the features of the last `training.window` bars, `closed` the times they closed at
    (nanoseconds UTC). `bars_since` counts bars since the last fit, null when none was tried with
    these settings yet.
    """

    instrument: str
    enabled: bool
    bar_seconds: int | None
    training: HmmTraining
    features: FeatureWindow
    rows: list[list[int]] = []
    closed: list[int] = []
    bars_since: int | None = None


class State(Struct):
    """The training windows by the name of the strategy they serve."""

    windows: dict[str, TrainingWindow] = {}


def initial() -> State:
    return State()


def evolve(state: State, record: Recorded[Any]) -> State:
    match record.event:
        case BarClosed() as bar:
            for window in state.windows.values():
                if _looks_at(window, bar):
                    _add_bar(window, bar, record.at)
        case StrategyConfigured() as configured:
            _configure(state, configured)
        case RegimeModelFitted(strategy=name) if name in state.windows:
            state.windows[name].bars_since = 0
        case RegimeModelRefused(strategy=name) if name in state.windows:
            _try_again(state.windows[name])
        case _:
            pass
    return state


def _looks_at(window: TrainingWindow, bar: BarClosed) -> bool:
    seconds = window.bar_seconds
    fits = seconds is None or seconds * NANOSECONDS == bar.interval
    return fits and bar.instrument == window.instrument


def _add_bar(window: TrainingWindow, bar: BarClosed, at: int) -> None:
    if window.bars_since is not None:
        window.bars_since += 1
    vector = features.advance(window.features, bar.close)
    if vector is not None:
        window.rows.append(vector)
        window.closed.append(at)
        _trim(window)


def _trim(window: TrainingWindow) -> None:
    del window.rows[: -window.training.window]
    del window.closed[: -window.training.window]


def _try_again(window: TrainingWindow) -> None:
    """Schedule the next fit after a refused one: as soon as a quarter of the window is new."""
    training = window.training
    window.bars_since = max(0, training.refit_every - training.window // 4)


def _configure(state: State, event: StrategyConfigured) -> None:
    """Start, change or end a window; its bars stay as long as it looks at the same ones."""
    setup = read_setup(event)
    before = state.windows.pop(event.strategy, None)
    if isinstance(setup, ConfigurationFault):
        return
    training = setup.strategy.training(setup.parameters)
    if training is None:
        return
    seconds = setup.parameters.bar_seconds
    window = TrainingWindow(event.instrument, event.enabled, seconds, training, FeatureWindow())
    if before is not None and _same_bars(before, window):
        window.features, window.rows, window.closed = before.features, before.rows, before.closed
        _trim(window)
        if before.training.learns_alike(training):
            window.bars_since = before.bars_since
    state.windows[event.strategy] = window


def _same_bars(before: TrainingWindow, after: TrainingWindow) -> bool:
    return (before.bar_seconds, before.instrument) == (after.bar_seconds, after.instrument)


def decide(state: State, record: Recorded[Any]) -> Sequence[Event | Job]:
    if not isinstance(record.event, BarClosed):
        return []
    return [
        _training_set(name, window, record)
        for name, window in state.windows.items()
        if _looks_at(window, record.event) and _is_due(window)
    ]


def _is_due(window: TrainingWindow) -> bool:
    full = len(window.rows) == window.training.window
    rested = window.bars_since is None or window.bars_since >= window.training.refit_every
    return window.enabled and full and rested


def _training_set(name: str, window: TrainingWindow, record: Recorded[BarClosed]) -> TrainingSet:
    training = window.training
    return TrainingSet(
        strategy=name,
        instrument=window.instrument,
        rows=window.rows,
        states=training.states,
        seeds=training.seeds,
        iterations=training.iterations,
        window_from=window.closed[0] - record.event.interval,
        window_to=window.closed[-1],
    )
