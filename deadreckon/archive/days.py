"""Splits a log into ranges: each ends before the first message of a later day.

A day is a UTC day of decision time, as every service takes it from the log: the latest time of any
market or clock event so far. What comes before the first such event belongs to the first day.
"""

from collections.abc import Callable
from pathlib import Path

from deadreckon.archive.manifests import ArchiveManifest
from deadreckon.archive.segment_writer import RangeWriter, write_faults_as_archive_errors
from deadreckon.archive.signing import SealKey
from deadreckon.contracts.archive import SEALER
from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.clock import TIME_EDGES, ClockReset
from deadreckon.contracts.codec import UndecodableError, decode_commit
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.subjects import INBOUND, SHARED
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.bus import Stored

RESET = NAMES[ClockReset]
TIMES = tuple(f"log.{SHARED}.{service}." for service in TIME_EDGES)
SEALS = f"log.{SHARED}.{SEALER}."


def latest_time(commit: Commit | None, now: int) -> int:
    """Return the decision time after a commit of the market or clock, from what it was before."""
    for envelope in commit.events if commit else ():
        now = envelope.at if envelope.type == RESET else max(now, envelope.at)
    return now


class DayWriter:
    """Takes a log message by message and seals a range whenever a day is over.

    `wrote` is called with each manifest once it is durable. With `splits` false everything is one
    range.
    """

    def __init__(
        self,
        root: Path,
        before: ArchiveManifest | None,
        key: SealKey | None,
        wrote: Callable[[ArchiveManifest], object],
        *,
        splits: bool = True,
    ) -> None:
        self._root = root
        self._key = key
        self._wrote = wrote
        self._splits = splits
        self.before = before
        self.now = before.now if before else 0
        self._writer: RangeWriter | None = None
        self._begun = False

    def add(self, stored: Stored) -> ArchiveManifest | None:
        """Add a message; return the manifest of the day that it ended, if it did. Raises
        ArchiveError, also when the disk fails."""
        commit = _commit_of(stored)
        before = self.now
        if commit is not None and stored.subject.startswith(TIMES):
            self.now = latest_time(commit, before)
        ended = None
        if self._splits and self._writer and before and self.now // DAY != before // DAY:
            ended = self.finish()
        with write_faults_as_archive_errors(self._root):
            if self._writer is None:
                self._writer = RangeWriter(self._root, self.before)
            self._writer.add(stored, commit, self.now)
        if commit is None and stored.subject.split(".")[2:3] not in [[door] for door in INBOUND]:
            self._writer.damaged()
        self._begun = self._begun or not stored.subject.startswith(SEALS)
        return ended

    @property
    def worth_sealing(self) -> bool:
        """True when the open range holds more than events about earlier ranges."""
        return self._begun

    def finish(self, root: str = "") -> ArchiveManifest:
        """Seal the open range, also within a day. Raises ArchiveError.

        With `root` given, only if the range has this Merkle root (hex).
        """
        with write_faults_as_archive_errors(self._root):
            writer = self._writer or RangeWriter(self._root, self.before)
            manifest = writer.finish(self._key, root=root)
        self.before, self._writer, self._begun = manifest, None, False
        self._wrote(manifest)
        return manifest

    def discard(self) -> None:
        """Forget the open range."""
        if self._writer:
            self._writer.discard()
        self._writer, self._begun = None, False
        self.now = self.before.now if self.before else 0


def _commit_of(stored: Stored) -> Commit | None:
    if stored.subject.split(".")[2:3] in [[door] for door in INBOUND]:
        return None
    try:
        return decode_commit(stored.payload)
    except UndecodableError:
        return None
