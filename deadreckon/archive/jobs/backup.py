"""Backs up a data folder into one file, and restores it: the log, its archive, other files.

Views and snapshots are left out: they are made of the log, and are made again. The manifest names
every part with its size and SHA-256, and the digest of the log as a reader sees it.
"""

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from deadreckon import __version__
from deadreckon.archive.location import FOLDER, has_archive
from deadreckon.archive.open_log import owner_bus
from deadreckon.archive.whole_log import whole_log
from deadreckon.contracts.errors import OperationalError
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.reading import read_stored
from deadreckon.runtime.log.stream_copy import CHUNK, CopyHead, copy_in, copy_out
from deadreckon.runtime.process import durable, log_lines
from deadreckon.runtime.process.folder import FORMAT, Folder

KIND = "deadreckon backup"
MANIFEST = "manifest.json"
STREAM = "stream"  # the server's own copy of the log
# What of a folder the log does not hold.
OTHER_FILES = ("tapes", "crashes.jsonl", "exchange", "nats/registry.json")
CREDENTIALS = "nats/credentials"  # only when asked for

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much


class BackupError(OperationalError):
    """You named a backup that cannot be used, or a path where none can be written; the message says
    why."""


class BackupPart(Struct, frozen=True):
    """One file of a backup: its name there, bytes, and SHA-256 (hex)."""

    name: str
    bytes: int
    digest: str


class BackupManifest(Struct, frozen=True):
    """The manifest of a backup.

    `log_digest` is the SHA-256 over sequence, subject and bytes of all messages, as a reader got
    them when the copy was made.
    """

    kind: str
    format: int
    code: str
    head: CopyHead
    log_digest: str
    parts: list[BackupPart]


async def back_up(
    data: Path, file: Path, *, credentials: bool, progress: Progress
) -> BackupManifest:
    """Write a backup of a folder, whether a stack runs on it or not. Raises BackupError.

    The file appears under its name when it is complete, readable by its owner alone.
    """
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "backup.log")
    if file.exists():
        raise BackupError(f"{file} exists; a backup never replaces another")
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        async with owner_bus(folder) as bus:
            manifest = await _write(bus, folder.root, unfinished, credentials, progress)
        durable.move(unfinished, file)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


