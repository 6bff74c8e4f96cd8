"""Hash of the program that folded a state: over the source of everything that the fold imports."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from deadreckon.runtime.process.source_tree import ROOT

PACKAGE = "deadreckon"

# To parse every file took a tenth of a second of each start. Comments may match too: a hash over
# too much refuses a snapshot too many.
IMPORT = re.compile(
    r"^\s*(?:import (?P<whole>deadreckon[\w.]*)"
    r"|from (?P<package>deadreckon[\w.]*) import (?:\((?P<listed>[^)]*)\)|(?P<plain>.*)))",
    re.MULTILINE,
)

# Modules besides the decider that move a service's state. The rest of the runtime carries facts,
# and does not make them: how the log is reached may change, and snapshots stay good.
RUNTIME = f"{PACKAGE}.runtime."
FOLDING = (
    "deadreckon.runtime.log.feed",
    "deadreckon.runtime.service.ingress",
    "deadreckon.runtime.service.decider_runner",
    "deadreckon.runtime.service.recovery",
)


def fold_code(names: Iterable[str]) -> str:
    """Return the SHA-256 (hex) over the named modules and every module of the package that they
    import, transitively, except those that only carry facts. Another source means another hash,
    even if it would fold alike."""
    total = hashlib.sha256()
    for name in sorted(_reached([*names, *FOLDING])):
        total.update(f"{name} {_source(name)}\n".encode())
    return total.hexdigest()


@cache
def _source(name: str) -> str:
    file = _file(name)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file else ""


def _reached(names: list[str]) -> set[str]:
    reached: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        carries = name.startswith(RUNTIME) and name not in FOLDING
        if name not in reached and not carries:
            reached.add(name)
            ahead += _imported(name)
    return reached


@cache
def _imported(name: str) -> list[str]:
    """List the modules of the package that a module imports, anywhere in it."""
    file = _file(name)
    source = file.read_text("utf-8") if file else ""
    found = {module for match in IMPORT.finditer(source) for module in _named(match)}
    return [module for module in found if module.startswith(f"{PACKAGE}.") and _file(module)]


def _named(match: re.Match[str]) -> Iterator[str]:
    """Yield the names in an import, each a module or something within one."""
    whole, package, listed, plain = match.group("whole", "package", "listed", "plain")
    if whole:
        yield whole
        return
    yield package
    for word in re.findall(r"\w+", listed or plain):
        yield f"{package}.{word}"


@cache
def _file(name: str) -> Path | None:
    """Return the source file of a module; null for a name that is not a module of this package."""
    path = ROOT.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None
