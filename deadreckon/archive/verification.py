"""Verification that an archive is what was sealed; a fault names its place."""

from collections.abc import Callable
from pathlib import Path

import polars
from msgspec import Struct, field
from polars.exceptions import PanicException, PolarsError

from deadreckon.archive.days import SEALS
from deadreckon.archive.live_comparison import LiveReader
from deadreckon.archive.manifests import (
    ArchiveError,
    ArchiveManifest,
    Segment,
    digest_of,
    file_of,
    has_valid_signature,
    read_prefix,
)
from deadreckon.archive.merkle import Tree, leaf_hash
from deadreckon.archive.recompute import column_differences
from deadreckon.archive.sealer import PUBLIC, public_keys
from deadreckon.archive.segment_writer import UNFINISHED, file_digest
from deadreckon.archive.segments import WINDOW, read_window
from deadreckon.archive.typed_columns import MESSAGES
from deadreckon.contracts.archive import RangeSealed
from deadreckon.contracts.codec import UndecodableError, decode_commit, unwrap
from deadreckon.contracts.subjects import INBOUND
from deadreckon.runtime.log.bus import Bus, Stored

Progress = Callable[[int, int], None]  # sequence reached, of how many


class ArchiveFault(Struct, frozen=True):
    """A difference from what was sealed: in which file (or `log`), from which sequence on (null if
    unknown), and what."""

    where: str
    sequence: int | None
    reason: str


class ArchiveVerdict(Struct):
    """The result of a verification: what was read, and the faults found.

    `compared` counts messages found in the log as well, `recorded` the ranges whose seal the
    log records, `unsaid` lists those it does not yet. `keys` are those that signed; none for a
    generated log.
    """

    ranges: int = 0
    last: int = 0
    messages: int = 0
    events: int = 0
    files: int = 0
    compared: int = 0
    recorded: int = field(name="said", default=0)
    unsaid: list[int] = []
    keys: list[str] = []
    faults: list[ArchiveFault] = []

    @property
    def sound(self) -> bool:
        """True when something was sealed, and everything is as it was."""
        return self.ranges > 0 and not self.faults

    @property
    def first_bad_sequence(self) -> int | None:
        """The first message known to differ from what was sealed; null if unknown."""
        sequences = [fault.sequence for fault in self.faults if fault.sequence is not None]
        return min(sequences, default=None)


async def verify(
    root: Path, bus: Bus | None, key: str | None, progress: Progress, *, columns: bool = False
) -> ArchiveVerdict:
    """Check an archive, against the log where there is one, and against a public key (hex) that is
    known from elsewhere; without one the keys are those that the archive names itself. With
    `columns` what the families say is worked out anew from the messages, too."""
    chain, fault = read_prefix(root)
    job = _Verification(root, chain, key)
    if fault:
        broken = file_of(root, len(chain) + 1)
        job.blame(_name(root, broken), chain[-1].last + 1 if chain else 1, fault)
    live = LiveReader(bus)
    await live.begin()
    for manifest in chain:
        job.check_manifest(manifest)
        whole = await job.check_range(manifest, live)
        if columns and whole:
            job.check_columns(manifest)
        progress(manifest.last, chain[-1].last)
    job.check_strays()
    if bus is not None:
        async for stored in live.rest(job.last):
            job.collect(stored)
        job.check_end(live)
    job.check_seals(log_is_here=bus is not None)
    return job.verdict


