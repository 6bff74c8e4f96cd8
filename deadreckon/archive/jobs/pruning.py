"""Pruning of old history from a folder's log, once it is proved to be in the archive."""

import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from deadreckon.archive.jobs.log_rollover import (
    Progress,
    RolloverConnections,
    carry_over,
    domains,
    finish,
    rollover_connections,
    stream_folder,
)
from deadreckon.archive.location import FOLDER, has_archive, is_archive_only
from deadreckon.archive.manifests import ArchiveError, ArchiveManifest, has_valid_signature
from deadreckon.archive.merkle import Tree, leaf_hash
from deadreckon.archive.open_log import check_whole
from deadreckon.archive.sealer import last_sealed_range
from deadreckon.archive.segments import Archive
from deadreckon.archive.spliced_log import chain_fault
from deadreckon.contracts.errors import DifferenceError
from deadreckon.contracts.subjects import commit_subject
from deadreckon.contracts.timestamps import DAY, day_of
from deadreckon.runtime.log import rollover_notice
from deadreckon.runtime.log.bus import Bus, ConfigurationError, HoleError, LogInfo, Stored
from deadreckon.runtime.log.rollover_notice import Rollover
from deadreckon.runtime.log.stream import configuration_faults
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.known_roles import read_known_roles
from deadreckon.runtime.server.rights import table
from deadreckon.runtime.server.server_files import ServerFiles


class PruneError(DifferenceError):
    """You asked to drop what may not be dropped, or not yet; the message says why. Nothing was
    changed."""


class PruneProof(Struct, frozen=True):
    """The messages that may leave the log: sealed ranges, each found to be the very messages that
    the log still holds. The log will begin with `first`. `log` is how it stands now."""

    ranges: list[ArchiveManifest]
    first: int
    log: LogInfo


class PrunePolicy(Struct, frozen=True):
    """The age at which history leaves: whole days before `before`, or more than `days` days older
    than the end of what was sealed. Age is log time; on a tape the tape is the clock."""

    before: str | None = None
    days: int | None = None

    def first_day_kept(self, archive: Archive) -> str:
        """Return the first day that stays."""
        if self.days is None:
            return self.before or ""
        return day_of(archive.manifests[-1].now - self.days * DAY)


class Pruned(Struct, frozen=True):
    """The result of pruning: what was dropped (null where only an interrupted roll was finished),
    and what the store of the log takes on disk now and took before, in bytes."""

    proof: PruneProof | None
    done: bool
    first: int
    bytes_before: int
    bytes_after: int
    bytes_archived: int


async def prune_log(
    data: Path,
    policy: PrunePolicy | None,
    *,
    agrees: Callable[[PruneProof], bool],
    dry_run: bool = False,
    progress: Progress,
) -> Pruned:
    """Finish what was begun, if something was; else prove what the policy lets go, show it, and
    once `agrees` says so roll the log on to begin behind it. A `dry_run` finishes nothing.

    Raises PruneError; FolderBusyError or StoreLockedError while anybody uses the log.
    """
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "prune.log")
    with folder.alone():
        roll, proof = rollover_notice.unfinished(data), None
        if roll is not None and dry_run:
            raise PruneError(f"an interrupted roll to {roll.first} is to be finished first")
        if roll is None:
            proof = await _proof(data, policy, progress)
            if not proof.ranges or not agrees(proof):
                return _pruned(data, proof, _roll(data, proof.log.first), done=False)
            roll = _roll(data, proof.first)
            rollover_notice.keep(data, roll)
        await finish(data, roll, progress)
        return _pruned(data, proof, roll, done=True)


def _roll(data: Path, first: int) -> Rollover:
    return Rollover(first, bytes=bytes_under(stream_folder(data)))


def _pruned(data: Path, proof: PruneProof | None, roll: Rollover, *, done: bool) -> Pruned:
    after, archived = bytes_under(stream_folder(data)), bytes_under(data / FOLDER)
    return Pruned(proof, done, roll.first, roll.bytes, after, archived)


