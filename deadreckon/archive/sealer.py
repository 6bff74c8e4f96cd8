"""Sealer: puts closed days of the log into the archive, and records that in the log."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from deadreckon import __version__
from deadreckon.archive.days import DayWriter, latest_time
from deadreckon.archive.manifests import ArchiveError, ArchiveManifest, digest_of, read_chain
from deadreckon.archive.repair import restore_ranges
from deadreckon.archive.segment_writer import replace_durably, write_faults_as_archive_errors
from deadreckon.archive.signing import SealKey
from deadreckon.contracts.archive import SEALER, RangeSealed
from deadreckon.contracts.clock import TIME_EDGES
from deadreckon.contracts.codec import decode_commit, unwrap, wrap
from deadreckon.contracts.envelope import Commit, derive_id
from deadreckon.contracts.errors import DifferenceError
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.subjects import SHARED, commit_subject
from deadreckon.contracts.timestamps import DAY, day_of, day_start
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain, retry
from deadreckon.runtime.log.reading import read_stored
from deadreckon.runtime.process import killpoints
from deadreckon.runtime.process.file_lock import file_lock

LOCK = "lock"
PUBLIC = "sealer.pub"  # a public key a line, in hex, in the order of their first use

Progress = Callable[[int, int], None]  # sequence reached, of how many


class OpenDayError(DifferenceError):
    """You asked to seal a day that is not over in the log; the message says what to do."""


class SealResult(Struct, frozen=True):
    """The result of a run: the ranges it sealed, and how many it only had to record in the log;
    the last sequence in the archive and in the log, and the log's day (empty before any clock);
    how many ranges that were lost it wrote again."""

    sealed: list[ArchiveManifest]
    caught_up: int
    last: int
    end: int
    day: str
    restored: int = 0


class SealPublisher:
    """Publisher of the sealed ranges in the log, each once and in order."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._domain = Domain(bus, SHARED, SEALER, __version__)

    async def recover(self) -> None:
        """Find the sealer's last commit, to append behind it."""
        await self._domain.recover()

    async def known(self, chain: list[ArchiveManifest]) -> int:
        """Count the ranges that the log knows of. Raises ArchiveError when the archive is not the
        one that the log speaks of."""
        latest = await last_sealed_range(self._bus)
        if latest is None:
            return 0
        if latest.number > len(chain):
            raise ArchiveError(
                f"the log says that range {latest.number} was sealed, but the archive ends with "
                f"{len(chain)}: restore it from a copy, or with --again from what the log still has"
            )
        if digest_of(chain[latest.number - 1]) != latest.manifest:
            raise ArchiveError(
                f"the manifest of range {latest.number} is not the one that the log speaks of: "
                "`dr archive verify`, and restore it from a copy"
            )
        return latest.number

    async def publish(self, manifest: ArchiveManifest) -> None:
        """Commit the event about one range; returns once it is durable."""
        digest = digest_of(manifest)
        name = derive_id(digest, SEALER, manifest.number)
        event = RangeSealed(
            number=manifest.number,
            first=manifest.first,
            last=manifest.last,
            day=manifest.day,
            messages=manifest.messages,
            events=manifest.events,
            root=manifest.root,
            manifest=digest,
            public_key=manifest.public_key,
        )
        record = Recorded(
            name, manifest.now, SHARED, manifest.mode, SEALER, None, name, event=event
        )
        await self._domain.append((manifest.first, manifest.last, 0), [], [wrap(record)])
        killpoints.passed("archive-said")


async def last_sealed_range(bus: Bus) -> RangeSealed | None:
    """Return the log's event about the last sealed range; null when nothing was sealed."""
    commit = await _last_commit(bus, SEALER)
    if commit is None:
        return None
    event = unwrap(commit.events[-1]).event
    assert isinstance(event, RangeSealed), "the sealer says nothing else"
    return event


async def decision_time(bus: Bus) -> int:
    """Return the latest time of a market or clock event in the log; 0 when there is none."""
    now = 0
    for service in TIME_EDGES:
        now = max(now, latest_time(await _last_commit(bus, service), now))
    return now


async def _last_commit(bus: Bus, service: str) -> Commit | None:
    """Find the last commit with events of a service of the shared book."""
    subject = commit_subject(SHARED, service, "events")
    tail = await retry(lambda: bus.tail(subject))
    return decode_commit(tail.payload) if tail else None