class _Verification:
    """Verification of an archive; collects what is wrong instead of stopping."""

    def __init__(self, root: Path, chain: list[ArchiveManifest], key: str | None) -> None:
        self._root = root
        self._chain = chain
        self._key = key
        self._seals: list[tuple[int, RangeSealed]] = []  # with the sequence of each
        self.last = chain[-1].last if chain else 0
        self.verdict = ArchiveVerdict(ranges=len(chain), last=self.last)
        self._known = [key] if key else self._published()

    def _published(self) -> list[str]:
        try:
            return public_keys(self._root)
        except ArchiveError as error:
            self.blame(PUBLIC, None, str(error))
            return []

    def blame(self, where: str, sequence: int | None, reason: str) -> None:
        """Put down a fault."""
        self.verdict.faults.append(ArchiveFault(where, sequence, reason))

    def check_manifest(self, manifest: ArchiveManifest) -> None:
        """Check a manifest's signature, and note who signed it."""
        where = self._of(manifest)
        if manifest.public_key and manifest.public_key not in self.verdict.keys:
            self.verdict.keys.append(manifest.public_key)
        if not manifest.public_key:
            if self._known or manifest.signature:
                self.blame(where, manifest.first, "it is not signed")
        elif not has_valid_signature(manifest):
            self.blame(where, manifest.first, "its signature is not that of its key")
        elif manifest.public_key not in self._known:
            whose = "the one you named" if self._key else "in sealer.pub"
            reason = f"it is signed by a key that is not {whose}: {manifest.public_key}"
            self.blame(where, manifest.first, reason)

    async def check_range(self, manifest: ArchiveManifest, live: LiveReader) -> bool:
        """Check files, messages, counts and root of one range; returns whether its files are those
        sealed."""
        sound = [self._is_whole(segment, manifest) for segment in manifest.segments]
        whole = all(sound)
        files = [each for each in manifest.segments if each.family == MESSAGES]
        if not all((self._root / each.path).is_file() for each in files):
            return False
        try:
            await self._check_messages(manifest, [self._root / each.path for each in files], live)
        except (PolarsError, PanicException, OSError) as error:
            reason = f"its segments cannot be read: {error}"
            self.blame(self._of(manifest), manifest.first, reason)
            return False
        return whole

    def check_columns(self, manifest: ArchiveManifest) -> None:
        """Check that the columns agree with the messages."""
        for path, sequence in column_differences(self._root, manifest):
            self.blame(path, sequence, f"its columns are not what message {sequence} says")

    def _is_whole(self, segment: Segment, manifest: ArchiveManifest) -> bool:
        path = self._root / segment.path
        # Which message is another one, is not in the hash of a file; where it cannot be read, all
        # of its range are lost.
        lost = manifest.first if segment.family == MESSAGES else None
        self.verdict.files += 1
        try:
            if file_digest(path) != segment.sha256:
                self.blame(segment.path, None, "it is not the file that was sealed")
                return False
            rows = polars.scan_parquet(path, glob=False).select(polars.len()).collect().item()
        except (OSError, PolarsError, PanicException) as error:
            self.blame(segment.path, lost, f"it cannot be read: {error}")
            return False
        if rows != segment.rows:
            self.blame(segment.path, None, f"it has {rows} rows, not {segment.rows}")
            return False
        return True

    async def _check_messages(
        self, manifest: ArchiveManifest, files: list[Path], live: LiveReader
    ) -> None:
        table = polars.scan_parquet(files, hive_partitioning=False, glob=False)
        tree, events, expected = Tree(), 0, manifest.first
        for begin in range(manifest.first, manifest.last + 1, WINDOW):
            for stored in read_window(table, begin, min(begin + WINDOW - 1, manifest.last)):
                if stored.sequence != expected:
                    what = "missing" if stored.sequence > expected else "there twice"
                    sequence = min(stored.sequence, expected)
                    self.blame(self._of(manifest), sequence, f"message {sequence} is {what}")
                    return
                expected += 1
                tree.add(leaf_hash(stored))
                events += self.collect(stored)
                await self._compare(stored, live)
        if expected <= manifest.last:
            self.blame(self._of(manifest), expected, f"message {expected} is missing")
            return
        self.verdict.messages += tree.size
        self.verdict.events += events
        if tree.root().hex() != manifest.root:
            reason = "the Merkle root over its messages is another one"
            self.blame(self._of(manifest), None, reason)
        if events != manifest.events:
            reason = f"its messages hold {events} events, not {manifest.events}"
            self.blame(self._of(manifest), None, reason)

    async def _compare(self, stored: Stored, live: LiveReader) -> None:
        """Check that the log's own copy of a message has the same subject, bytes and time."""
        found = await live.next(stored.sequence)
        if found is None:
            return
        self.verdict.compared += 1
        if found != stored:
            changed = [
                name
                for name in ("sequence", "subject", "payload", "stored_at")
                if getattr(found, name) != getattr(stored, name)
            ]
            reason = f"the log has message {stored.sequence} with another {', '.join(changed)}"
            self.blame("log", stored.sequence, reason)

    def collect(self, stored: Stored) -> int:
        """Collect the sealer's events of a message; return the number of its events."""
        if stored.subject.split(".")[2:3] in [[door] for door in INBOUND]:
            return 0
        try:
            commit = decode_commit(stored.payload)
            if stored.subject.startswith(SEALS):
                events = [unwrap(envelope).event for envelope in commit.events]
                sealed = [event for event in events if isinstance(event, RangeSealed)]
                self._seals += [(stored.sequence, event) for event in sealed]
        except UndecodableError:
            return 0
        return len(commit.events)

    def check_strays(self) -> None:
        """Report files that a query over the folders would read although no manifest names them."""
        named = {segment.path for each in self._chain for segment in each.segments}
        for path in sorted(self._root.rglob("*.parquet")):
            name = _name(self._root, path)
            if name not in named and path.relative_to(self._root).parts[0] != UNFINISHED:
                self.blame(name, None, "no manifest names this file")

    def check_end(self, live: LiveReader) -> None:
        """Check that the log goes at least as far as the archive."""
        if live.fault:
            self.blame("log", None, live.fault)
        elif live.last < self.last:
            reason = f"the log ends at {live.last}, though {self.last} is sealed: it was cut"
            self.blame("log", live.last + 1, reason)

    def check_seals(self, *, log_is_here: bool) -> None:
        """Check that the log's event about each range agrees with its manifest."""
        latest: dict[int, tuple[int, RangeSealed]] = {}
        for sequence, seal in self._seals:
            before = latest.get(seal.number)
            if before is None and seal.number != len(latest) + 1:
                reason = f"the log speaks of range {seal.number}, and {len(latest) + 1} comes next"
                self.blame("log", sequence, reason)
                return
            if before is not None and before[1].root != seal.root:
                reason = f"the log gives range {seal.number} another root than message {before[0]}"
                self.blame("log", sequence, reason)
            latest[seal.number] = (sequence, seal)
        for sequence, seal in latest.values():
            self._check_seal(sequence, seal)
        self.verdict.recorded = len(latest)
        if log_is_here and self.verdict.keys:
            self.verdict.unsaid = list(range(len(latest) + 1, len(self._chain) + 1))

    def _check_seal(self, sequence: int, seal: RangeSealed) -> None:
        if seal.number > len(self._chain):
            reason = f"message {sequence} of the log says it was sealed, and it is not there"
            self.blame(_name(self._root, file_of(self._root, seal.number)), seal.first, reason)
            return
        manifest = self._chain[seal.number - 1]
        if digest_of(manifest) != seal.manifest or manifest.root != seal.root:
            reason = f"it is not the one that message {sequence} of the log speaks of"
            self.blame(self._of(manifest), manifest.first, reason)

    def _of(self, manifest: ArchiveManifest) -> str:
        return _name(self._root, file_of(self._root, manifest.number))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
