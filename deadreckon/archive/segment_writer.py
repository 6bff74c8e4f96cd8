"""Writer of a range of the log: Parquet segments and a manifest, complete or not visible at all."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars
from msgspec import Struct
from polars.exceptions import PanicException, PolarsError

from deadreckon import __version__
from deadreckon.archive.manifests import (
    ArchiveError,
    ArchiveManifest,
    Segment,
    digest_of,
    file_bytes,
    file_of,
    signed,
)
from deadreckon.archive.merkle import Tree, leaf_hash
from deadreckon.archive.signing import SealKey
from deadreckon.archive.typed_columns import MESSAGES, frame, rows_of
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.event import Mode
from deadreckon.contracts.subjects import TOKEN, parse
from deadreckon.contracts.timestamps import day_of
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.process import durable, killpoints

UNFINISHED = ".unfinished"  # the folder of a range that is being written
CHUNK_MESSAGES = 20_000  # held in memory before they go to disk, so that a day may be of any size
CHUNK_BYTES = 16 * 1024 * 1024
ROW_GROUP = 4_096  # rows: what a reader of a few messages has to unpack
ROW_GROUP_TYPED = 131_072  # of a family: it is scanned whole
NO_BOOK = "_"  # the folder of subjects that no service of ours would write
HASHED = 1024 * 1024  # bytes at a time

SegmentKey = tuple[str, str]  # family and book


class RangeCounts(Struct):
    """The contents of a range so far, counted."""

    first: int
    last: int
    now: int
    mode: Mode = "paper"
    events: int = 0
    damaged: int = 0
    schemas: dict[str, list[int]] = {}


class RangeWriter:
    """Writer of one range, message by message; nothing of it is visible before `finish`."""

    def __init__(self, root: Path, before: ArchiveManifest | None) -> None:
        self._root = root
        self._before = before
        self._number = before.number + 1 if before else 1
        self._work = root / UNFINISHED / f"{self._number:08d}"
        self._tree = Tree()
        self._rows: dict[SegmentKey, list[Any]] = {}
        self._parts: dict[SegmentKey, list[Path]] = {}
        self._held = 0
        self._bytes = 0
        first = before.last + 1 if before else 1
        now = before.now if before else 0
        self.counted = RangeCounts(first, first - 1, now, before.mode if before else "paper")
        delete_unfinished(root, self._number)

    def add(self, stored: Stored, commit: Commit | None, now: int) -> None:
        """Add the next message, its commit if it is one, and the decision time after it
        (nanoseconds).

        Raises ArchiveError for a message that does not continue the range.
        """
        counted = self.counted
        if stored.sequence != counted.last + 1:
            raise ArchiveError(
                f"message {stored.sequence} cannot be sealed: {counted.last + 1} comes next"
            )
        counted.last, counted.now = stored.sequence, now
        self._tree.add(leaf_hash(stored))
        book = book_of(stored.subject)
        line = (stored.sequence, stored.stored_at, stored.subject, stored.payload)
        self._rows.setdefault((MESSAGES, book), []).append(line)
        if commit is not None:
            self._add_events(commit, stored.sequence, book)
        self._held += 1
        self._bytes += len(stored.payload)
        if self._held >= CHUNK_MESSAGES or self._bytes >= CHUNK_BYTES:
            self._spill()

    def damaged(self) -> None:
        """Note that the last message lies in a service's domain but is not a commit."""
        self.counted.damaged += 1

    def _add_events(self, commit: Commit, sequence: int, book: str) -> None:
        counted = self.counted
        for envelope in commit.events:
            counted.events += 1
            counted.mode = envelope.mode
            known = counted.schemas.setdefault(envelope.type, [])
            if envelope.v not in known:
                known.append(envelope.v)
                known.sort()
        for family, found in rows_of(commit, sequence):
            self._rows.setdefault((family, book), []).append(found)

    def _spill(self) -> None:
        """Write what is held to temporary files, so that memory stays small."""
        self._work.mkdir(parents=True, exist_ok=True)
        for (family, book), rows in self._rows.items():
            parts = self._parts.setdefault((family, book), [])
            part = self._work / f"{family}.{book}.{len(parts)}.ipc"
            frame(family, rows).write_ipc(part)
            parts.append(part)
        self._rows = {}
        self._held = self._bytes = 0

    def finish(
        self, key: SealKey | None, code: str = __version__, *, root: str = ""
    ) -> ArchiveManifest:
        """Move the segments to their paths, then the manifest.

        Raises ArchiveError when there is nothing to seal, or the Merkle root is not the one given.
        """
        counted = self.counted
        if counted.last < counted.first:
            raise ArchiveError("there is no message to seal")
        if root and self._tree.root().hex() != root:
            raise ArchiveError(
                f"messages {counted.first} to {counted.last} of the log are not those that were "
                f"sealed as range {self._number}: their Merkle root is another one"
            )
        self._spill()
        name = day_of(counted.now)
        segments = [self._put(key, name) for key in sorted(self._parts)]
        killpoints.passed("archive-segments")
        manifest = ArchiveManifest(
            number=self._number,
            first=counted.first,
            last=counted.last,
            day=name,
            messages=self._tree.size,
            events=counted.events,
            segments=segments,
            root=self._tree.root().hex(),
            previous=digest_of(self._before) if self._before else "",
            code=code,
            schemas={each: counted.schemas[each] for each in sorted(counted.schemas)},
            now=counted.now,
            mode=counted.mode,
            damaged=counted.damaged,
        )
        manifest = signed(manifest, key)
        _keep_manifest(self._root, manifest)
        killpoints.passed("archive-manifest")
        self.discard()
        return manifest

    def _put(self, key: SegmentKey, day: str) -> Segment:
        """Make one file of the parts of a family and book, and move it to where it is seen."""
        family, book = key
        path = Path(family, f"book={book}", f"day={day}", f"{self._number:08d}.parquet")
        temporary = self._work / f"{family}.{book}.parquet"
        size = ROW_GROUP if family == MESSAGES else ROW_GROUP_TYPED
        polars.scan_ipc(self._parts[key]).sink_parquet(
            temporary, compression="zstd", row_group_size=size, maintain_order=True
        )
        rows = polars.scan_parquet(temporary).select(polars.len()).collect().item()
        segment = Segment(
            path.as_posix(), family, book, rows, temporary.stat().st_size, file_digest(temporary)
        )
        move_durably(temporary, self._root / path)
        killpoints.passed("archive-segment")
        return segment

    def discard(self) -> None:
        """Forget what was not finished."""
        shutil.rmtree(self._root / UNFINISHED, ignore_errors=True)


