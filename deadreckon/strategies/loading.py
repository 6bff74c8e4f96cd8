"""Loader of strategies outside this program: installed ones by entry points, others by file.

The environment says where files are (`DR_STRATEGIES`: files, and lists of files, separated as in
PATH); the log says which strategy is meant and which code. A data folder has a list of its own,
`strategies.json`, which `dr strategy set --kind path/to/my.py` writes.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from traceback import walk_tb
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.runtime.process import durable
from deadreckon.strategies.builtin import ENTRY_POINTS
from deadreckon.strategies.code_hash import CodeHash, code_hash
from deadreckon.strategies.parameters import EntryParameters
from deadreckon.strategies.registry import (
    REGISTRY,
    AnyStrategy,
    ConfigurationFault,
    Implementation,
)

EDGE = True

GROUP = "deadreckon.strategies"
PROGRAM = "deadreckon"
VARIABLE = "DR_STRATEGIES"
LIST = "strategies.json"
PARTS = ("name", "version", "parameters", "state", "initial", "evolve", "decide")

# Code by somebody else raises anything while it is imported and tried, also SystemExit.
_UNUSABLE = (Exception, SystemExit)
_OURS = f"{Path(__file__).parents[1]}{os.sep}"

T = TypeVar("T")
F = TypeVar("F")


class StrategyLoadError(UsageError):
    """You named a strategy that cannot be used; the message says which and why."""


class _Loaded:
    """Hashes of a strategy's neighbouring modules, as they were when this process imported them."""

    hashes: dict[str, str] = {}


def use_folder(data: Path) -> None:
    """Make the strategies of a data folder known to this process and to those it starts."""
    known = _searched()
    item = str((data / LIST).resolve())
    if item not in known:
        os.environ[VARIABLE] = os.pathsep.join([*known, item])


def remember(data: Path, implementation: Implementation) -> None:
    """Write a strategy's file into the list of a data folder, in place of one of its kind."""
    path = data / LIST
    listed = _listed(path) | {implementation.kind: implementation.origin}
    durable.replace(path, msgspec.json.format(msgspec.json.encode(listed)) + b"\n")


def remember_files(data: Path, kinds: Sequence[str]) -> None:
    """Write those of some strategies that are files into the list of a data folder, and use it.

    Raises StrategyLoadError.
    """
    for kind in kinds:
        if is_file(kind):
            remember(data, load_file(kind))
    use_folder(data)


def resolve(kind: str) -> Implementation:
    """Return the strategy of a name or of a file ("path/to/my.py" or "path/to/my.py:Class").

    Raises StrategyLoadError.
    """
    if is_file(kind):
        return load_file(kind)
    for implementation in available(kind):
        if implementation.kind == kind:
            return implementation
    known = ", ".join(each.kind for each in available())
    raise StrategyLoadError(f"no strategy {kind!r}; known: {known}; or name a file, path/to/my.py")


def stamped(configured: StrategyConfigured) -> StrategyConfigured:
    """Return a configuration with the implementation, version and code of its kind as they are
    here, and with what the strategy calls itself as its kind.

    The code is registered too. Raises StrategyLoadError.
    """
    found = resolve(configured.kind)
    REGISTRY.add(found)
    return replace(
        configured,
        kind=found.kind,
        implementation=found.reference,
        version=found.version,
        code=found.code,
    )


def code_fault(configured: StrategyConfigured) -> str:
    """Return why the code that a configuration names is not here; empty when it is, or when none is
    named."""
    unusable = ensure(configured.kind, configured.code)
    found = REGISTRY.find(configured.kind, configured.code)
    if not configured.code or not isinstance(found, ConfigurationFault):
        return ""
    return "; ".join([f"strategy {configured.strategy}: {found.reason}", *unusable])


def is_file(kind: str) -> bool:
    """Return True for what names a file, with or without a class in it."""
    _, suffix, rest = kind.partition(".py")
    return suffix == ".py" and rest[:1] in ("", ":")


def ensure(kind: str, code: str) -> list[str]:
    """Register whatever this process can find of a kind, unless that code is known; return why
    others cannot be used.

    Never raises for a strategy that cannot be used: the configuration that needs it is refused.
    """
    unusable: list[str] = []
    if REGISTRY.has(kind, code) or (not code and kind in ENTRY_POINTS):
        return unusable
    for implementation in available(kind, unusable):
        if implementation.kind == kind:
            REGISTRY.add(implementation)
    return unusable


def available(kind: str = "", unusable: list[str] | None = None) -> Iterator[Implementation]:
    """Yield every strategy that can be found: built-in, installed, and listed by file; with `kind`
    at least those of that kind.

    Raises StrategyLoadError for one that cannot be used; with `unusable` the reason goes there.
    """
    for entry in _entries(kind):
        yield from _tried(unusable, lambda entry: [load_entry(entry)], entry)
    for item in _searched():
        for file in _tried(unusable, lambda item: _files(item, kind), item):
            yield from _tried(unusable, lambda file: [load_file(file)], file)


def _tried(unusable: list[str] | None, load: Callable[[T], list[F]], what: T) -> list[F]:
    try:
        return load(what)
    except StrategyLoadError as error:
        if unusable is None:
            raise
        unusable.append(str(error))
        return []


def _entries(kind: str) -> Iterator[EntryPoint]:
    """Yield the entry points of the group; the built-in ones even if nothing is installed."""
    for name, value in ENTRY_POINTS.items():
        if kind in ("", name):
            yield EntryPoint(name, value, GROUP)
    if kind in ENTRY_POINTS:  # reading all metadata takes a while, and no other may have this name
        return
    for entry in entry_points(group=GROUP):
        if kind in ("", entry.name) and (entry.dist is None or entry.dist.name != PROGRAM):
            yield entry