async def seal_days(
    bus: Bus,
    root: Path,
    key: SealKey,
    *,
    day: str | None = None,
    everything: bool = False,
    again: bool = False,
    progress: Progress,
) -> SealResult:
    """Seal every day that is over (or those up to `day`, or with `everything` all there is); with
    `again` write first what the log speaks of and the archive has lost.

    Raises OpenDayError, ArchiveError, LockedError when another sealer is at work, and HoleError.
    """
    with ExitStack() as held:
        with write_faults_as_archive_errors(root):
            held.enter_context(file_lock(root / LOCK))
        chain = read_chain(root)
        if chain and not chain[-1].public_key:
            raise ArchiveError(f"{root} holds a log that was made, not recorded: it stays as it is")
        end = (await retry(bus.info)).last
        if chain and chain[-1].last > end:
            raise ArchiveError(
                f"the log ends at {end}, though {chain[-1].last} is sealed in {root}: it was cut, "
                "or is another log, and the archive stays as it is"
            )
        now = await decision_time(bus)
        target = None if everything else _target(now, day)
        publisher = SealPublisher(bus)
        await publisher.recover()
        found = len(chain)
        if again:
            chain, known = await restore_ranges(bus, root, key, chain, end)
        else:
            known = await publisher.known(chain)
        _publish(root, key)
        for manifest in chain[known:]:
            await publisher.publish(manifest)
        run = _Run(root, chain[-1] if chain else None, key, publisher, target, now // DAY)
        await run.read(bus, end, progress)
        day_now = day_of(now) if now else ""
        announced, restored = len(chain) - known, len(chain) - found
        return SealResult(run.sealed, announced, run.last, end, day_now, restored)


def _target(now: int, day: str | None) -> int:
    """Return the last day to seal, counted from 1970. Raises OpenDayError."""
    if day is None:
        return now // DAY - 1
    if not now or day_start(day) // DAY >= now // DAY:
        reached = f"is at {day_of(now)}" if now else "has no market or clock yet"
        raise OpenDayError(
            f"{day} is not over: the log {reached}; wait for the next day, or seal what there is "
            "with --all"
        )
    return day_start(day) // DAY


class _Run:
    """One reading of what is not sealed yet."""

    def __init__(
        self,
        root: Path,
        before: ArchiveManifest | None,
        key: SealKey,
        publisher: SealPublisher,
        target: int | None,
        today: int,
    ) -> None:
        self.sealed: list[ArchiveManifest] = []
        self.writer = DayWriter(root, before, key, self.sealed.append)
        self._publisher = publisher
        self._target = target
        self._today = today

    @property
    def last(self) -> int:
        """The last sequence in the archive."""
        return self.writer.before.last if self.writer.before else 0

    async def read(self, bus: Bus, end: int, progress: Progress) -> None:
        """Seal up to the target, or all of it."""
        try:
            if not self._is_beyond():
                await self._take(bus, end, progress)
            if self._target is None and self.writer.worth_sealing:
                await self._publisher.publish(self.writer.finish())
        finally:
            self.writer.discard()

    async def _take(self, bus: Bus, end: int, progress: Progress) -> None:
        async for stored in read_stored(bus, end, after=self.last):
            manifest = self.writer.add(stored)
            if manifest is not None:
                await self._publisher.publish(manifest)
                progress(manifest.last, end)
            if self._is_beyond():
                return

    def _is_beyond(self) -> bool:
        """Tell whether the reading is past the target; a later day than today was taken back."""
        day = self.writer.now // DAY
        return self._target is not None and self._target < day <= self._today


def _publish(root: Path, key: SealKey) -> None:
    """Put the public key where a verification looks for it."""
    path = root / PUBLIC
    known = public_keys(root)
    if key.public not in known:
        text = "".join(f"{each}\n" for each in [*known, key.public])
        with write_faults_as_archive_errors(root):
            replace_durably(root, path, text.encode())


def public_keys(root: Path) -> list[str]:
    """List the public keys (hex) with which an archive says it was sealed. Raises ArchiveError."""
    try:
        return (root / PUBLIC).read_text("ascii").split()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{root / PUBLIC} cannot be read as public keys: {error}") from error
