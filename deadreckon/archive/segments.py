"""Reader of an archive: ranges of the log in sealed Parquet files.

manifests/00000001.json                                one for each range, linked and signed
messages/book=BOOK/day=2022-01-15/00000001.parquet     every message, its bytes as stored
fills/ orders/ signals/ refusals/ marks/               likewise: columns of the hot families
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars

from deadreckon.archive.days import DayWriter
from deadreckon.archive.manifests import ArchiveError, ArchiveManifest, Segment, read_chain
from deadreckon.archive.segment_writer import file_digest
from deadreckon.archive.signing import SealKey
from deadreckon.archive.typed_columns import MESSAGES
from deadreckon.runtime.log.bus import Stored

WINDOW = 4_096  # messages handed out at once

__all__ = ["Archive", "ArchiveError", "ArchiveManifest", "Segment", "write_log", "write_range"]


class Archive:
    """Reader of what is sealed under `root`; it may be empty."""

    def __init__(self, root: Path) -> None:
        """Read the manifests. Raises ArchiveError when their chain is broken."""
        self.root = root
        self.manifests = read_chain(root)
        self._sound: set[str] = set()

    @property
    def first(self) -> int:
        """The first sequence that is sealed; 0 when there is none."""
        return self.manifests[0].first if self.manifests else 0

    @property
    def last(self) -> int:
        """The last sequence that is sealed; 0 when there is none."""
        return self.manifests[-1].last if self.manifests else 0

    def messages(self, after: int, upto: int | None = None) -> Iterator[list[Stored]]:
        """Yield every message after `after` and up to `upto` (null: the last), in lists.

        Raises ArchiveError naming the file or sequence that is damaged.
        """
        end = self.last if upto is None else min(upto, self.last)
        for manifest in self.manifests:
            if manifest.last > after and manifest.first <= end:
                first, last = max(manifest.first, after + 1), min(manifest.last, end)
                yield from self._messages(manifest, first, last)

    def message(self, sequence: int) -> Stored | None:
        """Return one message; null when it is not sealed."""
        found = next(self.messages(sequence - 1, sequence), [])
        return found[0] if found else None

    def paths(self, family: str, days: Iterable[str] | None = None) -> list[Path]:
        """List the files of a family, all or those of some days, in the order of the log."""
        wanted = None if days is None else set(days)
        return [
            self.root / segment.path
            for manifest in self.manifests
            if wanted is None or manifest.day in wanted
            for segment in manifest.segments
            if segment.family == family
        ]

    def check_file(self, segment: Segment) -> None:
        """Raise ArchiveError when a segment's file is not the one that was sealed."""
        path = self.root / segment.path
        if segment.path in self._sound:
            return
        try:
            found = file_digest(path)
        except OSError as error:
            raise ArchiveError(f"{path} cannot be read: {error.strerror or error}") from error
        if found != segment.sha256:
            raise ArchiveError(f"{path} is not the file that was sealed: restore it from a copy")
        self._sound.add(segment.path)

    def _messages(self, manifest: ArchiveManifest, first: int, last: int) -> Iterator[list[Stored]]:
        segments = [each for each in manifest.segments if each.family == MESSAGES]
        for segment in segments:
            self.check_file(segment)
        files = [self.root / segment.path for segment in segments]
        table = polars.scan_parquet(files, hive_partitioning=False, glob=False)
        for begin in range(first, last + 1, WINDOW):
            end = min(begin + WINDOW - 1, last)
            found = read_window(table, begin, end)
            check_contiguous(found, begin, end, manifest)
            yield found


def read_window(table: polars.LazyFrame, first: int, last: int) -> list[Stored]:
    """Read the messages `first`..`last` of the files of all books, by sequence."""
    rows = (
        table.filter(polars.col("sequence").is_between(first, last))
        .select("sequence", "subject", "payload", "stored_at")
        .sort("sequence")
        .collect()
    )
    return [Stored(*values) for values in rows.iter_rows()]


def check_contiguous(found: list[Stored], first: int, last: int, manifest: ArchiveManifest) -> None:
    """Raise ArchiveError naming the first message that is missing or there twice."""
    expected = first
    for stored in found:
        if stored.sequence != expected:
            break
        expected += 1
    if expected <= last or len(found) != last - first + 1:
        raise ArchiveError(
            f"range {manifest.number}: message {expected} is not where it belongs in the segments"
        )


def write_log(
    root: Path, messages: Iterable[Stored], key: SealKey | None = None
) -> list[ArchiveManifest]:
    """Continue an archive with messages: one range for each day, the last one as far as it goes.

    Without a key the manifests are unsigned, as those of a log that was made. Raises ArchiveError.
    """
    return _write(root, messages, key, splits=True)


def write_range(
    root: Path, messages: Iterable[Stored], key: SealKey | None = None
) -> ArchiveManifest:
    """Continue an archive with messages as one range, of the day with which they end.

    Whoever is killed meanwhile writes it again; nothing of it counts before its manifest is there.
    Raises ArchiveError.
    """
    return _write(root, messages, key, splits=False)[-1]


def _write(
    root: Path, messages: Iterable[Stored], key: SealKey | None, *, splits: bool
) -> list[ArchiveManifest]:
    chain = read_chain(root)
    written: list[ArchiveManifest] = []
    writer = DayWriter(root, chain[-1] if chain else None, key, written.append, splits=splits)
    for stored in messages:
        writer.add(stored)
    writer.finish()
    return written
