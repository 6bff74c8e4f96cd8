"""Snapshots of a state: a cache of the fold, confirmed by the log or refused.

A file has three lines: a mark with the format and the SHA-256 of all that follows; the head; the
state. It is written under another name, synced and renamed, so that it is whole or not there.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
from msgspec import Struct, field, structs

from deadreckon.contracts.envelope import digest
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.event import Mode
from deadreckon.contracts.units import described
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import ChainLink, ChainLinks
from deadreckon.runtime.process import killpoints
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.ingress import Ingress

FORMAT = 1
MARK = b"deadreckon snapshot"
SUFFIX = ".snapshot"
WRITING = ".writing"
KEPT = 2  # the newest, and one before it in case that is damaged
FACTS_MIN = 25_000  # between two snapshots: what a start folds in well under a second
BYTES_PER_FACT = 400  # of a state: the bigger it is, the longer the pause in which it is encoded

# What the decoder raises over bytes that nobody here wrote.
_UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)

log = structlog.get_logger()

# As it lies in memory: the order of dicts is part of a state (a queue is a dict).
encode_state = msgspec.json.Encoder(decimal_format="string").encode


class SnapshotAheadError(OperationalError):
    """You started on a log that ends before a snapshot of it: the log was cut."""


class _RefusedError(Exception):
    """Refusal of a snapshot, with the reason."""


class StateAtCommit(Struct, frozen=True):
    """The digest of a service's state at one of its commits."""

    n: Annotated[int, described("number of the commit in its domain")]
    position: Annotated[int, described("sequence up to which it answered every message")]
    part: Annotated[int, described("number of events of the next message that it answered")]
    digest: Annotated[str, described("SHA-256 (hex) of the state")]


class LogPosition(Struct, frozen=True):
    """A position in a log that identifies the log: a message's `sequence` and the SHA-256 of its
    bytes. A service's is its own commit number `n`, which covers every input up to message
    `covered`."""

    sequence: int
    digest: str
    n: int
    covered: int = field(name="place")


class SnapshotHead(Struct, frozen=True):
    """The head of a snapshot: its owner, its position in the log, and the hashes that prove it.

    `code` and `schema` are hashes of the program that folded it and of the state's shape; `ingress`
    and `links` (by `book.service`) are those at `covered`; `state` is the state's digest.
    """

    name: str
    book: str
    mode: Mode
    code: str
    schema: str
    position: LogPosition = field(name="moment")
    ingress: Ingress = field(name="intake")
    links: dict[str, ChainLink]
    state: str


class Snapshot(Struct, frozen=True):
    """A state to go on from, and its position in the log."""

    position: LogPosition
    ingress: Ingress
    links: ChainLinks
    state: Any


