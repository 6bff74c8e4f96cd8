"""Rules about names: of modules, abbreviations, classes that share one."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.tidy.sources import Function, Rule, Sample, Source, SourceTree

NAMELESS_MODULES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

SPELLED_OUT = {
    "acct": "account", "addr": "address", "amt": "amount", "avg": "average", "cfg": "settings",
    "cnt": "count", "conf": "settings", "ctx": "context", "curr": "current", "evt": "event",
    "idx": "index", "mgr": "its real job", "msg": "message", "num": "count", "pct": "percent",
    "pos": "position", "px": "price", "qty": "quantity", "ref": "reference", "req": "request",
    "resp": "response", "seq": "sequence", "svc": "service", "sym": "symbol",
    "tmp": "what it holds", "ts": "at", "usr": "user", "val": "value",
}  # fmt: skip

# Class names that any number of modules may use: each is the convention of one kind of module,
# and nobody imports two of them into one file.
CONVENTIONAL = {
    "State": "what a decider or a fold remembers",
    "Row": "one row of a table",
    "Column": "a column: of a database's table, of the terminal, of a statement",
}
SAME_NAME_MAX = 2


def modules_are_nouns(tree: SourceTree) -> list[str]:
    return [
        source.at(1, f"{word!r} names no thing; call the module after what it holds")
        for source in tree.values()
        for word in source.name.split(".")
        if word in NAMELESS_MODULES
    ]


def names_are_spelled_out(tree: SourceTree) -> list[str]:
    return [
        source.at(line, f"{name} abbreviates; write {SPELLED_OUT[word]!r} for {word!r}")
        for source in tree.values()
        for line, name in _public_names(source.tree)
        for word in words_of(name)
        if word in SPELLED_OUT
    ]


def words_of(name: str) -> list[str]:
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


def class_names_are_not_shared(tree: SourceTree) -> list[str]:
    found: dict[str, list[tuple[Source, ast.ClassDef]]] = defaultdict(list)
    for source in tree.values():
        for node in source.nodes:
            if isinstance(node, ast.ClassDef):
                found[node.name].append((source, node))
    return [
        source.at(node.lineno, f"{len(classes)} classes are called {name}; say which one this is")
        for name, classes in found.items()
        if name not in CONVENTIONAL and len(classes) > SAME_NAME_MAX
        for source, node in classes
    ]


RULES: list[Rule] = [modules_are_nouns, names_are_spelled_out, class_names_are_not_shared]

SAMPLES = [
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
        class_names_are_not_shared,
        {
            "deadreckon/services/risk.py": "class Line: ...\nclass State: ...",
            "deadreckon/services/fill.py": "class Line: ...\nclass State: ...\nclass Pair: ...",
            "deadreckon/services/router.py": "class Pair:\n    class Line: ...\nclass State: ...",
        },
        {
            "deadreckon/services/risk.py:1",
            "deadreckon/services/fill.py:1",
            "deadreckon/services/router.py:2",
        },
    ),
]
