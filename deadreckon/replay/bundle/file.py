"""The file of a bundle: a zip of plain parts, each known by its SHA-256; the same parts, the same
bytes."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Mode

FORMAT = 1
MANIFEST = "manifest.json"
MARK = "manifest.sha256"
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every part: when it was made is no part of what it says
BYTES_MAX = 1024**3  # of a part: a state that is bigger fits into no machine that decides


class BundleError(UsageError):
    """You gave a file that is not a bundle, or is damaged; the message names file and part."""


class FactPosition(Struct, frozen=True):
    """A fact: its id, type, sequence, index, and decision time as RFC 3339."""

    id: str
    type: str
    sequence: int
    index: int
    at: str


class StoredPart(Struct, frozen=True):
    """A stored message: the part with its bytes, and where it lay. `holds` says what it is for."""

    part: str
    sequence: int
    subject: str
    stored_at: int
    holds: str


class Program(Struct, frozen=True):
    """Program that packed a bundle: version and git revision (empty if unknown), Python, msgspec.

    `recorded_by` is the version that gave the recorded answers.
    """

    version: str
    revision: str
    python: str
    msgspec: str
    recorded_by: list[str]


class Stripped(Struct, frozen=True):
    """Secret that was made unreadable: from which file of the data folder, how often, in which
    part."""

    secret: str
    part: str
    times: int


class BundleManifest(Struct, frozen=True, forbid_unknown_fields=True):
    """Contents of a bundle: its decision, and the SHA-256 of each other part in `parts`.

    `wanted` is the id that was asked for, `decided` the answer that it names, null if nothing was
    answered.
    """

    format: int
    wanted: str
    service: str
    book: str
    mode: Mode
    question: FactPosition
    decided: FactPosition | None
    program: Program
    messages: list[StoredPart]
    secrets_searched: int
    stripped: list[Stripped]
    not_in_it: list[str]
    parts: dict[str, str]


def write_bundle(
    path: Path, manifest: BundleManifest, parts: Mapping[str, bytes]
) -> BundleManifest:
    """Write the parts and the manifest, with their digests put in; whole, or not at all.

    Raises BundleError where the file exists or cannot be written.
    """
    digests = {name: _digest(content) for name, content in sorted(parts.items())}
    complete = msgspec.structs.replace(manifest, parts=digests)
    head = msgspec.json.format(msgspec.json.encode(complete)) + b"\n"
    whole = {MANIFEST: head, MARK: _digest(head).encode() + b"\n"}
    whole |= {name: parts[name] for name in digests}
    try:
        with path.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, content in whole.items():
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.create_system, entry.external_attr = 3, 0o600 << 16
                archive.writestr(entry, content)
    except FileExistsError:
        raise BundleError(f"{path} exists already: name another file") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from error
    return complete


def read_bundle(path: Path) -> tuple[BundleManifest, dict[str, bytes]]:
    """Read the manifest and the parts, each checked. Raises BundleError naming what is wrong."""
    parts = _read(path)
    head = parts.pop(MANIFEST, None)
    mark = parts.pop(MARK, b"").strip().decode("ascii", "replace")
    if head is None:
        raise BundleError(f"{path} is no bundle: it has no {MANIFEST}")
    if _digest(head) != mark:
        raise BundleError(f"{path}: {MANIFEST} is damaged: its SHA-256 is another")
    _check_format(path, head)
    try:
        manifest = msgspec.json.decode(head, type=BundleManifest)
    except msgspec.MsgspecError as error:
        raise BundleError(f"{path}: {MANIFEST} cannot be read: {error}") from error
    for name, digest in manifest.parts.items():
        if name not in parts:
            raise BundleError(f"{path}: {name} is missing")
        if _digest(parts[name]) != digest:
            raise BundleError(f"{path}: {name} is damaged: its SHA-256 is another")
    for name in parts.keys() - manifest.parts.keys():
        raise BundleError(f"{path}: {name} is not one of its parts")
    return manifest, parts


def _check_format(path: Path, head: bytes) -> None:
    try:
        document: Any = msgspec.json.decode(head)
        found = document["format"]
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: {MANIFEST} cannot be read: {error}") from error
    if found != FORMAT:
        raise BundleError(f"{path} has format {found}, this program knows {FORMAT}")


def _read(path: Path) -> dict[str, bytes]:
    name = path.name
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {}
            for entry in archive.infolist():
                name = f"{path}: {entry.filename}"
                if entry.file_size > BYTES_MAX or entry.compress_type != zipfile.ZIP_STORED:
                    raise BundleError(f"{name} is not as a bundle's parts are")
                parts[entry.filename] = archive.read(entry)
            return parts
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BundleError(f"{name} is damaged, or no bundle: {error}") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