def load_entry(entry: EntryPoint) -> Implementation:
    """Import the strategy of an entry point. Raises StrategyLoadError."""
    distribution = entry.dist.name if entry.dist is not None else ""
    if distribution and entry.name in ENTRY_POINTS:
        raise StrategyLoadError(f"{distribution}: {entry.name} is the name of a built-in strategy")
    try:
        loaded = entry.load()
        strategy = _checked(loaded)
        file = sys.modules[entry.module].__file__ or ""
        code = code_hash(Path(file), own=distribution)
    except _UNUSABLE as error:
        raise StrategyLoadError(_fault(entry.value, error)) from error
    return Implementation(entry.name, strategy, entry.value, code.digest, distribution or PROGRAM)


def load_file(spec: str) -> Implementation:
    """Run a file ("path/to/my.py" or "path/to/my.py:Class") and return the strategy in it.

    A file that has changed since is run again under its new code. Raises StrategyLoadError, also
    where a module beside it has changed since this process imported that.
    """
    name, _, wanted = spec.partition(".py")
    path, wanted = Path(f"{name}.py").resolve(), wanted.removeprefix(":")
    try:
        source = path.read_bytes()
        code = code_hash(path, source)
        _check_neighbours(code, path)
        module = _run(path, source, code)
        strategy = _checked(_class(module, wanted))
    except _UNUSABLE as error:
        raise StrategyLoadError(_fault(spec, error, path.parent)) from error
    reference = f"{path.name}:{type(strategy).__name__}"
    origin = f"{path}:{wanted}" if wanted else str(path)
    return Implementation(strategy.name, strategy, reference, code.digest, origin)


def _run(path: Path, source: bytes, code: CodeHash) -> Any:
    """Return the module of a file, run once per code."""
    name = f"deadreckon_strategy_{code.digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: it may not hide what is installed
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError("is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with ExitStack() as failing, redirect_stdout(sys.stderr):  # what it prints is no answer
        failing.callback(sys.modules.pop, name)
        exec(compile(source, str(path), "exec"), module.__dict__)
        failing.pop_all()
    return module


def _fault(spec: str, error: BaseException, folder: Path | None = None) -> str:
    """Describe in one line why a strategy cannot be used, with the file and line that raised the
    error; `folder` is that of a strategy's file."""
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{spec}: {error.filename}, line {error.lineno}: {kind}: {error.msg}"
    words = " ".join(f"{kind}: {error}".split()).removesuffix(":")
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    theirs = [
        (file, line)
        for file, line in frames
        if not file.startswith(("<", _OURS)) and (folder is None or Path(file).parent == folder)
    ]
    if not theirs:
        return f"{spec}: {words}"
    file, line = theirs[-1]
    return f"{spec}: {file}, line {line}: it raised {words}"


def _check_neighbours(code: CodeHash, path: Path) -> None:
    """Raise ImportError where a module that the strategy imports is here already with other
    content, or from another file."""
    for name, file in code.modules.items():
        sha = code.hashes[name]
        loaded = sys.modules.get(name)
        if loaded is not None and Path(getattr(loaded, "__file__", None) or "") != file:
            raise ImportError(f"{name} is imported from another file already, not from {file}")
        if loaded is not None and _Loaded.hashes.get(name, sha) != sha:
            raise ImportError(f"{file} has changed since it was imported: restart this process")
        _Loaded.hashes[name] = sha


def _class(module: Any, wanted: str) -> Any:
    """Return the class that is wanted, or the only strategy of a module. Raises ValueError."""
    classes = {name: each for name, each in vars(module).items() if isinstance(each, type)}
    own = [
        each.__name__
        for each in classes.values()
        if each.__module__ == module.__name__ and all(hasattr(each, part) for part in PARTS)
    ]
    names = ", ".join(own) or "none"
    if wanted and wanted not in classes:
        raise ValueError(f"has no class {wanted!r}; strategies in it: {names}")
    if not wanted and len(own) != 1:
        raise ValueError(f"expected one strategy, found {names}; name it: path/to/my.py:Class")
    return classes[wanted or own[0]]


def _checked(found: Any) -> AnyStrategy:
    """Instantiate a strategy's class, tried with its defaults. Raises TypeError, ValueError."""
    strategy: AnyStrategy = found()
    if missing := [part for part in PARTS if not hasattr(strategy, part)]:
        raise TypeError(f"is not a strategy: it has no {', '.join(missing)}")
    if not strategy.name.isidentifier() or not strategy.version:
        raise ValueError(f"name and version: a word and a text, not {strategy.name!r}")
    if not issubclass(strategy.parameters, EntryParameters):
        raise TypeError("parameters: expected a subclass of EntryParameters")
    if not issubclass(strategy.state, Struct):
        raise TypeError("state: expected a subclass of Struct")
    parameters = msgspec.convert({}, strategy.parameters)
    if type(strategy.initial(parameters)) is not strategy.state:
        raise TypeError(f"initial: expected a {strategy.state.__name__}")
    return strategy


def _searched() -> list[str]:
    """Return the items of the variable; a class follows its file, as in "my.py:Class"."""
    items: list[str] = []
    for part in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        if items and part.isidentifier() and items[-1].endswith(".py"):
            items[-1] += f":{part}"
        else:
            items.append(part)
    return items


def _files(item: str, kind: str) -> list[str]:
    """Return the files of an item of the variable. Raises StrategyLoadError."""
    if not item.endswith(".json"):
        return [item]
    return [file for name, file in _listed(Path(item)).items() if kind in ("", name)]


def _listed(path: Path) -> dict[str, str]:
    """Return the files of a list by kind; empty if there is no list. Raises StrategyLoadError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise StrategyLoadError(f"{path}: {error}") from error