class SnapshotStore:
    """The snapshots of one service (or view) in a folder of their own, the newest two kept.

    `modules` fold the state, whose type is `shape`. `refused` counts what could not be used.
    """

    def __init__(
        self, folder: Path, name: str, book: str, mode: Mode, modules: Iterable[str], shape: Any
    ) -> None:
        self.folder = folder
        self.refused = 0
        self._name, self._book, self._mode = name, book, mode
        self._modules = list(modules)
        self._shape = shape
        self._size = 0
        self._key: tuple[str, str] | None = None
        self._writing: asyncio.Future[None] | None = None

    @property
    def facts_between(self) -> int:
        """Facts to fold between two snapshots: more for a big state."""
        return max(FACTS_MIN, self._size // BYTES_PER_FACT)

    async def load(self, bus: Bus) -> Snapshot | None:
        """Load the newest snapshot that this log, this program and its own checksum confirm; null
        when there is none. Every one refused is named in the process's log.

        Raises SnapshotAheadError when one is ahead of the log.
        """
        last = (await retry(bus.info)).last
        for path in sorted(self.folder.glob(f"*{SUFFIX}"), reverse=True):
            try:
                return await self._verified(path, bus, last)
            except _RefusedError as fault:
                self.refused += 1
                log.warning(
                    "snapshot_refused",
                    service=self._name,
                    snapshot=str(path),
                    reason=str(fault),
                    next="an older one, or the whole log, is folded instead",
                )
        return None

    def keep(self, position: LogPosition, ingress: Ingress, links: ChainLinks, state: Any) -> None:
        """Write a state as it is now; encoded at once, written in a thread.

        While one is still being written the next one is dropped.
        """
        if self._writing is not None and not self._writing.done():
            return
        encoded = encode_state(state)
        self._size = len(encoded)
        now = structs.replace(ingress)  # it moves on; what it holds is never changed in place
        writing = asyncio.to_thread(self._write, position, now, links, encoded)
        self._writing = asyncio.ensure_future(writing)

    async def written(self) -> None:
        """Wait until the last snapshot is on disk, or has failed and been logged."""
        if self._writing is not None:
            await self._writing

    def _program(self) -> tuple[str, str]:
        if self._key is None:
            schema = msgspec.json.encode(msgspec.json.schema(self._shape))
            self._key = fold_code(self._modules), hashlib.sha256(schema).hexdigest()
        return self._key

    async def _verified(self, path: Path, bus: Bus, last: int) -> Snapshot:
        head, encoded = _read(path)
        self._check_whose(head)
        await _check_log(path, head.position, bus, last)
        self._check_program(head)
        try:
            state = msgspec.json.decode(encoded, type=self._shape)
        except _UNREADABLE as error:
            raise _RefusedError(f"its state cannot be read: {error}") from error
        if state_digest(state) != head.state:
            raise _RefusedError("what is read of its state is not what was written")
        self._size = len(encoded)
        links = {_domain(name): link for name, link in head.links.items()}
        return Snapshot(head.position, head.ingress, links, state)

    def _check_whose(self, head: SnapshotHead) -> None:
        found, wanted = (head.name, head.book, head.mode), (self._name, self._book, self._mode)
        if found != wanted:
            raise _RefusedError(f"it is of {' '.join(found)}, not of {' '.join(wanted)}")

    def _check_program(self, head: SnapshotHead) -> None:
        if (head.code, head.schema) != self._program():
            raise _RefusedError("other code folded it")

    def _head(
        self, position: LogPosition, ingress: Ingress, links: ChainLinks, encoded: bytes
    ) -> SnapshotHead:
        code, schema = self._program()
        return SnapshotHead(
            name=self._name,
            book=self._book,
            mode=self._mode,
            code=code,
            schema=schema,
            position=position,
            ingress=ingress,
            links={f"{book}.{service}": link for (book, service), link in links.items()},
            state=hashlib.sha256(encoded).hexdigest(),
        )

    def _write(
        self, position: LogPosition, ingress: Ingress, links: ChainLinks, encoded: bytes
    ) -> None:
        """Write a snapshot; a disk that does not take it stops no trading, since the log is what
        counts."""
        head = encode_state(self._head(position, ingress, links, encoded))
        path = self.folder / f"{position.sequence:016d}{SUFFIX}"
        temporary = path.with_suffix(f".{os.getpid()}{WRITING}")
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(exist_ok=True, mode=0o700)
            _write_whole(temporary, head, encoded, self._name)
            killpoints.passed("snapshot-whole", self._name)
            os.replace(temporary, path)
            _sync_folder(self.folder)
            killpoints.passed("snapshot-done", self._name)
            self._prune()
        except OSError as error:
            log.warning("snapshot_not_written", service=self._name, reason=str(error))

    def _prune(self) -> None:
        old = sorted(self.folder.glob(f"*{SUFFIX}"))[:-KEPT]
        for path in [*old, *self.folder.glob(f"*{WRITING}")]:
            path.unlink(missing_ok=True)


class Snapshots:
    """All snapshots of a data folder."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "snapshots"
        self._shelves: dict[str, SnapshotStore] = {}

    @property
    def refused(self) -> dict[str, int]:
        """Snapshots that could not be used, by their owner's name."""
        return {name: snapshot_store.refused for name, snapshot_store in self._shelves.items()}

    def snapshot_store(
        self, name: str, book: str, mode: Mode, modules: Iterable[str], shape: Any
    ) -> SnapshotStore:
        """Return the store of one service's snapshots in one book."""
        snapshot_store = SnapshotStore(
            self._folder / f"{book}.{name}", name, book, mode, modules, shape
        )
        self._shelves[name] = snapshot_store
        return snapshot_store


def state_digest(state: Any) -> str:
    """Return the SHA-256 (hex) of a state as it would be written down."""
    return hashlib.sha256(encode_state(state)).hexdigest()


def examine_snapshots(data: Path) -> list[tuple[Path, str | None]]:
    """List every snapshot under a data folder, with what is wrong with the file (null: nothing is).
    Whether it fits the log and the program is checked when a service starts."""
    return [(path, _fault(path)) for path in sorted((data / "snapshots").glob(f"*/*{SUFFIX}"))]


def _fault(path: Path) -> str | None:
    try:
        _read(path)
    except _RefusedError as fault:
        return str(fault)
    return None


def _read(path: Path) -> tuple[SnapshotHead, memoryview]:
    """Read the head and the encoded state of an undamaged file. Raises _RefusedError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _RefusedError(f"it cannot be read: {error.strerror}") from error
    begin = content.find(b"\n") + 1
    mark, _, checksum = content[: max(begin - 1, 0)].rpartition(b" ")
    if mark != _mark():
        raise _RefusedError(f"it does not begin as a snapshot of format {FORMAT}")
    rest = memoryview(content)[begin:]  # a state may be big: no copies of it
    if checksum != hashlib.sha256(rest).hexdigest().encode():
        raise _RefusedError("it is damaged: its checksum is another")
    length = content.find(b"\n", begin) - begin
    try:
        return msgspec.json.decode(rest[:length], type=SnapshotHead), rest[length + 1 :]
    except _UNREADABLE as error:
        raise _RefusedError(f"its head cannot be read: {error}") from error


async def _check_log(path: Path, position: LogPosition, bus: Bus, last: int) -> None:
    if position.sequence > last:
        raise SnapshotAheadError(
            f"{path} was made at message {position.sequence}, but the log ends at {last}: the log "
            "was cut; restore it from a copy (only if this folder was given another log on "
            "purpose, delete its folder of snapshots)"
        )
    stored = await retry(lambda: bus.message(position.sequence))
    if stored is None or digest(stored.payload) != position.digest:
        raise _RefusedError(f"it is of another log: message {position.sequence} is not the same")


def _mark() -> bytes:
    return b"%s %d" % (MARK, FORMAT)


def _write_whole(path: Path, head: bytes, encoded: bytes, name: str) -> None:
    checksum = hashlib.sha256(head + b"\n")
    checksum.update(encoded)
    mark = b"%s %s\n" % (_mark(), checksum.hexdigest().encode())
    state = memoryview(encoded)
    half = len(state) // 2
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(mark + head + b"\n")
        file.write(state[:half])
        if killpoints.armed is not None:
            file.flush()
            killpoints.passed("snapshot-half", name)
        file.write(state[half:])
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _domain(name: str) -> tuple[str, str]:
    book, _, service = name.partition(".")
    return book, service