def bytes_under(folder: Path) -> int:
    """Return the bytes that the files under a folder take on disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


async def _proof(data: Path, policy: PrunePolicy | None, progress: Progress) -> PruneProof:
    if policy is None:
        raise PruneError("say what is old: --older-than 30d, or --before 2022-01-15")
    if is_archive_only(data):
        raise PruneError(f"{data} is an archive without a log: there is nothing that could leave")
    if not has_archive(data):
        raise PruneError(f"nothing of {data} was sealed: `dr archive seal` does that first")
    try:
        archive = Archive(data / FOLDER)
        async with rollover_connections(data) as shop:
            info = await _sound(shop)
            ranges = _old(archive, policy.first_day_kept(archive), info)
            if not ranges:
                return PruneProof([], info.first, info)
            first = ranges[-1].last + 1
            _check_seals(archive, ranges)
            _check_room(data)
            await _check_writers(data, shop)
            await _compare(archive, shop.log, ranges, progress)
            await _check_word(archive, shop, first - 1)
    except ArchiveError as error:
        raise PruneError(f"the archive is not sound: {error}") from error
    return PruneProof(ranges, first, info)


async def _sound(shop: RolloverConnections) -> LogInfo:
    """Return the extent of the log; raises HoleError or ConfigurationError unless it is whole."""
    found = await shop.log.api.configuration()
    if found is None:
        raise HoleError("the store has no log: restore the folder from a backup")
    if faults := configuration_faults(found):
        raise ConfigurationError(f"stream LOG cannot keep the log: {'; '.join(faults)}")
    info = await shop.log.info()
    check_whole(info)
    return info


def _old(archive: Archive, first_day_kept: str, info: LogInfo) -> list[ArchiveManifest]:
    """Return the ranges that leave: still in the log, up to the first that is not old enough."""
    old: list[ArchiveManifest] = []
    for manifest in archive.manifests:
        if manifest.day >= first_day_kept:
            break
        if manifest.last >= info.first:
            old.append(manifest)
    return old


def _check_seals(archive: Archive, ranges: list[ArchiveManifest]) -> None:
    """Check that all are signed, by any key: a folder restored without credentials has another key.
    What a forger could sign with it would not have the root of the log."""
    for manifest in ranges:
        if not has_valid_signature(manifest):
            raise PruneError(
                f"range {manifest.number} ({manifest.day}) is not sealed by its signature; "
                "`dr archive verify` says more"
            )
        for segment in manifest.segments:
            archive.check_file(segment)


async def _check_word(archive: Archive, shop: RolloverConnections, upto: int) -> None:
    """Check that what stays in the log names what leaves: readers identify the archive by that."""
    fault = chain_fault(archive.manifests, await last_sealed_range(shop.log), upto)
    if fault:
        raise PruneError(f"{fault}: `dr archive seal` says it, `dr archive verify` says more")


def _check_room(data: Path) -> None:
    """Raise an error unless the disk has room for the log's second copy during the rollover."""
    needed, free = bytes_under(stream_folder(data)), shutil.disk_usage(data).free
    if free < needed:
        raise PruneError(f"{needed:,} bytes must be free on the disk, {free:,} are: make room")


async def _check_writers(data: Path, shop: RolloverConnections) -> None:
    """Check that every service that may need a last commit can write one, before any change."""
    registry = read_known_roles(ServerFiles(data).registry)
    writable = {subject for rights in table(registry) for subject in rights.publish}
    found = await domains(shop)
    if not found:
        raise PruneError("no service has written in this log: nothing would be left to go on from")
    for book, service in found:
        if commit_subject(book, service, "progress") not in writable:
            raise PruneError(
                f"nobody here may write for {service} of book {book}; its last commit would leave "
                "with the rest; start a stack for that book once"
            )
    await carry_over(shop, first=0)  # which carries nobody, but finds a tail that is no commit


async def _compare(
    archive: Archive, log: Bus, ranges: list[ArchiveManifest], progress: Progress
) -> None:
    """Read what would leave from the log and from the archive: both must be what was signed."""
    first, end = ranges[0].first, ranges[-1].last
    reader = await log.read(first - 1)
    held: list[Stored] = []
    try:
        for manifest in ranges:
            tree = Tree()
            for kept in archive.messages(manifest.first - 1, manifest.last):
                while len(held) < len(kept):
                    held += await reader.next(1.0)
                _same(kept, held[: len(kept)])
                for stored in held[: len(kept)]:
                    tree.add(leaf_hash(stored))
                held = held[len(kept) :]
                progress(
                    "comparing log and archive", kept[-1].sequence - first + 1, end - first + 1
                )
            if tree.root().hex() != manifest.root:
                raise PruneError(f"range {manifest.number}: the log's own root is another")
    finally:
        await reader.close()


def _same(kept: list[Stored], held: list[Stored]) -> None:
    if kept == held:
        return
    sequence = next(mine.sequence for mine, other in zip(kept, held, strict=True) if mine != other)
    raise PruneError(
        f"message {sequence} is another in the log than in the archive; nothing leaves"
    )
