"""Rules about what must be pure: deciders, folds, accounting, and all that these import."""

import ast
from collections.abc import Iterator

from tests.tidy.sources import Rule, Sample, Source, SourceTree, room_of

HARMLESS = {
    "__future__", "bisect", "collections", "dataclasses", "decimal", "enum", "fractions",
    "functools", "hashlib", "heapq", "itertools", "math", "msgspec", "numpy", "operator", "types",
    "typing",
}  # fmt: skip

IMPURE_FUNCTIONS = {
    "__import__", "eval", "exec", "getenv", "hash", "id", "input", "now", "open", "print", "random",
    "time",
}  # fmt: skip
IMPURE_METHODS = {
    "default_rng", "getenv", "monotonic", "now", "open", "perf_counter", "time", "time_ns", "today",
    "urandom", "utcnow",
}  # fmt: skip

DECIDER_LINES_MAX = 300  # aim at 150, think at 250; beyond this it decides two things

# Whole rooms that any decider may import, so that all of them is pure.
PURE_ROOMS = {"contracts", "accounting"}
IN_BULK = "deadreckon.accounting.columnar"  # reads whole files, for reports; no decider imports it
# Rooms whose modules become pure by being imported from a decider or a fold.
ROOMS_OF_DECIDERS = {*PURE_ROOMS, "models", "strategies", "services", "projections"}


def pure_modules(tree: SourceTree) -> dict[str, str]:
    """Modules that must be pure, with the reason: deciders, folds, and all that these import."""
    ahead = list(_pure_by_themselves(tree))
    reasons: dict[str, str] = {}
    while ahead:
        name, reason = ahead.pop()
        if name in reasons or name not in tree:
            continue
        if tree[name].room not in ROOMS_OF_DECIDERS:
            continue
        reasons[name] = reason
        ahead += [(package.name, f"{name} lies in it") for package in tree.packages_of(name)]
        if not tree[name].is_edge:
            ahead += [(module, f"{name} imports it") for _, module in tree.imports(tree[name])]
    return reasons


def _pure_by_themselves(tree: SourceTree) -> Iterator[tuple[str, str]]:
    for source in tree.values():
        if source.room in PURE_ROOMS and not source.name.startswith(IN_BULK):
            yield source.name, "deciders import it"
        if source.is_edge:
            continue
        if source.room == "services" and source.defines("evolve", "decide"):
            yield source.name, "it decides"
        if source.room == "strategies":
            yield source.name, "it is part of a strategy"
        if source.room == "projections" and source.defines("evolve"):
            yield source.name, "it folds"
    for source in tree.values():
        if source.room == "projections":
            for _, module in tree.imports(source):
                if room_of(module) in ("models", "strategies", "services"):
                    yield module, f"{source.name} imports it"


def deciders_are_pure(tree: SourceTree) -> list[str]:
    offences = []
    for name, reason in pure_modules(tree).items():
        source = tree[name]
        if source.is_edge:
            offences.append(source.at(1, f"an edge, but {reason}; take the pure part out of it"))
            continue
        if source.room != "contracts":  # which has a rule of its own
            offences += [
                source.at(
                    line, f"must be pure ({reason}): no {module}; let an edge bring the event"
                )
                for line, module in tree.imports(source)
                if not _may_be_used_by_deciders(module)
            ]
        offences += _impurities(source, reason)
    return offences


def _may_be_used_by_deciders(module: str) -> bool:
    """Neighbours may be: they become pure modules themselves by being imported."""
    room = room_of(module)
    if room is not None:
        return room in ROOMS_OF_DECIDERS
    return module.partition(".")[0] in HARMLESS


def _impurities(source: Source, reason: str) -> Iterator[str]:
    for node in source.nodes:
        if what := _impurity(node):
            found = node.iter if isinstance(node, ast.comprehension) else node
            yield source.at(getattr(found, "lineno", 0), f"must be pure ({reason}): {what}")


def _impurity(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in IMPURE_FUNCTIONS or "uuid" in name:
            return f"{name}() differs from run to run; time and ids come from the question"
        case ast.Call(func=ast.Attribute(attr=name)) if name in IMPURE_METHODS or "uuid" in name:
            return f".{name}() differs from run to run; time and ids come from the question"
        case ast.Attribute(attr="random"):
            return "no randomness; derive what looks random from the id of the question"
        case ast.Global():
            return "no state outside State; pass it in and return it"
    if any(map(_is_set, _taken_in_order(node))):
        return "a set has another order in another process; use sorted(...)"
    return None


def _taken_in_order(node: ast.AST) -> list[ast.expr]:
    """What this node goes through one by one, so that the order shows."""
    match node:
        case ast.For(iter=things) | ast.comprehension(iter=things):
            return [things]
        case ast.Call(func=ast.Name(id="list" | "tuple" | "iter" | "enumerate"), args=arguments):
            return arguments
        case ast.Call(func=ast.Attribute(attr="join"), args=arguments):
            return arguments
    return []


def _is_set(node: ast.expr) -> bool:
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_set(left) or _is_set(right)
    return False


def decisions_ignore_the_sequence(tree: SourceTree) -> list[str]:
    """A sequence differs between two logs of one tape; a decision that depends on it would too."""
    return [
        source.at(node.lineno, f"no decision may depend on .{node.attr}; refer to events by id")
        for source in tree.values()
        if source.room == "services" and source.defines("evolve", "decide") and not source.is_edge
        for node in source.nodes
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"record.sequence", "record.index"}
    ]