@contextmanager
def write_faults_as_archive_errors(root: Path) -> Iterator[None]:
    """Raise ArchiveError, with the file if it is known, when the disk does not take what the block
    writes under `root`."""
    try:
        yield
    except (OSError, PolarsError, PanicException) as error:
        path, reason = root, str(error)
        if isinstance(error, OSError):
            path, reason = error.filename or root, error.strerror or reason
        raise ArchiveError(f"{path} cannot be written: {reason}") from error


def delete_unfinished(root: Path, number: int) -> None:
    """Delete what a writer that was killed has left of the range `number` or a later one.

    Raises ArchiveError when that range is sealed after all.
    """
    if file_of(root, number).exists():
        raise ArchiveError(f"{file_of(root, number)} exists: another sealer works on this archive")
    shutil.rmtree(root / UNFINISHED, ignore_errors=True)
    for path in root.glob("*/book=*/day=*/*.parquet"):
        if path.stem.isdigit() and int(path.stem) >= number:
            path.unlink()


def move_durably(source: Path, target: Path) -> None:
    """Move a file to its path, on the disk before it is seen there."""
    durable.make_folders(target.parent, durable.SHARED_FOLDER)
    durable.sync(source)
    durable.move(source, target)


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    running = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASHED):
            running.update(block)
    return running.hexdigest()


def _keep_manifest(root: Path, manifest: ArchiveManifest) -> None:
    replace_durably(root, file_of(root, manifest.number), file_bytes(manifest))


def replace_durably(root: Path, path: Path, content: bytes) -> None:
    """Replace a file of an archive: a reader finds the old content or the new."""
    temporary = root / UNFINISHED / path.name
    durable.make_folders(temporary.parent, durable.SHARED_FOLDER)
    durable.write(temporary, content, mode=durable.SHARED)
    move_durably(temporary, path)


def book_of(subject: str) -> str:
    """Return the folder of a subject; a name from outside never becomes part of a path."""
    try:
        book = parse(subject).book
    except ValueError:
        return NO_BOOK
    return book if TOKEN.fullmatch(book) else NO_BOOK
