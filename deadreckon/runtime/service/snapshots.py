"""Snapshots of a state: a cache of the fold, confirmed by the log or refused."""

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Struct, structs

from deadreckon.contracts.envelope import digest
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.event import Mode
from deadreckon.contracts.units import described
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import ChainLinks
from deadreckon.runtime.process import durable, killpoints, log_lines
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.snapshot_file import (
    SUFFIX,
    UNREADABLE,
    LogPosition,
    SnapshotHead,
    SnapshotRefusedError,
    read_snapshot,
    write_whole,
)

WRITING = ".writing"
KEPT = 2  # the newest, and one before it in case that is damaged
FACTS_MIN = 25_000  # between two snapshots: what a start folds in well under a second
BYTES_PER_FACT = 400  # of a state: the bigger it is, the longer the pause in which it is encoded


log = log_lines.Logger()

# As it lies in memory: the order of dicts is part of a state (a queue is a dict).
encode_state = msgspec.json.Encoder(decimal_format="string").encode


class SnapshotAheadError(OperationalError):
    """You started on a log that ends before a snapshot of it: the log was cut."""


class StateAtCommit(Struct, frozen=True):
    """The digest of a service's state at one of its commits."""

    n: Annotated[int, described("number of the commit in its domain")]
    position: Annotated[int, described("sequence up to which it answered every message")]
    part: Annotated[int, described("number of events of the next message that it answered")]
    digest: Annotated[str, described("SHA-256 (hex) of the state")]


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
            except SnapshotRefusedError as fault:
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
        head, encoded = read_snapshot(path)
        self._check_whose(head)
        await _check_log(path, head.position, bus, last)
        self._check_program(head)
        try:
            state = msgspec.json.decode(encoded, type=self._shape)
        except UNREADABLE as error:
            raise SnapshotRefusedError(f"its state cannot be read: {error}") from error
        if state_digest(state) != head.state:
            raise SnapshotRefusedError("what is read of its state is not what was written")
        self._size = len(encoded)
        links = {_domain(name): link for name, link in head.links.items()}
        return Snapshot(head.position, head.ingress, links, state)

    def _check_whose(self, head: SnapshotHead) -> None:
        found, wanted = (head.name, head.book, head.mode), (self._name, self._book, self._mode)
        if found != wanted:
            raise SnapshotRefusedError(f"it is of {' '.join(found)}, not of {' '.join(wanted)}")

    def _check_program(self, head: SnapshotHead) -> None:
        if (head.code, head.schema) != self._program():
            raise SnapshotRefusedError("other code folded it")

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
        encode = msgspec.json.Encoder(decimal_format="string").encode  # this thread's own
        head = encode(self._head(position, ingress, links, encoded))
        path = self.folder / f"{position.sequence:016d}{SUFFIX}"
        temporary = path.with_suffix(f".{os.getpid()}{WRITING}")
        try:
            durable.make_folders(self.folder)
            write_whole(temporary, head, encoded, self._name)
            killpoints.passed("snapshot-whole", self._name)
            durable.move(temporary, path)
            killpoints.passed("snapshot-done", self._name)
            self._prune()
        except OSError as error:
            log.warning("snapshot_not_written", service=self._name, reason=str(error))

    def _prune(self) -> None:
        old = sorted(self.folder.glob(f"*{SUFFIX}"))[:-KEPT]
        for path in [*old, *self.folder.glob(f"*{WRITING}")]:
            durable.disk.unlink(path)


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


async def _check_log(path: Path, position: LogPosition, bus: Bus, last: int) -> None:
    if position.sequence > last:
        raise SnapshotAheadError(
            f"{path} was made at message {position.sequence}, but the log ends at {last}: the log "
            "was cut; restore it from a copy (only if this folder was given another log on "
            "purpose, delete its folder of snapshots)"
        )
    stored = await retry(lambda: bus.message(position.sequence))
    if stored is None or digest(stored.payload) != position.digest:
        raise SnapshotRefusedError(
            f"it is of another log: message {position.sequence} is not the same"
        )


def _domain(name: str) -> tuple[str, str]:
    book, _, service = name.partition(".")
    return book, service
