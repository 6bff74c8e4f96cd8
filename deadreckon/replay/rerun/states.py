"""The part of a state that a question concerns, and how answers change it, path by path."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct, field

from deadreckon.contracts.event import Recorded
from deadreckon.replay.rerun.redecide import CapturedError, redecide_question
from deadreckon.runtime.service.decider_runner import DeciderRunner
from deadreckon.runtime.service.snapshots import encode_state

PATHS_MAX = 200  # of a kind: nobody reads more by eye

# What names a thing that a state keeps something about.
NAMING = (
    "instrument",
    "strategy",
    "order_id",
    "parent_order_id",
    "client_order_id",
    "signal_id",
    "bracket_id",
    "entry_order_id",
    "target",
    "rule",
    "limit_set_by",
)

Paths = dict[str, Any]


class PathChange(Struct, frozen=True):
    """A path in a state with its value before and after; null where there is none."""

    path: str
    before: Any
    after: Any


class StateEffects(Struct, frozen=True):
    """The part of a state that a question concerns (`before`), and how the question changes it.

    `by_recorded` are the changes with the recorded answers, `by_today` those with the answers of
    today, `left_out` counts the paths beyond PATHS_MAX. `names` are what question and answers name;
    `paths` is the whole state before, where that was asked for.
    """

    names: list[str]
    before: Paths
    by_recorded: list[PathChange]
    by_today: list[PathChange] = field(name="by_said")
    left_out: int
    paths: Paths = {}


def effects(
    runner: DeciderRunner,
    question: Recorded[Any],
    recorded: list[Recorded[Any]],
    *,
    whole: bool = False,
) -> StateEffects:
    """Compare the state before and after a question and its answers; the runner's own is untouched.

    `whole` keeps every path of the state before, to be compared with that of other code.
    """
    encoded = encode_state(runner.state)
    current, _, _ = redecide_question(copied(runner, encoded), question, recorded)
    names = sorted(names_in([question, *recorded, *current]))
    before = paths(encoded)
    about = [(path, value) for path, value in before.items() if concerns(path, value, names)]
    by_recorded, by_today = (
        list(changes(before, paths(_after(runner, encoded, [question, *answers]))))
        for answers in (recorded, current)
    )
    return StateEffects(
        names,
        dict(about[:PATHS_MAX]),
        by_recorded[:PATHS_MAX],
        by_today[:PATHS_MAX],
        sum(max(0, len(each) - PATHS_MAX) for each in (about, by_recorded, by_today)),
        before if whole else {},
    )


def names_in(facts: Iterable[Recorded[Any]]) -> set[str]:
    """Collect the instruments, strategies, orders, signals and rules that events name."""
    found = set()
    for record in facts:
        found |= {getattr(record.event, name, None) for name in NAMING}
    return {name for name in found if isinstance(name, str) and name}


def paths(encoded: bytes) -> Paths:
    """List every leaf of an encoded state by its path from the top."""
    return dict(_leaves("", msgspec.json.decode(encoded)))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield path, value
        return
    for name, item in items:
        yield from _leaves(f"{path}/{name}", item)


def changes(before: Paths, after: Paths) -> Iterator[PathChange]:
    """Yield what differs between two states, in the order of the second; removed paths last."""
    for path, value in after.items():
        if before.get(path) != value:
            yield PathChange(path, before.get(path), value)
    for path, value in before.items():
        if path not in after and value is not None:
            yield PathChange(path, value, None)


def concerns(path: str, value: Any, names: Iterable[str]) -> bool:
    """Return true when a path leads through one of the names, or to it."""
    return any(f"/{name}/" in f"{path}/" or value == name for name in names)


def copied(runner: DeciderRunner, encoded: bytes) -> DeciderRunner:
    """Copy a runner, with a state of its own."""
    other = DeciderRunner(runner.service, runner.book, runner.decider)
    other.resume(msgspec.json.decode(encoded, type=type(runner.state)))
    return other


def _after(runner: DeciderRunner, encoded: bytes, facts: Iterable[Recorded[Any]]) -> bytes:
    """Evolve an encoded state by events, up to the first one that raises."""
    other = copied(runner, encoded)
    for record in facts:
        with CapturedError() as moving:
            other.replay(record, ())
        if moving.error:
            break
    return encode_state(other.state)


def between(ours: StateEffects, theirs: StateEffects) -> list[PathChange]:
    """Compare the state of other code with ours right before the question; both with all paths."""
    return list(changes(ours.paths, theirs.paths))[:PATHS_MAX]
