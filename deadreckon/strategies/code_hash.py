"""Hash of a strategy's code: its file and all imports but the standard library and this program."""

import ast
import hashlib
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions, version
from pathlib import Path

from msgspec import Struct

EDGE = True

PROGRAM = ("deadreckon", "msgspec")  # msgspec is how parameters and states are declared


class CodeHash(Struct, frozen=True):
    """Code of a strategy: its files, the packages it imports, and one hash over all.

    `digest` is the SHA-256 (hex) over all of it. `modules` are the files it imports by module name,
    `hashes` those of their content; `packages` the installed distributions it imports, by version.
    """

    digest: str
    modules: Mapping[str, Path]
    hashes: Mapping[str, str]
    packages: Mapping[str, str]


def code_hash(path: Path, source: bytes | None = None, own: str = "") -> CodeHash:
    """Hash a strategy's file and every module it imports, transitively.

    `source` is the file's content where that was read already. `own` names the distribution that
    the strategy belongs to: its modules count by content, those of other installed distributions
    by name and version. Where a file lies does not count. An import that is computed at run time
    is not seen. Raises OSError and SyntaxError.
    """
    content = path.read_bytes() if source is None else source
    found = _Reached(path.parent, own)
    found.follow(content, path, "")
    lines = [f"strategy {hashlib.sha256(content).hexdigest()}"]
    lines += [f"module {name} {sha}" for name, sha in sorted(found.hashes.items())]
    lines += [f"package {name} {number}" for name, number in sorted(found.packages.items())]
    lines += [f"absent {name}" for name in sorted(found.absent)]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return CodeHash(digest, found.modules, found.hashes, found.packages)


class _Reached:
    """Files reached so far from one file."""

    def __init__(self, folder: Path, own: str) -> None:
        self.modules: dict[str, Path] = {}
        self.hashes: dict[str, str] = {}
        self.packages: dict[str, str] = {}
        self.absent: set[str] = set()
        self._path = [str(folder), *sys.path]
        self._own = own

    def follow(self, source: bytes, file: Path, package: str) -> None:
        """Reach all that a module of `package` imports."""
        for name, members in _imports(ast.parse(source, str(file)), package):
            if self._reach(name, required=True):
                for member in members:
                    self._reach(f"{name}.{member}", required=False)

    def _reach(self, name: str, *, required: bool) -> bool:
        """Reach one module with the packages around it; false when there are no files to look at
        within it."""
        top = name.partition(".")[0]
        if top in PROGRAM or top in sys.stdlib_module_names:
            return False
        for distribution in _distributions().get(top, ()):
            if distribution != self._own:
                self.packages[distribution] = version(distribution)
                return False
        path, reached = self._path, ""
        for part in name.split("."):
            reached = f"{reached}.{part}" if reached else part
            spec = PathFinder.find_spec(reached, path)
            if spec is None:
                if required:
                    self.absent.add(reached)
                return False
            path = list(spec.submodule_search_locations or ())
            if spec.origin is not None and reached not in self.modules:
                self._add(reached, Path(spec.origin), is_package=bool(path))
        return True

    def _add(self, name: str, file: Path, *, is_package: bool) -> None:
        content = file.read_bytes()
        self.modules[name] = file
        self.hashes[name] = hashlib.sha256(content).hexdigest()
        if file.suffix == ".py":
            self.follow(content, file, name if is_package else name.rpartition(".")[0])


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Map the top-level modules to the installed distributions that bring them."""
    return packages_distributions()


def _imports(source: ast.Module, package: str) -> Iterator[tuple[str, list[str]]]:
    """Yield every module that a source imports, and names taken from it that may be modules."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if node.level else []
            parts = parts[: len(parts) - node.level + 1] if node.level else []
            name = ".".join([*parts, *([node.module] if node.module else [])])
            if name:
                yield name, [alias.name for alias in node.names if alias.name != "*"]
