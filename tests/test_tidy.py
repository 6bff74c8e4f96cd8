"""The rules of the house, read from the source: what DESIGN and STYLE say in prose, held by a test.

A rule takes the house and returns its offences, all at once, each as `file:line: what; what to do`.
Every rule is itself tried on a small house that breaks it (SAMPLES), so that it provably can fail.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The rooms from the bottom up: a room may import those before it, and itself.
ROOMS = (
    "contracts", "accounting", "formatting", "runtime", "models", "strategies", "marketdata",
    "venues", "services", "projections", "archive", "replay", "node", "web", "tools", "cli",
)  # fmt: skip
ROOMS_BELOW: dict[str, set[str]] = {
    room: {*ROOMS[: index + 1], ""} - ({""} if room == "contracts" else set())
    for index, room in enumerate(ROOMS)
} | {"": {"cli", ""}}  # deadreckon/__init__.py and __main__.py

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

NAMELESS_MODULES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

SPELLED_OUT = {
    "acct": "account", "addr": "address", "amt": "amount", "avg": "average", "cfg": "settings",
    "cnt": "count", "conf": "settings", "ctx": "context", "curr": "current", "evt": "event",
    "idx": "index", "mgr": "its real job", "msg": "message", "num": "count", "pct": "percent",
    "pos": "position", "px": "price", "qty": "quantity", "ref": "reference", "req": "request",
    "resp": "response", "seq": "sequence", "svc": "service", "sym": "symbol",
    "tmp": "what it holds", "ts": "at", "usr": "user", "val": "value",
}  # fmt: skip

# What a decider imports from these rooms has to be pure as well.
PURE_ROOMS = {"accounting", "models", "strategies", "services", "projections"}

FUNCTION_LINES_MAX = 40  # fits on a screen
DECIDER_LINES_MAX = 300  # aim at 150, think at 250; beyond this it decides two things

PRIVATE_PATH = re.compile(r"/(?:home|Users)/\w|/(?:root)/|[A-Z]:\\+Users\\")
LAZY_IMPORT = re.compile(r"(deadreckon(?:\.\w+)+)(?::\w+)?")

Function = ast.FunctionDef | ast.AsyncFunctionDef


# --- Reading the house ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One file of the house."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def room(self) -> str:
        """The first folder under deadreckon/, or nothing for the files beside the folders."""
        return room_of(self.name) or ""

    @property
    def is_edge(self) -> bool:
        return any(ast.unparse(node) == "EDGE = True" for node in self.tree.body)

    def defines(self, *names: str) -> bool:
        """Whether all these names are functions (or made by assignment) at module level."""
        found = {node.name for node in self.tree.body if isinstance(node, Function)}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return found.issuperset(names)

    def at(self, line: int, what: str) -> str:
        return f"{self.path}:{line}: {what}"


class House(dict[str, Source]):
    """All sources by module name."""

    def imports(self, source: Source) -> Iterator[tuple[int, str]]:
        """Every module that a source imports, with the line; names of our own modules in full."""
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = _absolute(source, node)
                full_names = [f"{package}.{alias.name}" for alias in node.names]
                modules = [name for name in full_names if name in self]
                if len(modules) < len(full_names):
                    modules.append(package)
                yield from ((node.lineno, module) for module in modules)

    def packages_of(self, name: str) -> Iterator[Source]:
        """The `__init__` files that run when a module is imported."""
        while "." in name:
            name = name.rpartition(".")[0]
            if name in self:
                yield self[name]


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    levels = node.level - source.path.endswith("__init__.py")
    package = source.name.split(".")[: -levels or None]
    return ".".join([*package, *([node.module] if node.module else [])])


def house_of(texts: dict[str, str]) -> House:
    sources = [Source(path, text, ast.parse(text, path)) for path, text in texts.items()]
    return House({source.name: source for source in sources})


@cache
def our_house() -> House:
    files = sorted((ROOT / "deadreckon").rglob("*.py"))
    return house_of({file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in files})


def room_of(module: str) -> str | None:
    """The room of a module of ours; None for everything from elsewhere."""
    package, _, rest = module.partition(".")
    if package != "deadreckon":
        return None
    room = rest.partition(".")[0]
    return room if room in ROOMS_BELOW else ""


# --- Rules about who knows whom ------------------------------------------------------------------


def imports_point_one_way(house: House) -> list[str]:
    return [
        source.at(line, f"{source.room or 'the root'} may not import {module}; move it down")
        for source in house.values()
        for line, module in house.imports(source)
        if (room := room_of(module)) is not None and room not in ROOMS_BELOW[source.room]
    ]


def contracts_are_pure_data(house: House) -> list[str]:
    allowed = {"msgspec", "deadreckon"} | sys.stdlib_module_names
    return [
        source.at(line, f"contracts may not import {module}; only msgspec and the standard library")
        for source in house.values()
        for line, module in house.imports(source)
        if source.room == "contracts" and module.partition(".")[0] not in allowed
    ]


def only_the_runtime_knows_nats(house: House) -> list[str]:
    return [
        source.at(line, "only deadreckon/runtime knows nats; use its bus")
        for source in house.values()
        for line, module in house.imports(source)
        if module.partition(".")[0] == "nats" and source.room != "runtime"
    ]


def nothing_lies_about(house: House) -> list[str]:
    """Every file is reached from `__main__`, by an import or by name ("module:function")."""
    reached: set[str] = set()
    ahead = ["deadreckon.__main__"]
    while ahead:
        name = ahead.pop()
        if name in house and name not in reached:
            reached.add(name)
            ahead += [source.name for source in house.packages_of(name)]
            ahead += [module for _, module in house.imports(house[name])]
            ahead += _named_in_strings(house[name])
    return [
        source.at(1, "nothing that `dr` runs imports this file; use it or delete it")
        for source in house.values()
        if source.name not in reached and not source.path.endswith("__init__.py")
    ]


def _named_in_strings(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(value=str(text)) if named := LAZY_IMPORT.fullmatch(text):
                yield named[1]


# --- Rules about deciders ------------------------------------------------------------------------


def pure_modules(house: House) -> dict[str, str]:
    """Modules that must be pure, with the reason: deciders, folds, and all that these import."""
    ahead = list(_pure_by_themselves(house))
    reasons: dict[str, str] = {}
    while ahead:
        name, reason = ahead.pop()
        if name in reasons or name not in house:
            continue
        if house[name].room not in PURE_ROOMS:
            continue
        reasons[name] = reason
        ahead += [(package.name, f"{name} lies in it") for package in house.packages_of(name)]
        if not house[name].is_edge:
            ahead += [(module, f"{name} imports it") for _, module in house.imports(house[name])]
    return reasons


def _pure_by_themselves(house: House) -> Iterator[tuple[str, str]]:
    for source in house.values():
        if source.room == "services" and source.defines("evolve", "decide") and not source.is_edge:
            yield source.name, "it decides"
        if source.room == "projections" and source.defines("evolve") and not source.is_edge:
            yield source.name, "it folds"
        if source.room == "projections":
            for _, module in house.imports(source):
                if room_of(module) == "services":
                    yield module, f"{source.name} imports it"


def deciders_are_pure(house: House) -> list[str]:
    offences = []
    for name, reason in pure_modules(house).items():
        source = house[name]
        if source.is_edge:
            offences.append(source.at(1, f"an edge, but {reason}; take the pure part out of it"))
            continue
        offences += [
            source.at(line, f"must be pure ({reason}): no {module}; let an edge bring the event")
            for line, module in house.imports(source)
            if not _may_be_used_by_deciders(module)
        ]
        offences += _impurities(source, reason)
    for source in house.values():
        if source.room == "contracts":
            offences += _impurities(source, "deciders import it")
    return offences


def _may_be_used_by_deciders(module: str) -> bool:
    """Neighbours may be: they become pure modules themselves by being imported."""
    room = room_of(module)
    if room is not None:
        return room in PURE_ROOMS | {"contracts"}
    return module.partition(".")[0] in HARMLESS


def _impurities(source: Source, reason: str) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if what := _impurity(node):
            place = node.iter if isinstance(node, ast.comprehension) else node
            yield source.at(getattr(place, "lineno", 0), f"must be pure ({reason}): {what}")


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


def deciders_never_look_at_their_place(house: House) -> list[str]:
    """A sequence differs between two logs of one tape; an answer that depends on it would too."""
    return [
        source.at(node.lineno, f"no decision may depend on .{node.attr}; refer to events by id")
        for source in house.values()
        if source.room == "services" and source.defines("evolve", "decide") and not source.is_edge
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"said.sequence", "said.index"}
    ]


def deciders_stay_small(house: House) -> list[str]:
    return [
        source.at(lines, f"{lines} lines, {DECIDER_LINES_MAX} at most; split it by what it decides")
        for source in house.values()
        if source.defines("evolve", "decide")
        and (lines := len(source.text.splitlines())) > DECIDER_LINES_MAX
    ]


# --- Rules about words and shapes ----------------------------------------------------------------


def functions_fit_on_a_screen(house: House) -> list[str]:
    return [
        source.at(node.lineno, f"{lines} lines, {FUNCTION_LINES_MAX} at most; split {node.name}")
        for source in house.values()
        for node in ast.walk(source.tree)
        if isinstance(node, Function) and (lines := _lines(node)) > FUNCTION_LINES_MAX
    ]


def _lines(function: Function) -> int:
    lines = _last_line(function) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= _last_line(function.body[0]) - function.body[0].lineno + 1
    return lines


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def nobody_catches_everything(house: House) -> list[str]:
    return [
        source.at(node.lineno, "catches everything; name the fault, and let a bug end the process")
        for source in house.values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler | ast.Call) and _catches_everything(node)
    ]


def _catches_everything(node: ast.ExceptHandler | ast.Call) -> bool:
    match node:
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=ast.expr() as caught):
            return any(map(_is_everything, ast.walk(caught)))
        case ast.Call(func=function, args=faults) if ast.unparse(function).endswith("suppress"):
            return any(map(_is_everything, faults))
    return False


def _is_everything(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"}


def modules_are_nouns(house: House) -> list[str]:
    return [
        source.at(1, f"{word!r} names no thing; call the module after what it holds")
        for source in house.values()
        for word in source.name.split(".")
        if word in NAMELESS_MODULES
    ]


def names_are_spelled_out(house: House) -> list[str]:
    return [
        source.at(line, f"{name} abbreviates; write {SPELLED_OUT[word]!r} for {word!r}")
        for source in house.values()
        for line, name in _public_names(source.tree)
        for word in _words(name)
        if word in SPELLED_OUT
    ]


def _words(name: str) -> list[str]:
    """`OrderQty` and `order_qty` both give order and qty."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def _public_names(scope: ast.Module | ast.ClassDef) -> Iterator[tuple[int, str]]:
    for node in scope.body:
        match node:
            case ast.ClassDef() if not node.name.startswith("_"):
                yield node.lineno, node.name
                yield from _public_names(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_public(node.name):
                yield node.lineno, node.name
                yield from ((argument.lineno, argument.arg) for argument in _arguments(node))
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                if _is_public(name):
                    yield node.lineno, name


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name.endswith("__")


def _arguments(function: Function) -> Iterator[ast.arg]:
    signature = function.args
    yield from (*signature.posonlyargs, *signature.args, *signature.kwonlyargs)
    yield from (argument for argument in (signature.vararg, signature.kwarg) if argument)


def events_are_frozen(house: House) -> list[str]:
    classes = [
        (source, node)
        for source in house.values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    ]
    events = {"Event", "Retired"}
    while more := {node.name for _, node in classes if _base_names(node) & events} - events:
        events |= more
    return [
        source.at(node.lineno, f"{node.name} is a fact and stays as it is; add frozen=True")
        for source, node in classes
        if node.name in events
        and not any(ast.unparse(keyword) == "frozen=True" for keyword in node.keywords)
    ]


def _base_names(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}


def contracts_hold_no_float(house: House) -> list[str]:
    return [
        source.at(annotation.lineno, "float in a contract; money is Decimal, time is int")
        for source in house.values()
        if source.room == "contracts"
        for node in ast.walk(source.tree)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if isinstance(annotation, ast.expr) and re.search(r"\bfloat\b", ast.unparse(annotation))
    ]


def no_path_is_private(house: House) -> list[str]:
    return [
        source.at(number, f"{match[0]}... exists on one machine only; take it from the settings")
        for source in house.values()
        for number, line in enumerate(source.text.splitlines(), start=1)
        if (match := PRIVATE_PATH.search(line))
    ]


Rule = Callable[[House], list[str]]

RULES: list[Rule] = [
    imports_point_one_way,
    contracts_are_pure_data,
    only_the_runtime_knows_nats,
    nothing_lies_about,
    deciders_are_pure,
    deciders_never_look_at_their_place,
    deciders_stay_small,
    functions_fit_on_a_screen,
    nobody_catches_everything,
    modules_are_nouns,
    names_are_spelled_out,
    events_are_frozen,
    contracts_hold_no_float,
    no_path_is_private,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    offences = rule(our_house())
    if offences:
        pytest.fail("\n".join([f"{len(offences)} to put right:", *offences]), pytrace=False)


# --- Each rule, on a house that breaks it --------------------------------------------------------

DECIDER = "def evolve(state, said): ...\ndef decide(state, said): ...\n"


@dataclass(frozen=True)
class Sample:
    """A small house, and exactly the places in it that a rule has to name."""

    rule: Rule
    texts: dict[str, str]
    offences: set[str]


SAMPLES = [
    Sample(
        imports_point_one_way,
        {
            "deadreckon/contracts/orders.py": "import deadreckon\nimport deadreckon.runtime.bus",
            "deadreckon/runtime/bus.py": "from deadreckon.contracts import orders",
            "deadreckon/runtime/loop.py": "def run():\n    from ..services import risk",
            "deadreckon/services/risk.py": "import msgspec\nimport deadreckon.projections.sqlite",
            "deadreckon/projections/sqlite.py": "from deadreckon.cli.app import main",
            "deadreckon/replay/audit.py": "from deadreckon.services import risk",
            "deadreckon/cli/app.py": "from deadreckon.replay import audit",
            "deadreckon/__main__.py": "from deadreckon.cli.app import main",
        },
        {
            "deadreckon/contracts/orders.py:1",
            "deadreckon/contracts/orders.py:2",
            "deadreckon/runtime/loop.py:2",
            "deadreckon/services/risk.py:2",
            "deadreckon/projections/sqlite.py:1",
        },
    ),
    Sample(
        contracts_are_pure_data,
        {"deadreckon/contracts/orders.py": "import decimal, msgspec.json\nimport numpy"},
        {"deadreckon/contracts/orders.py:2"},
    ),
    Sample(
        only_the_runtime_knows_nats,
        {
            "deadreckon/runtime/bus.py": "import nats",
            "deadreckon/services/fill.py": "import math\nfrom nats.js import api",
        },
        {"deadreckon/services/fill.py:2"},
    ),
    Sample(
        nothing_lies_about,
        {
            "deadreckon/__main__.py": "from deadreckon.cli.app import main",
            "deadreckon/cli/app.py": "LAZY = ['deadreckon.cli.up:up']",
            "deadreckon/cli/up.py": "from deadreckon import services",
            "deadreckon/services/__init__.py": "from deadreckon.services import risk",
            "deadreckon/services/risk.py": "",
            "deadreckon/services/attic.py": "import deadreckon.services.cellar",
            "deadreckon/services/cellar.py": "import deadreckon.services.attic",
        },
        {"deadreckon/services/attic.py:1", "deadreckon/services/cellar.py:1"},
    ),
    Sample(
        deciders_are_pure,
        {
            "deadreckon/services/risk.py": DECIDER + "import numpy, os\nimport collections.abc",
            "deadreckon/services/fill.py": DECIDER + "from deadreckon.runtime import bus",
            "deadreckon/services/trainer.py": DECIDER + "import os\nEDGE = True",
            "deadreckon/services/gateway.py": "import fastapi",
            "deadreckon/runtime/bus.py": "import socket",
        },
        {"deadreckon/services/risk.py:3", "deadreckon/services/fill.py:3"},
    ),
    Sample(
        deciders_are_pure,
        {
            "deadreckon/services/risk/decider.py": DECIDER
            + "from deadreckon.services import accounting",
            "deadreckon/services/risk/__init__.py": "import logging",
            "deadreckon/services/accounting.py": "import random",
            "deadreckon/services/venue.py": "import socket\nEDGE = True",
            "deadreckon/projections/positions.py": "evolve = print\nimport sqlite3",
            "deadreckon/projections/sqlite.py": "import sqlite3\nimport deadreckon.services.venue",
        },
        {
            "deadreckon/services/risk/__init__.py:1",
            "deadreckon/services/accounting.py:1",
            "deadreckon/services/venue.py:1",
            "deadreckon/projections/positions.py:2",
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
            "n = sorted({1, 2}), 3 in {3}, math.log(4), said.at, bar.open\n"
            "def o():\n    global p\n",
            "deadreckon/contracts/moments.py": "import time\nq = time.time()",
        },
        {f"deadreckon/services/risk.py:{line}" for line in (3, 4, 5, 6, 7, 8, 9, 10, 13)}
        | {"deadreckon/contracts/moments.py:2"},
    ),
    Sample(
        deciders_never_look_at_their_place,
        {
            "deadreckon/services/risk.py": DECIDER
            + "a = said.sequence\nb = said.index\nc = names.index",
            "deadreckon/services/loop.py": "a = said.sequence",
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
    Sample(
        functions_fit_on_a_screen,
        {
            "deadreckon/runtime/loop.py": "async def long():\n" + "    0\n" * 40,
            "deadreckon/runtime/bus.py": 'def fits():\n    """Two\n    lines."""\n'
            + "    0\n" * 39,
        },
        {"deadreckon/runtime/loop.py:1"},
    ),
    Sample(
        nobody_catches_everything,
        {
            "deadreckon/runtime/loop.py": "try: ...\nexcept (OSError, Exception): ...\n"
            "try: ...\nexcept: ...\n"
            "try: ...\nexcept BaseException: raise\n"
            "try: ...\nexcept OSError: ...\n"
            "with contextlib.suppress(Exception): ...\n"
        },
        {f"deadreckon/runtime/loop.py:{line}" for line in (2, 4, 6, 9)},
    ),
    Sample(
        modules_are_nouns,
        {
            "deadreckon/runtime/utils.py": "",
            "deadreckon/common/risk.py": "",
            "deadreckon/cli/up.py": "",
        },
        {"deadreckon/runtime/utils.py:1", "deadreckon/common/risk.py:1"},
    ),
    Sample(
        names_are_spelled_out,
        {
            "deadreckon/contracts/orders.py": "class OrderMsg:\n"
            "    fill_qty: int\n"
            "    _idx: int\n"
            "    def after(self, px): tmp = px\n"
            "def weigh(seqs, *, seq): ...\n"
            "def _weigh(msg): ...\n"
            "MAX_AMT = 1\n"
            "position, message, at, id, pnl, hmm, sql = 1, 2, 3, 4, 5, 6, 7\n"
            "class Bus:\n"
            "    def __init__(self, ctx): ...\n"
        },
        {f"deadreckon/contracts/orders.py:{line}" for line in (1, 2, 4, 5, 7, 10)},
    ),
    Sample(
        events_are_frozen,
        {
            "deadreckon/contracts/orders.py": "class OrderFilled(Event, frozen=True): ...\n"
            "class OrderLost(event.Event): ...\n"
            "class OrderLostAgain(OrderLost, frozen=False): ...\n"
            "class State(Struct): ...\n"
        },
        {"deadreckon/contracts/orders.py:2", "deadreckon/contracts/orders.py:3"},
    ),
    Sample(
        contracts_hold_no_float,
        {
            "deadreckon/contracts/orders.py": "class OrderFilled(Event):\n"
            "    price: 'float | None'\n"
            "    inflated: Decimal\n"
            "def cost(fills: list[float]) -> int: ...\n"
            "def fee() -> float: ...\n",
            "deadreckon/services/signal.py": "def score(features: list[float]) -> float: ...",
        },
        {f"deadreckon/contracts/orders.py:{line}" for line in (2, 4, 5)},
    ),
    Sample(
        no_path_is_private,
        {"deadreckon/runtime/settings.py": "data = 'var'\nold = '/ho" + "me/me/var'"},
        {"deadreckon/runtime/settings.py:2"},
    ),
]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.rule.__name__)
def test_the_rule_names_every_offence_and_nothing_else(sample: Sample) -> None:
    offences = sample.rule(house_of(sample.texts))
    assert {offence.split(": ")[0] for offence in offences} == sample.offences
    assert all(";" in offence for offence in offences), "an offence has to say what to do"


def test_every_rule_has_a_sample_that_breaks_it() -> None:
    assert {sample.rule for sample in SAMPLES if sample.offences} == set(RULES)


# --- What is no Python ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_pins_are_hashed_and_name_no_place_to_download_from(name: str) -> None:
    pins = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert "://" not in pins
    assert "--index" not in pins
    blocks = re.findall(r"^[\w.-]+==[^\n]*(?:\n    [^\n]*)*", pins, re.MULTILINE)
    assert len(blocks) == pins.count("==") - pins.count("'=='") - pins.count(" == ")
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_pin_of_the_runtime_is_the_same_for_developers() -> None:
    runtime, dev = (
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / "requirements" / name).read_text("utf-8"), re.M))
        for name in ("runtime.txt", "dev.txt")
    )
    assert runtime <= dev