async def _write(
    bus: JetStreamBus, root: Path, path: Path, credentials: bool, progress: Progress
) -> BackupManifest:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    # What was sealed by now is older than the copy's end; what is sealed later need not be.
    sealed = list(_sealed(root))
    with open(handle, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        copy = path.with_suffix(".stream")
        try:
            head = await _copy_stream(bus, copy, progress)
            parts = [_add(archive, copy, STREAM)]
        finally:
            copy.unlink(missing_ok=True)
        others = [*sealed, *_files(root, credentials)]
        parts += [_add(archive, path, str(path.relative_to(root))) for path in others]
        log_digest = await digest_of_log(await whole_log(root, bus), head.last, progress)
        manifest = BackupManifest(KIND, FORMAT, __version__, head, log_digest, parts)
        content = msgspec.json.encode(manifest)
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
        archive.close()
    durable.sync(path)
    return manifest


async def _copy_stream(bus: JetStreamBus, path: Path, progress: Progress) -> CopyHead:
    head, chunks = await copy_out(bus.api)
    done = 0
    with path.open("wb") as file:
        async for chunk in chunks:
            file.write(chunk)
            done += len(chunk)
            progress("copying the log", min(done, head.state["bytes"]), head.state["bytes"])
    return head


def _sealed(root: Path) -> Iterator[Path]:
    """Yield the archive's files: manifests, and what they name. Others may be what a sealer is
    just writing."""
    if has_archive(root):
        from deadreckon.archive.manifests import ArchiveError, file_of
        from deadreckon.archive.sealer import PUBLIC
        from deadreckon.archive.segments import Archive

        try:
            archive = Archive(root / FOLDER)
        except ArchiveError as error:
            raise BackupError(f"the archive is not sound: {error}") from error
        if (archive.root / PUBLIC).exists():
            yield archive.root / PUBLIC
        for manifest in archive.manifests:
            yield file_of(archive.root, manifest.number)
            yield from (archive.root / segment.path for segment in manifest.segments)


def _files(root: Path, credentials: bool) -> Iterator[Path]:
    for name in (*OTHER_FILES, *([CREDENTIALS] if credentials else [])):
        path = root / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (each for each in found if each.is_file())


def _add(archive: tarfile.TarFile, path: Path, name: str) -> BackupPart:
    entry = tarfile.TarInfo(name)
    with _opened(path) as content:
        entry.size, entry.mode = os.fstat(content.fileno()).st_size, 0o600
        counted = _Hashing(content)
        archive.addfile(entry, counted)
    return BackupPart(name, entry.size, counted.digest.hexdigest())


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from error


class _Hashing:
    """A file that hashes what is read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content


async def digest_of_log(bus: Bus, last: int, progress: Progress) -> str:
    """Return the SHA-256 over sequence, subject and bytes of every message up to `last`."""
    running = hashlib.sha256()
    async for stored in read_stored(bus, last):
        running.update(f"{stored.sequence}|{stored.subject}|{len(stored.payload)}|".encode())
        running.update(stored.payload)
        if stored.sequence % 1_000 == 0:
            progress("reading the log", stored.sequence, last)
    return running.hexdigest()


async def restore_backup(
    file: Path, data: Path, *, progress: Progress, rebuild: Callable[[Path], Awaitable[object]]
) -> BackupManifest:
    """Make a new folder from a backup and `rebuild` its views. Raises BackupError.

    Everything is checked before the folder appears under its name; killed anywhere before,
    only a hidden folder next to it is there, and killed after, a start builds the views.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupError(f"{data} is there already; restore into a new folder")
    unfinished = data.absolute().with_name(f".{data.name}.restoring")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        manifest = _unpack(file, unfinished)
        await _refill(Folder(unfinished), unfinished / STREAM, manifest, progress)
        (unfinished / STREAM).unlink()
        if data.exists():
            data.rmdir()
        durable.sync_all(unfinished)
        durable.move(unfinished, data)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    await rebuild(data)  # views know where their folder lies
    return manifest


def read_manifest(file: Path) -> BackupManifest:
    """Read the manifest of a backup. Raises BackupError."""
    try:
        with tarfile.open(file, "r:") as archive:
            content = archive.extractfile(MANIFEST)
            assert content is not None, "a manifest is a plain file"
            manifest = msgspec.json.decode(content.read(), type=BackupManifest)
    except FileNotFoundError:
        raise BackupError(f"{file} is not there") from None
    except (tarfile.TarError, KeyError, EOFError, OSError, msgspec.MsgspecError) as error:
        raise BackupError(f"{file} is no whole backup: {error}") from error
    if manifest.kind != KIND:
        raise BackupError(f"{file} is no backup of deadreckon")
    if manifest.format > FORMAT:
        raise BackupError(
            f"{file} has format {manifest.format}, this program knows {FORMAT}: use a newer dr"
        )
    return manifest


def _unpack(file: Path, root: Path) -> BackupManifest:
    manifest = read_manifest(file)
    Folder(root).create()
    with tarfile.open(file, "r:") as archive:
        for part in manifest.parts:
            _extract(archive, part, root)
    return manifest


def _extract(archive: tarfile.TarFile, part: BackupPart, root: Path) -> None:
    target = (root / part.name).resolve()
    if not target.is_relative_to(root.resolve()):
        raise BackupError(f"the backup names {part.name!r}, which lies outside of the folder")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    running = hashlib.sha256()
    try:
        content = archive.extractfile(part.name)
        assert content is not None, "parts are plain files"
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb") as out:
            while block := content.read(CHUNK):
                running.update(block)
                out.write(block)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise BackupError(f"the backup is cut short: {part.name}: {error}") from error
    if running.hexdigest() != part.digest:
        raise BackupError(f"the backup is damaged: {part.name} has other bytes than were written")


async def _refill(folder: Folder, copy: Path, manifest: BackupManifest, progress: Progress) -> None:
    async with owner_bus(folder, empty=True) as bus:
        await copy_in(bus.api, manifest.head, _chunks(copy))
        await bus.provision()
        whole = await whole_log(folder.root, bus)
        found = await digest_of_log(whole, manifest.head.last, progress)
    if found != manifest.log_digest:
        raise BackupError("the restored log differs from the one that was backed up")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def summary(manifest: BackupManifest) -> dict[str, Any]:
    """Return a manifest as `--json` prints it."""
    return {
        "messages": manifest.head.messages,
        "last_sequence": manifest.head.last,
        "bytes": sum(part.bytes for part in manifest.parts),
        "files": len(manifest.parts),
        "log_digest": manifest.log_digest,
        "code": manifest.code,
    }
