"""States that a power cut may leave behind: every state that the disk may be in after each step.

A step is one call of `durable.disk`. What was not forced to disk may be there, or not, or in part:
names as far as any number of steps, contents whole, missing, cut in half, or of zeros as long. No
real file system loses as much in so many ways; what stands this stands them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deadreckon.runtime.process import durable
from deadreckon.runtime.process.durable import Content, Disk

FOLDER = -1  # in place of the number of a file's content


@dataclass
class Names:
    """Names in folders, and what each stands for."""

    known: dict[str, int] = field(default_factory=dict)

    def put(self, path: str, content: int) -> None:
        self.known[path] = content

    def drop(self, path: str) -> None:
        self.known.pop(path, None)

    def move(self, source: str, target: str) -> None:
        for path in sorted(self.known):
            if path == source or path.startswith(f"{source}/"):
                self.known[target + path[len(source) :]] = self.known.pop(path)

    def reachable(self) -> dict[str, int]:
        """Those whose folders are there."""
        folders = {path for path, content in self.known.items() if content == FOLDER} | {"."}
        return {
            path: content
            for path, content in sorted(self.known.items())
            if all(str(parent) in folders for parent in Path(path).parents)
        }


NameStep = tuple[str, Callable[[Names], None]]  # the folder whose forcing keeps it, and what it is


class PowerCut:
    """A disk that remembers, for the steps under `root`, what would be left after each of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.acknowledged: list[str] = []
        self.states: list[tuple[dict[str, bytes | None], tuple[str, ...]]] = []
        self._seen: set[str] = set()
        self._names, self._kept = Names(), Names()
        self._pending: list[NameStep] = []
        self._contents: list[bytes] = []
        self._forced: list[bytes] = []
        for path in sorted(root.rglob("*")):
            content = FOLDER if path.is_dir() else self._content(path.read_bytes(), forced=True)
            for names in (self._names, self._kept):
                names.put(self._name(path), content)
        self._remember()

    def acknowledge(self, what: str) -> None:
        """Note that the caller was told so: it must be there after every later power cut."""
        self.acknowledged.append(what)
        self._remember()

    def _name(self, path: Path) -> str:
        return path.resolve(strict=False).relative_to(self.root.resolve()).as_posix()

    def _inside(self, path: Path) -> bool:
        return path.parent.resolve().is_relative_to(self.root.resolve())

    def _content(self, content: bytes, *, forced: bool = False) -> int:
        self._contents.append(content)
        self._forced.append(content if forced else b"")
        return len(self._contents) - 1

    def _step(self, folder: Path, step: Callable[[Names], None]) -> None:
        self._pending.append((self._name(folder), step))
        step(self._names)
        self._remember()

    def wrote(self, path: Path) -> None:
        """Note a file as it is now, whoever wrote it; nothing of it is forced."""
        name, content = self._name(path), path.read_bytes()
        found = self._names.known.get(name)
        if found is None:
            number = self._content(content)
            self._step(path.parent, lambda names: names.put(name, number))
        elif self._contents[found] != content:
            self._contents[found] = content
            self._remember()

    def made_folder(self, path: Path) -> None:
        name = self._name(path)
        if name != "." and name not in self._names.known:
            self.made_folder(path.parent)
            self._step(path.parent, lambda names: names.put(name, FOLDER))

    def forced(self, path: Path) -> None:
        name = self._name(path)
        if path.is_dir():
            self.made_folder(path)
            for folder, step in self._pending:
                if folder == name:
                    step(self._kept)
            self._pending = [each for each in self._pending if each[0] != name]
        else:
            self.wrote(path)
            number = self._names.known[name]
            self._forced[number] = self._contents[number]
        self._remember()

    def renamed(self, source: Path, target: Path) -> None:
        before, after = self._name(source), self._name(target)
        number = self._names.known[before]

        def step(names: Names) -> None:
            names.move(before, after)
            names.put(after, number)  # also where the earlier name was not yet forced to disk

        self._step(target.parent, step)

    def linked(self, source: Path, target: Path) -> None:
        name, number = self._name(target), self._names.known[self._name(source)]
        self._step(target.parent, lambda names: names.put(name, number))

    def unlinked(self, path: Path) -> None:
        name = self._name(path)
        if name in self._names.known:
            self._step(path.parent, lambda names: names.drop(name))

    def _remember(self) -> None:
        for names in self._possible_names():
            for damage in (_whole, _lost, _torn, _zeros):
                state = {
                    path: None if number == FOLDER else self._damaged(number, damage)
                    for path, number in names.reachable().items()
                }
                told = tuple(self.acknowledged)
                digest = hashlib.sha256(repr((sorted(state.items()), told)).encode()).hexdigest()
                if digest not in self._seen:
                    self._seen.add(digest)
                    self.states.append((state, told))

    def _possible_names(self) -> Iterator[Names]:
        """As many of the steps that are not forced as there are, and those of one folder alone."""
        so_far = Names(dict(self._kept.known))
        yield so_far
        for _, step in self._pending:
            so_far = Names(dict(so_far.known))
            step(so_far)
            yield so_far
        for folder in {each for each, _ in self._pending}:
            alone = Names(dict(self._kept.known))
            for each, step in self._pending:
                if each == folder:
                    step(alone)
            yield alone

    def _damaged(self, number: int, damage: Callable[[bytes, bytes], bytes]) -> bytes:
        content, forced = self._contents[number], self._forced[number]
        return content if content == forced else damage(content, forced)

    def each(self, folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Make every state in a folder of its own; also what had been acknowledged by then."""
        for number, (state, told) in enumerate(self.states):
            root = folder / f"cut-{number}"
            root.mkdir(mode=0o700, parents=True)
            for path, content in state.items():
                if content is None:
                    (root / path).mkdir(mode=0o700)
                else:
                    (root / path).write_bytes(content)
                    (root / path).chmod(0o600)
            yield root, told


def _whole(content: bytes, forced: bytes) -> bytes:
    return content


def _lost(content: bytes, forced: bytes) -> bytes:
    return forced


def _in_common(one: bytes, other: bytes) -> int:
    same = (a == b for a, b in zip(one, other, strict=False))
    return next((at for at, equal in enumerate(same) if not equal), min(len(one), len(other)))


def _torn(content: bytes, forced: bytes) -> bytes:
    common = _in_common(content, forced)
    return content[: (common + len(content)) // 2]


def _zeros(content: bytes, forced: bytes) -> bytes:
    common = _in_common(content, forced)
    return content[:common] + bytes(len(content) - common)


class FaultyDisk(Disk):
    """The real disk, each step of which is told to the power cuts that watch it."""

    def __init__(self, cut: PowerCut) -> None:
        self._cut = cut

    def write(self, path: Path, content: Iterable[Content], mode: int) -> None:
        if not self._cut._inside(path):
            super().write(path, content, mode)
            return
        super().write(path, (), mode)
        self._cut.wrote(path)
        for piece in content:
            super().append(path, piece)
            self._cut.wrote(path)

    def append(self, path: Path, content: Content) -> None:
        super().append(path, content)
        if self._cut._inside(path):
            self._cut.wrote(path)

    def sync(self, path: Path) -> None:
        super().sync(path)
        if path.resolve() == self._cut.root.resolve() or self._cut._inside(path):
            self._cut.forced(path)

    def rename(self, source: Path, target: Path) -> None:
        if self._cut._inside(source):
            self._cut.made_folder(source if source.is_dir() else source.parent)
            if source.is_file():
                self._cut.wrote(source)
        super().rename(source, target)
        if self._cut._inside(target):
            self._cut.renamed(source, target)

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        if self._cut._inside(target):
            self._cut.linked(source, target)

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        if self._cut._inside(path):
            self._cut.unlinked(path)

    def make_folder(self, path: Path, mode: int) -> None:
        super().make_folder(path, mode)
        if self._cut._inside(path):
            self._cut.made_folder(path)


def recorded(root: Path, act: Callable[[PowerCut], None]) -> PowerCut:
    """Act on a folder; what every power cut on the way would leave of it."""
    cut, real = PowerCut(root), durable.disk
    durable.disk = FaultyDisk(cut)
    try:
        act(cut)
    finally:
        durable.disk = real
    return cut
