"""Manifests of an archive: one signed per range, each linked to the one before."""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct, structs

from deadreckon.archive.signing import SealKey, is_signed
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.event import Mode

KIND = "deadreckon archive range"
FORMAT = 1  # raised when an older program could no longer read what a newer one writes
FOLDER = "manifests"


class ArchiveError(OperationalError):
    """You have an archive that is damaged, incomplete or not of this log; the message names the
    file or sequence, and what to do."""


class Segment(Struct, frozen=True):
    """One Parquet file of a range: `path` below the archive, rows, bytes, SHA-256 (hex) of the
    file, and what it holds: a family (`messages` for everything, bytes as stored) of a book."""

    path: str
    family: str
    book: str
    rows: int
    bytes: int
    sha256: str


class ArchiveManifest(Struct, frozen=True):
    """A sealed range of the log: messages `first`..`last`, which is a UTC `day` of decision time.

    `number` counts ranges from 1. `now` (nanoseconds UTC) is decision time at the end of the range
    and `mode` that of its last event. `events` counts what its commits say, `damaged` the messages
    of domains that are no commits. `root` is the Merkle root (hex) over its messages (see merkle),
    `previous` the SHA-256 (hex) of the bytes of the manifest before, empty for the first. `code`
    is the program's version, `schemas` the versions of each type of event met. `signature` is
    ed25519 over the canonical bytes without itself; it is empty, and so is `public_key`, for a
    log that was made (a what-if, a backtest) rather than recorded.
    """

    number: int
    first: int
    last: int
    day: str
    messages: int
    events: int
    segments: list[Segment]
    root: str
    previous: str
    code: str
    schemas: dict[str, list[int]]
    now: int
    mode: Mode = "paper"
    damaged: int = 0
    public_key: str = ""
    signature: str = ""
    kind: str = KIND
    format: int = FORMAT


def file_of(root: Path, number: int) -> Path:
    """Return the path of a range's manifest, which may not exist."""
    return root / FOLDER / f"{number:08d}.json"


def signed_bytes(manifest: ArchiveManifest) -> bytes:
    """Return the bytes that are signed: JSON without the signature, in ASCII, sorted keys, no
    spaces."""
    plain: dict[str, Any] = msgspec.to_builtins(manifest)
    del plain["signature"]
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def signed(manifest: ArchiveManifest, key: SealKey | None) -> ArchiveManifest:
    """Return the manifest with its signature; unchanged without a key."""
    if key is None:
        return manifest
    named = structs.replace(manifest, public_key=key.public)
    return structs.replace(named, signature=key.sign(signed_bytes(named)))


def has_valid_signature(manifest: ArchiveManifest) -> bool:
    """Tell whether the signature is that of the manifest's own key, whoever holds it."""
    return is_signed(manifest.public_key, manifest.signature, signed_bytes(manifest))


def file_bytes(manifest: ArchiveManifest) -> bytes:
    """Return the manifest as in its file; `previous` of the next is the hash of these bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"


def digest_of(manifest: ArchiveManifest) -> str:
    """Return the SHA-256 (hex) of the manifest's file."""
    return hashlib.sha256(file_bytes(manifest)).hexdigest()


def read_chain(root: Path) -> list[ArchiveManifest]:
    """Read every manifest of an archive in order, each checked against the one before.

    Signatures are for `verify`. Raises ArchiveError naming the first file that is wrong.
    """
    chain, fault = read_prefix(root)
    if fault:
        raise ArchiveError(fault)
    return chain


def read_prefix(root: Path) -> tuple[list[ArchiveManifest], str]:
    """Read the manifests of an archive up to the first that is wrong; also return what is wrong
    with that one (empty when nothing is)."""
    found = sorted(path.name for path in (root / FOLDER).glob("*.json"))
    chain: list[ArchiveManifest] = []
    for number in range(1, len(found) + 1):
        path = file_of(root, number)
        if path.name not in found:
            return chain, f"{path} is missing, though later ranges are there: restore it"
        try:
            manifest = _read(path)
        except ArchiveError as error:
            return chain, str(error)
        fault = _fault(manifest, number, chain[-1] if chain else None)
        if fault:
            return chain, f"{path}: {fault}"
        chain.append(manifest)
    return chain, ""


def _read(path: Path) -> ArchiveManifest:
    try:
        content = path.read_bytes()
        manifest = msgspec.json.decode(content, type=ArchiveManifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveError(f"{path} cannot be read as a manifest: {error}") from error
    if manifest.kind != KIND:
        raise ArchiveError(f"{path} is no manifest of an archive")
    if manifest.format > FORMAT:
        raise ArchiveError(
            f"{path} has format {manifest.format}, this program knows {FORMAT}: use a newer dr"
        )
    if content != file_bytes(manifest):
        raise ArchiveError(f"{path} does not have the bytes it was written with")
    return manifest


def _fault(manifest: ArchiveManifest, number: int, before: ArchiveManifest | None) -> str:
    """Return what does not fit within the manifest or to the one before; empty when all does."""
    first = before.last + 1 if before else 1
    if manifest.number != number:
        return f"it says to be range {manifest.number}"
    if manifest.first != first:
        return f"it begins with message {manifest.first}, and {first} comes next"
    if manifest.messages < 1 or manifest.messages != manifest.last - manifest.first + 1:
        return f"{manifest.messages} messages are not {manifest.first} to {manifest.last}"
    if manifest.previous != (digest_of(before) if before else ""):
        return f"it does not continue the bytes of range {number - 1}"
    for segment in manifest.segments:
        if PurePosixPath(segment.path).is_absolute() or ".." in PurePosixPath(segment.path).parts:
            return f"it names {segment.path!r}, which lies outside of the archive"
    return ""
