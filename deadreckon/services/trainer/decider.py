"""Fits a regime model when one is due, on the bars that have closed, and records what it learnt.

An edge: the fit rests on a numeric library and is not reproducible to the bit everywhere. What it
found is an event, so replay and recall load it and never fit again.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.models import RegimeModelFitted, RegimeModelRefused
from deadreckon.models.hmm import features
from deadreckon.models.hmm.features import FeatureWindow
from deadreckon.models.hmm.fit import TrainingSet, fit
from deadreckon.strategies.parameters import RegimeParameters, read_parameters

EDGE = True
HANDLES = frozenset({BarClosed, StrategyConfigured, RegimeModelFitted, RegimeModelRefused})


class TrainingWindow(Struct):
    """What one strategy's next fit will learn from.

    `rows` are the features of the last `window` bars, `closed` the times they closed at
    (nanoseconds UTC). `bars_since` counts bars since the last fit, null when none was tried with
    these settings yet.
    """

    instrument: str
    enabled: bool
    settings: RegimeParameters
    tail: FeatureWindow
    rows: list[list[int]] = []
    closed: list[int] = []
    bars_since: int | None = None


class State(Struct):
    """The courses by the name of the strategy they serve."""

    courses: dict[str, TrainingWindow] = {}


def initial() -> State:
    return State()


def evolve(state: State, record: Recorded[Any]) -> State:
    match record.event:
        case BarClosed() as bar:
            for course in state.courses.values():
                if _looks_at(course, bar):
                    _follow(course, bar, record.at)
        case StrategyConfigured() as configured:
            _configure(state, configured)
        case RegimeModelFitted(strategy=name) if name in state.courses:
            state.courses[name].bars_since = 0
        case RegimeModelRefused(strategy=name) if name in state.courses:
            _try_again(state.courses[name])
        case _:
            pass
    return state


def _looks_at(course: TrainingWindow, bar: BarClosed) -> bool:
    seconds = course.settings.bar_seconds
    fits = seconds is None or seconds * NANOSECONDS == bar.interval
    return fits and bar.instrument == course.instrument


def _follow(course: TrainingWindow, bar: BarClosed, at: int) -> None:
    if course.bars_since is not None:
        course.bars_since += 1
    vector = features.advance(course.tail, bar.close)
    if vector is not None:
        course.rows.append(vector)
        course.closed.append(at)
        del course.rows[: -course.settings.window]
        del course.closed[: -course.settings.window]


def _try_again(course: TrainingWindow) -> None:
    """After a refused fit the next one is due as soon as a quarter of the window is new."""
    settings = course.settings
    course.bars_since = max(0, settings.refit_every - settings.window // 4)


def _configure(state: State, event: StrategyConfigured) -> None:
    """Start, change or end a course; its bars stay as long as it looks at the same ones."""
    settings = read_parameters(event)
    before = state.courses.pop(event.strategy, None)
    if not isinstance(settings, RegimeParameters):
        return
    course = TrainingWindow(event.instrument, event.enabled, settings, FeatureWindow())
    if before is not None and _same_bars(before, course):
        course.tail, course.rows, course.closed = before.tail, before.rows, before.closed
        del course.rows[: -settings.window]
        del course.closed[: -settings.window]
        if _same_lesson(before.settings, settings):
            course.bars_since = before.bars_since
    state.courses[event.strategy] = course


def _same_bars(before: TrainingWindow, after: TrainingWindow) -> bool:
    same_length = before.settings.bar_seconds == after.settings.bar_seconds
    return same_length and before.instrument == after.instrument


def _same_lesson(before: RegimeParameters, after: RegimeParameters) -> bool:
    names = ("window", "states", "seeds", "iterations")
    return all(getattr(before, name) == getattr(after, name) for name in names)


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    if not isinstance(record.event, BarClosed):
        return []
    return [
        fit(_lesson(name, course, record))
        for name, course in state.courses.items()
        if _looks_at(course, record.event) and _is_due(course)
    ]


def _is_due(course: TrainingWindow) -> bool:
    full = len(course.rows) == course.settings.window
    rested = course.bars_since is None or course.bars_since >= course.settings.refit_every
    return course.enabled and full and rested


def _lesson(name: str, course: TrainingWindow, record: Recorded[BarClosed]) -> TrainingSet:
    settings = course.settings
    return TrainingSet(
        strategy=name,
        instrument=course.instrument,
        rows=course.rows,
        states=settings.states,
        seeds=settings.seeds,
        iterations=settings.iterations,
        window_from=course.closed[0] - record.event.interval,
        window_to=course.closed[-1],
    )
