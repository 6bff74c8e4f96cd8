"""Health check of a machine and a data folder, one finding for each thing."""

import platform
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from deadreckon.archive.location import FOLDER, has_archive
from deadreckon.archive.manifests import ArchiveError
from deadreckon.archive.open_log import open_bus
from deadreckon.projections.analytics import database
from deadreckon.projections.metrics import file as metrics_file
from deadreckon.projections.sinks import manifest
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.sink import SinkError
from deadreckon.projections.store import ProjectionPaths, paths, sequences
from deadreckon.projections.stored_views import StoredViews, ViewAheadError, check_sequence
from deadreckon.runtime.log.bus import Bus, ConfigurationError, HoleError
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.log.replicas import Replica, examine_replicas
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder, FolderError
from deadreckon.runtime.server.binary import MissingServerError, find_nats_server
from deadreckon.runtime.service.snapshot_file import examine_snapshots

DISK_MIN = 1_000_000_000  # bytes free below which a log may soon have no room
DAMAGES_SHOWN = 3


class Check(Struct, frozen=True):
    """Result of one check: what was checked, whether it is sound, what was seen."""

    what: str
    sound: bool
    seen: str


async def examine(data: Path, nats: str | None) -> AsyncIterator[Check]:
    """Yield every finding, in the order in which a person would look."""
    yield _python()
    yield _server()
    folder = Folder(data)
    found = _folder(folder)
    yield found
    if not found.sound:
        return
    log_lines.configure(folder.logs / "doctor.log")
    yield _disk(data)
    async for finding in _log(folder, nats):
        yield finding


def _python() -> Check:
    version = platform.python_version()
    return Check("python", sys.version_info >= (3, 11), f"{version}; 3.11 or newer is needed")


def _server() -> Check:
    try:
        return Check("nats-server", True, str(find_nats_server()))
    except MissingServerError as error:
        return Check("nats-server", False, str(error))


def _folder(folder: Folder) -> Check:
    try:
        folder.check()
    except FolderError as error:
        return Check("folder", False, str(error))
    return Check("folder", True, str(folder.root))


def _disk(data: Path) -> Check:
    free = shutil.disk_usage(data).free
    return Check("disk", free > DISK_MIN, f"{free / 1e9:.1f} GB free")


async def _log(folder: Folder, nats: str | None) -> AsyncIterator[Check]:
    try:
        async with open_bus(folder, nats) as bus:
            yield Check("stream", True, "configured so that nothing in it can be lost or revived")
            async for finding in _content(bus):
                yield finding
            if has_archive(folder.root):
                yield await check_archive(folder, bus)
            yield check_views(folder, (await bus.info()).last)
            yield check_snapshots(folder)
    except ConfigurationError as error:
        yield Check("stream", False, str(error))
    except HoleError as error:
        yield Check("contiguity", False, str(error))


async def _content(bus: Bus) -> AsyncIterator[Check]:
    info = await bus.info()
    seen = f"{info.messages:,} messages, {info.first} to {info.last}, none missing"
    yield Check("contiguity", True, seen)
    if isinstance(bus, JetStreamBus):
        for replica in await examine_replicas(bus.api):
            yield _replica(replica)
    damages = [
        f"{message.sequence}: {message.damage}"
        async for message in read_messages(bus)
        if message.damage
    ]
    seen = "; ".join(damages[:DAMAGES_SHOWN]) or "every commit continues its domain's chain"
    yield Check("chains", not damages, seen)


async def check_archive(folder: Folder, bus: Bus) -> Check:
    """Check that the archive is the one that the log records as sealed; `dr archive verify` also
    checks its bytes."""
    from deadreckon.archive.sealer import last_sealed_range
    from deadreckon.archive.segments import Archive
    from deadreckon.archive.spliced_log import chain_fault  # polars; few folders need it

    try:
        archive = Archive(folder.root / FOLDER)
        fault = chain_fault(archive.manifests, await last_sealed_range(bus))
        seen = f"{len(archive.manifests)} ranges up to message {archive.last:,}, as the log says"
    except ArchiveError as error:
        fault = str(error)
        seen = ""
    seen = f"{fault}; `dr archive verify` says more" if fault else seen
    return Check("archive", not fault, seen)


def _replica(replica: Replica) -> Check:
    seen = f"{replica.messages:,} messages, none missing"
    if replica.fault:
        seen = (
            f"{replica.fault}: stop this node, delete its copy of the stream, start it, and it "
            "copies the log anew (docs/cluster.md)"
        )
    return Check(f"replica {replica.node}", not replica.fault, seen)


def _lost(where: ProjectionPaths) -> str | None:
    """List what is missing of views that were there: opened, it would be made anew, and empty."""
    if where.audit.is_symlink() and not where.audit.exists():
        return f"{where.audit} is missing: `dr rebuild audit` makes it from the log"
    if any(where.lake.glob("generation-*")) and not (where.lake / manifest.NAME).exists():
        return f"{where.lake / manifest.NAME} is missing: `dr rebuild lake` makes it from the log"
    return None


def _damage(where: ProjectionPaths) -> str | None:
    """Read all bytes of the views and return what is wrong with them, if anything."""
    metrics_file.read(where.metrics)
    book, lake = None, None
    if where.audit.exists():
        with closing(AuditDatabase(where.audit)) as opened:
            opened.examine()
            book = opened.sequence, opened.digests()
    if (where.lake / manifest.NAME).exists():
        stored = Lake(where.lake)
        if damage := stored.damage():
            return damage
        lake = stored.sequence, stored.digests()
    if book and lake and book[0] == lake[0] and book[1] != lake[1]:
        return f"audit and lake differ at sequence {book[0]}; `dr verify` says where"
    return None


def check_snapshots(folder: Folder) -> Check:
    """Check that snapshots are as they were written; a damaged one only makes a start slower."""
    found = examine_snapshots(folder.root)
    damaged = [f"{path.relative_to(folder.root)}: {fault}" for path, fault in found if fault]
    seen = "; ".join(damaged[:DAMAGES_SHOWN]) + ": delete it, the log is folded instead"
    return Check("snapshots", not damaged, seen if damaged else f"{len(found)}, none damaged")


def check_views(folder: Folder, last: int) -> Check:
    """Check that the stored views can continue on a log whose last message is `last`; what is
    missing is not made."""
    if folder.holder() is not None:
        return Check("views", True, "a stack is running and keeps them; `dr verify` compares")
    where = paths(folder.root)
    try:
        if fault := database.fault(where.analytics, where.lake) or _lost(where):
            return Check("views", False, fault)  # to open them would mend it unseen
        if damage := _damage(where):
            return Check("views", False, damage)
        check_sequence(StoredViews(folder), last)
        reached = sequences(where)
    except (ViewAheadError, SinkError) as error:
        return Check("views", False, str(error))
    behind = [f"{name} at {sequence}" for name, sequence in reached.items() if sequence < last]
    if behind:
        seen = (
            f"{', '.join(behind)} of {last}: behind; the next start folds the rest, or `dr rebuild`"
        )
        return Check("views", True, seen)
    return Check("views", True, f"at {last} of {last}; `dr verify` compares them")