def deciders_stay_small(tree: SourceTree) -> list[str]:
    return [
        source.at(lines, f"{lines} lines, {DECIDER_LINES_MAX} at most; split it by what it decides")
        for source in tree.values()
        if source.defines("evolve", "decide")
        and (lines := len(source.text.splitlines())) > DECIDER_LINES_MAX
    ]


RULES: list[Rule] = [
    deciders_are_pure,
    decisions_ignore_the_sequence,
    deciders_stay_small,
]

DECIDER = "def evolve(state, record): ...\ndef decide(state, record): ...\n"

SAMPLES = [
    Sample(
        deciders_are_pure,
        {
            "deadreckon/services/risk.py": DECIDER + "import numpy, os\nimport collections.abc",
            "deadreckon/services/fill.py": DECIDER + "from deadreckon.runtime import bus",
            "deadreckon/services/portfolio.py": DECIDER + "from deadreckon.formatting import exact",
            "deadreckon/services/trainer.py": DECIDER + "import os\nEDGE = True",
            "deadreckon/services/gateway.py": "import fastapi",
            "deadreckon/runtime/bus.py": "import socket",
            "deadreckon/formatting/exact.py": "",
        },
        {
            "deadreckon/services/risk.py:3",
            "deadreckon/services/fill.py:3",
            "deadreckon/services/portfolio.py:3",
        },
    ),
    Sample(
        deciders_are_pure,
        {
            "deadreckon/services/risk/decider.py": DECIDER
            + "from deadreckon.services.risk import margin",
            "deadreckon/services/risk/__init__.py": "import logging",
            "deadreckon/services/risk/margin.py": "import random",
            "deadreckon/services/venue.py": "import socket\nEDGE = True",
            "deadreckon/projections/positions.py": "evolve = print\nimport sqlite3",
            "deadreckon/projections/sqlite.py": "import sqlite3\nimport deadreckon.services.venue",
        },
        {
            "deadreckon/services/risk/__init__.py:1",
            "deadreckon/services/risk/margin.py:1",
            "deadreckon/services/venue.py:1",
            "deadreckon/projections/positions.py:2",
        },
    ),
    Sample(
        deciders_are_pure,
        {
            "deadreckon/services/signal.py": DECIDER + "from deadreckon.strategies import registry",
            "deadreckon/strategies/cross.py": "from deadreckon.models.hmm import filter",
            "deadreckon/strategies/own.py": "import time",
            "deadreckon/strategies/registry.py": "import importlib\nEDGE = True",
            "deadreckon/models/hmm/__init__.py": "",
            "deadreckon/models/hmm/filter.py": "import math\nimport scipy",
            "deadreckon/models/hmm/fit.py": "import hmmlearn",
            "deadreckon/accounting/ledger.py": "import math\nimport socket",
        },
        {
            "deadreckon/strategies/own.py:1",
            "deadreckon/strategies/registry.py:1",
            "deadreckon/models/hmm/filter.py:2",
            "deadreckon/accounting/ledger.py:2",
        },
    ),
    Sample(
        deciders_are_pure,
        {
            "deadreckon/services/risk.py": DECIDER + "a = clock.now()\n"
            "b = uuid4()\n"
            "c = np.random.normal()\n"
            "d = hash(a)\n"
            "for e in {1, 2}: pass\n"
            "f = [g for g in set(b) | h]\n"
            "i = ','.join({j for j in k})\n"
            "l = list(frozenset(m))\n"
            "n = sorted({1, 2}), 3 in {3}, math.log(4), record.at, bar.open\n"
            "def o():\n    global p\n",
            "deadreckon/contracts/timestamps.py": "import time\nq = time.time()",
        },
        {f"deadreckon/services/risk.py:{line}" for line in (3, 4, 5, 6, 7, 8, 9, 10, 13)}
        | {"deadreckon/contracts/timestamps.py:2"},
    ),
    Sample(
        decisions_ignore_the_sequence,
        {
            "deadreckon/services/risk.py": DECIDER
            + "a = record.sequence\nb = record.index\nc = names.index",
            "deadreckon/services/loop.py": "a = record.sequence",
        },
        {"deadreckon/services/risk.py:3", "deadreckon/services/risk.py:4"},
    ),
    Sample(
        deciders_stay_small,
        {
            "deadreckon/services/risk.py": DECIDER + "\n" * 299,
            "deadreckon/services/fill.py": DECIDER + "\n" * 298,
        },
        {"deadreckon/services/risk.py:301"},
    ),
]
