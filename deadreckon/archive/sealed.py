"""Archive as a log that has ended: everything can be read, nothing appended."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import polars

from deadreckon.archive.segments import Archive, ArchiveError
from deadreckon.contracts.subjects import covers
from deadreckon.runtime.log.bus import DeniedError, Fence, HoleError, LogInfo, Stored
from deadreckon.runtime.log.memory import MemoryBus


class SealedLog(MemoryBus):
    """The log in an archive up to message `upto` (null: all of it). Notices stay in the process.

    A damaged archive raises HoleError where it is read: never half a log.
    """

    def __init__(self, archive: Archive, upto: int | None = None) -> None:
        super().__init__()
        self.archive = archive
        with archive_faults_as_holes():
            first, last = archive.first, archive.last
        self.last = last if upto is None else upto
        self._tails: dict[str, int] | None = None  # by subject
        if first > 1:
            raise HoleError(f"the archive begins with message {first}; 1 is missing")
        if last < self.last:
            raise HoleError(f"the archive ends with message {last}; {last + 1} is missing")
        self._check_files()

    def _check_files(self) -> None:
        """Check that all files are there, by their sizes; content is checked when it is read."""
        for manifest in self.archive.manifests:
            for segment in manifest.segments:
                path = self.archive.root / segment.path
                with archive_faults_as_holes():
                    size = path.stat().st_size
                if size != segment.bytes:
                    raise HoleError(f"{path} has {size} bytes, not {segment.bytes}: restore it")

    async def append(self, subject: str, payload: bytes, fence: Fence | None = None) -> int:
        """Refuse: nothing can be appended to an archive."""
        raise DeniedError(f"{subject}: this log is an archive, nothing can be added to it")

    async def tail(self, filter: str) -> Stored | None:
        """Return the last message under `filter`."""
        if self._tails is None:
            self._tails = await asyncio.to_thread(self._read_tails)
        found = [sequence for subject, sequence in self._tails.items() if covers(filter, subject)]
        return await self.message(max(found)) if found else None

    def _read_tails(self) -> dict[str, int]:
        with archive_faults_as_holes():
            rows = (
                polars.scan_parquet(self.archive.paths("messages"), hive_partitioning=False)
                .filter(polars.col("sequence") <= self.last)
                .group_by("subject")
                .agg(polars.col("sequence").max())
                .collect()
            )
        return dict(rows.iter_rows())

    async def message(self, sequence: int) -> Stored | None:
        """Return one message by its sequence."""
        if not 1 <= sequence <= self.last:
            return None
        with archive_faults_as_holes():
            return await asyncio.to_thread(self.archive.message, sequence)

    async def info(self) -> LogInfo:
        """Return first and last sequence (there are no holes), and the bytes of its files."""
        with archive_faults_as_holes():
            ranges = [each for each in self.archive.manifests if each.first <= self.last]
        size = sum(segment.bytes for each in ranges for segment in each.segments)
        return LogInfo(1 if self.last else 0, self.last, self.last, size, 0)

    async def read(self, after: int) -> "SealedReader":
        """Return a reader that begins with sequence `after` + 1, and waits for ever at the end."""
        if after > self.last:
            raise HoleError(f"the log ends at {self.last}; {after} was read or written before")
        return SealedReader(self.archive, after, self.last)


class SealedReader:
    """Reads an archive from one sequence to another; `last` is the last sequence handed out."""

    def __init__(self, archive: Archive, after: int, upto: int) -> None:
        self.last = after
        self._upto = upto
        self._lists = archive.messages(after, upto)
        self._coming: asyncio.Future[list[Stored]] | None = None

    @property
    def ended(self) -> bool:
        """True once everything was handed out."""
        return self.last >= self._upto

    async def next(self, wait: float) -> list[Stored]:
        """Return the next messages; [] at the end, after `wait` seconds. Raises HoleError."""
        if self.ended:
            await asyncio.sleep(wait)
            return []
        if self._coming is None:
            self._coming = asyncio.ensure_future(asyncio.to_thread(self._next))
        # Who is cancelled while it is read gets it with the next call.
        found = await asyncio.shield(self._coming)
        self._coming = None
        self.last = found[-1].sequence
        return found

    def _next(self) -> list[Stored]:
        with archive_faults_as_holes():
            found = next(self._lists, None)
        if not found:
            raise HoleError(f"the archive ends with {self.last}; {self.last + 1} is missing")
        for expected, stored in enumerate(found, self.last + 1):
            if stored.sequence != expected:
                raise HoleError(f"the archive goes on with {stored.sequence}, not {expected}")
        return found

    async def close(self) -> None:
        """Stop reading."""
        self._upto = self.last
        if self._coming is not None:
            await asyncio.gather(self._coming, return_exceptions=True)


@contextmanager
def archive_faults_as_holes() -> Iterator[None]:
    """Raise HoleError for faults of the archive in the block, as any reader of a log expects."""
    try:
        yield
    except (ArchiveError, OSError, polars.exceptions.PolarsError) as error:
        raise HoleError(f"the archive cannot be read: {error}") from error
