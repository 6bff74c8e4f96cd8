"""Source files of the package, parsed once, and the rooms that they belong to."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# From the bottom to the top: a room imports itself and the rooms before it.
ROOMS = (
    "contracts",
    "accounting",
    "formatting",
    "runtime",
    "models",
    "strategies",
    "marketdata",
    "venues",
    "services",
    "projections",
    "archive",
    "replay",
    "node",
    "web",
    "tools",
    "cli",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def room(self) -> str:
        """First folder under deadreckon/; empty for the files that lie directly in it."""
        return room_of(self.name) or ""

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the syntax tree."""
        return tuple(ast.walk(self.tree))

    @property
    def is_edge(self) -> bool:
        return any(ast.unparse(node) == "EDGE = True" for node in self.tree.body)

    def defines(self, *names: str) -> bool:
        """True when all these names are functions (or assigned) at module level."""
        found = {node.name for node in self.tree.body if isinstance(node, Function)}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return found.issuperset(names)

    def at(self, line: int, what: str) -> str:
        return f"{self.path}:{line}: {what}"


class SourceTree(dict[str, Source]):
    """All sources by module name."""

    def __init__(self, sources: Iterable[Source]) -> None:
        super().__init__({source.name: source for source in sources})
        self._imports = {source.name: list(self._read_imports(source)) for source in self.values()}

    def imports(self, source: Source) -> list[tuple[int, str]]:
        """Every module that a source imports, wherever in the file, with the line.

        Names of our own modules are given in full; imports inside functions and under
        TYPE_CHECKING count like all others.
        """
        return self._imports[source.name]

    def _read_imports(self, source: Source) -> Iterator[tuple[int, str]]:
        for node in source.nodes:
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


Rule = Callable[[SourceTree], list[str]]


@dataclass(frozen=True)
class Sample:
    """A small source tree, and exactly the lines in it that a rule has to name."""

    rule: Rule
    texts: dict[str, str]
    offences: set[str]


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    levels = node.level - source.path.endswith("__init__.py")
    package = source.name.split(".")[: -levels or None]
    return ".".join([*package, *([node.module] if node.module else [])])


def tree_of(texts: dict[str, str]) -> SourceTree:
    """Parse sources given by path."""
    return SourceTree(Source(path, text, ast.parse(text, path)) for path, text in texts.items())


@cache
def our_tree() -> SourceTree:
    """Parse the whole package, once per process."""
    files = sorted((ROOT / "deadreckon").rglob("*.py"))
    return tree_of({file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in files})


def room_of(module: str) -> str | None:
    """The room of a module of ours; None for everything from elsewhere."""
    package, _, rest = module.partition(".")
    if package != "deadreckon":
        return None
    room = rest.partition(".")[0]
    return room if room in ROOMS else ""


def rooms_below(room: str) -> frozenset[str]:
    """The rooms that a room may import; empty is the root, which imports cli alone."""
    if not room:
        return frozenset({"cli", ""})
    below = frozenset(ROOMS[: ROOMS.index(room) + 1])
    return below if room == "contracts" else below | {""}
