"""Which program a state was folded by: a hash over the source of everything a fold rests on."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOUSE = "deadreckon"

# What moves a service's state beside its decider.
FOLDING = (
    "deadreckon.runtime.intake",
    "deadreckon.runtime.lived",
    "deadreckon.runtime.recollection",
)


def fold_code(names: Iterable[str]) -> str:
    """SHA-256 (hex) over the named modules and every module of the house that they import, however
    far away. Another source means another hash, even where it would fold alike."""
    total = hashlib.sha256()
    for name in sorted(_reached([*names, *FOLDING])):
        file = _file(name)
        if file is not None:
            source = file.read_bytes()
            total.update(f"{name} {len(source)}\n".encode() + source)
    return total.hexdigest()


def _reached(names: list[str]) -> set[str]:
    reached: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += _imported(name)
    return reached


@cache
def _imported(name: str) -> list[str]:
    """The modules of the house that one of them imports, wherever in it."""
    file = _file(name)
    if file is None:
        return []
    tree = ast.parse(file.read_bytes())
    found = {module for node in ast.walk(tree) for module in _named(node)}
    return [module for module in found if module.startswith(f"{HOUSE}.") and _file(module)]


def _named(node: ast.AST) -> Iterator[str]:
    """What an import names, each of which may be a module or something within one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _file(name: str) -> Path | None:
    """Where a module's source lies; null for what is no module beside this one."""
    path = ROOT.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None
