"""What a state holds that a question concerns, and what answers do to it, path by path."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.replay.rerun.redecide import CapturedError, redecide_log
from deadreckon.runtime.service.decider_runner import DeciderRunner
from deadreckon.runtime.service.snapshots import encode_state

PATHS_MAX = 200  # of a kind: who reads a difference by eye reads no more

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
    """A place in a state before and after; null where there is nothing."""

    path: str
    before: Any
    after: Any


class StateEffects(Struct, frozen=True):
    """A state right before a question, as far as it concerns it; what the question does with the
    recorded answers (`by_recorded`), and with those of today (`by_said`). `left_out` counts the
    paths beyond PATHS_MAX. `names` are what the question and its answers name; `paths` is the whole
    state before, where that was wished."""

    names: list[str]
    before: Paths
    by_recorded: list[PathChange]
    by_said: list[PathChange]
    left_out: int
    paths: Paths = {}


def effects(
    lived: DeciderRunner,
    question: Recorded[Any],
    recorded: list[Recorded[Any]],
    *,
    whole: bool = False,
) -> StateEffects:
    """What a question and its answers do to the state that stands right before it, which is left
    as it is; `whole` keeps every path of it, to be compared with another program's."""
    encoded = encode_state(lived.state)
    record, _, _ = redecide_log(copied(lived, encoded), question, recorded)
    names = sorted(names_in([question, *recorded, *record]))
    before = paths(encoded)
    about = [(path, value) for path, value in before.items() if concerns(path, value, names)]
    by_recorded, by_said = (
        list(changes(before, paths(_after(lived, encoded, [question, *answers]))))
        for answers in (recorded, record)
    )
    return StateEffects(
        names,
        dict(about[:PATHS_MAX]),
        by_recorded[:PATHS_MAX],
        by_said[:PATHS_MAX],
        sum(max(0, len(each) - PATHS_MAX) for each in (about, by_recorded, by_said)),
        before if whole else {},
    )


def names_in(facts: Iterable[Recorded[Any]]) -> set[str]:
    """Instruments, strategies, orders, signals and rules that facts name."""
    found = set()
    for record in facts:
        found |= {getattr(record.event, name, None) for name in NAMING}
    return {name for name in found if isinstance(name, str) and name}


def paths(encoded: bytes) -> Paths:
    """Every leaf of an encoded state, by its path from the top."""
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
    """What differs between two states, in the order of the second; what is gone comes last."""
    for path, value in after.items():
        if before.get(path) != value:
            yield PathChange(path, before.get(path), value)
    for path, value in before.items():
        if path not in after and value is not None:
            yield PathChange(path, value, None)


def concerns(path: str, value: Any, names: Iterable[str]) -> bool:
    """Whether a path is about one of the names: it leads through it, or to it."""
    return any(f"/{name}/" in f"{path}/" or value == name for name in names)


def copied(lived: DeciderRunner, encoded: bytes) -> DeciderRunner:
    """The same service with an encoded state of its own."""
    other = DeciderRunner(lived.service, lived.book, lived.decider)
    other.resume(msgspec.json.decode(encoded, type=type(lived.state)))
    return other


def _after(lived: DeciderRunner, encoded: bytes, facts: Iterable[Recorded[Any]]) -> bytes:
    """The state that facts make of an encoded one; as far as they get, if one of them fails."""
    other = copied(lived, encoded)
    for record in facts:
        with CapturedError() as moving:
            other.replay(record, ())
        if moving.error:
            break
    return encode_state(other.state)


def between(ours: StateEffects, theirs: StateEffects) -> list[PathChange]:
    """What the memory of another program has otherwise than ours, right before the question; both
    with all their paths."""
    return list(changes(ours.paths, theirs.paths))[:PATHS_MAX]
