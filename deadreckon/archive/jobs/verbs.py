"""The archive of a data folder as the verbs work with it: seal, verify, prove, list."""

from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from deadreckon.archive.location import FOLDER, is_archive_only
from deadreckon.archive.manifests import ArchiveError, ArchiveManifest, digest_of
from deadreckon.archive.merkle import leaf_hash, proof, proven_root
from deadreckon.archive.open_log import open_bus
from deadreckon.archive.sealer import Progress, SealResult, seal_days
from deadreckon.archive.segments import Archive
from deadreckon.archive.signing import read_or_create_key
from deadreckon.archive.typed_columns import MESSAGES
from deadreckon.archive.verification import ArchiveVerdict
from deadreckon.archive.verification import verify as check
from deadreckon.contracts.archive import SEALER
from deadreckon.contracts.envelope import digest
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.server_files import ServerFiles


async def seal_archive(
    data: Path,
    nats: str | None,
    day: str | None,
    *,
    everything: bool,
    again: bool,
    progress: Progress,
) -> SealResult:
    """Seal what is over (see seal_days), in the role of the sealer; the stack may be running."""
    folder = Folder(data).check()
    if is_archive_only(data) and nats is None:
        raise ArchiveError(f"{data} is an archive already: it holds no log that goes on")
    log_lines.configure(folder.logs / "seal.log")
    async with open_bus(folder, nats, SEALER) as bus:
        key = read_or_create_key(ServerFiles(data).credentials.folder)
        return await seal_days(
            bus,
            data / FOLDER,
            key,
            day=day,
            everything=everything,
            again=again,
            progress=progress,
        )


async def verify_archive(
    data: Path,
    nats: str | None,
    *,
    key: str | None,
    alone: bool,
    columns: bool,
    progress: Progress,
) -> ArchiveVerdict:
    """Verify a folder's archive, with its log unless `alone`."""
    root = data / FOLDER
    if alone or (is_archive_only(data) and nats is None):
        return await check(root, None, key, progress, columns=columns)
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "verify.log")
    async with open_bus(folder, nats, live_only=True) as bus:
        return await check(root, bus, key, progress, columns=columns)


class Inclusion(Struct, frozen=True):
    """The proof that a message is in a sealed range: from `leaf`, at `index` of `size` leaves,
    `path` leads to `root` (hashes in hex, the lowest sibling first), which the manifest of range
    `number` signs."""

    sequence: int
    subject: str
    stored_at: int
    payload_sha256: str
    leaf: str
    index: int
    size: int
    path: list[str]
    root: str
    number: int
    manifest: str
    public_key: str
    signature: str


async def prove_message(data: Path, sequence: int) -> Inclusion:
    """Return the proof of one message. Raises ArchiveError if it is not sealed, or damaged."""
    archive = Archive(Folder(data).check().root / FOLDER)
    manifest = next((each for each in archive.manifests if each.last >= sequence), None)
    if manifest is None or sequence < 1:
        raise ArchiveError(f"message {sequence} is not sealed: the archive ends at {archive.last}")
    messages = chain.from_iterable(archive.messages(manifest.first - 1, manifest.last))
    leaves, index = [leaf_hash(stored) for stored in messages], sequence - manifest.first
    path = proof(leaves, index)
    if proven_root(leaves[index], index, len(leaves), path).hex() != manifest.root:
        raise ArchiveError(f"range {manifest.number} has another root: `dr archive verify`")
    stored = archive.message(sequence)
    assert stored is not None, "its leaf was just read"
    return Inclusion(
        sequence=sequence,
        subject=stored.subject,
        stored_at=stored.stored_at,
        payload_sha256=digest(stored.payload),
        leaf=leaves[index].hex(),
        index=index,
        size=len(leaves),
        path=[each.hex() for each in path],
        root=manifest.root,
        number=manifest.number,
        manifest=digest_of(manifest),
        public_key=manifest.public_key,
        signature=manifest.signature,
    )


class RangeSummary(Struct, frozen=True):
    """A sealed range as it is listed; `bytes` are those of its files, `message_bytes` those of its
    messages alone (the other files repeat in columns what they hold)."""

    number: int
    day: str
    first: int
    last: int
    messages: int
    events: int
    message_bytes: int
    bytes: int
    bytes_per_event: int


class ArchiveGrowth(Struct, frozen=True):
    """The size of an archive: over all its days, and rounded per day and per event."""

    days: int
    messages: int
    events: int
    bytes: int
    bytes_per_day: int
    bytes_per_event: int
    events_per_day: int


async def list_ranges(data: Path) -> tuple[list[RangeSummary], ArchiveGrowth]:
    """List the ranges of a folder's archive and its growth. Raises ArchiveError, FolderError."""
    root = Folder(data).check().root / FOLDER
    ranges = [_range(manifest) for manifest in Archive(root).manifests]
    days = len({each.day for each in ranges})
    events, size = sum(each.events for each in ranges), sum(each.bytes for each in ranges)
    growth = ArchiveGrowth(
        days,
        sum(each.messages for each in ranges),
        events,
        size,
        size // max(days, 1),
        size // max(events, 1),
        events // max(days, 1),
    )
    return ranges, growth


def _range(manifest: ArchiveManifest) -> RangeSummary:
    size = sum(segment.bytes for segment in manifest.segments)
    of_messages = sum(each.bytes for each in manifest.segments if each.family == MESSAGES)
    return RangeSummary(
        manifest.number,
        manifest.day,
        manifest.first,
        manifest.last,
        manifest.messages,
        manifest.events,
        of_messages,
        size,
        size // max(manifest.events, 1),
    )


def plain(value: Struct) -> dict[str, Any]:
    """Return a struct as `--json` prints it."""
    found: dict[str, Any] = to_builtins(value)
    return found
