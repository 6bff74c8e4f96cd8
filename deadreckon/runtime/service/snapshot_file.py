"""The file of a snapshot: written whole or not at all, and read with its checksum.

A file has three lines: a mark with the format and the SHA-256 of all that follows; the head; the
state. It is written under another name, synced and renamed, so that it is whole or not there.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct, field

from deadreckon.contracts.event import Mode
from deadreckon.runtime.log.feed import ChainLink
from deadreckon.runtime.process import durable, killpoints
from deadreckon.runtime.service.ingress import Ingress

FORMAT = 1
MARK = b"deadreckon snapshot"
SUFFIX = ".snapshot"

# What the decoder raises over bytes that nobody here wrote.
UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)


class SnapshotRefusedError(Exception):
    """Refusal of a snapshot, with the reason."""


class LogPosition(Struct, frozen=True):
    """A position in a log that identifies the log: a message's `sequence` and the SHA-256 of its
    bytes. A service's is its own commit number `n`, which covers every input up to message
    `covered`."""

    sequence: int
    digest: str
    n: int
    covered: int = field(name="place")


class SnapshotHead(Struct, frozen=True):
    """The head of a snapshot: its owner, its position in the log, and the hashes that prove it.

    `code` and `schema` are hashes of the program that folded it and of the state's shape; `ingress`
    and `links` (by `book.service`) are those at `covered`; `state` is the state's digest.
    """

    name: str
    book: str
    mode: Mode
    code: str
    schema: str
    position: LogPosition = field(name="moment")
    ingress: Ingress = field(name="intake")
    links: dict[str, ChainLink]
    state: str


def examine_snapshots(data: Path) -> list[tuple[Path, str | None]]:
    """List every snapshot under a data folder, with what is wrong with the file (null: nothing is).
    Whether it fits the log and the program is checked when a service starts."""
    return [(path, _fault(path)) for path in sorted((data / "snapshots").glob(f"*/*{SUFFIX}"))]


def _fault(path: Path) -> str | None:
    try:
        read_snapshot(path)
    except SnapshotRefusedError as fault:
        return str(fault)
    return None


def read_snapshot(path: Path) -> tuple[SnapshotHead, memoryview]:
    """Read the head and the encoded state of an undamaged file. Raises SnapshotRefusedError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SnapshotRefusedError(f"it cannot be read: {error.strerror}") from error
    begin = content.find(b"\n") + 1
    mark, _, checksum = content[: max(begin - 1, 0)].rpartition(b" ")
    if mark != _mark():
        raise SnapshotRefusedError(f"it does not begin as a snapshot of format {FORMAT}")
    rest = memoryview(content)[begin:]  # a state may be big: no copies of it
    if checksum != hashlib.sha256(rest).hexdigest().encode():
        raise SnapshotRefusedError("it is damaged: its checksum is another")
    length = content.find(b"\n", begin) - begin
    try:
        return msgspec.json.decode(rest[:length], type=SnapshotHead), rest[length + 1 :]
    except UNREADABLE as error:
        raise SnapshotRefusedError(f"its head cannot be read: {error}") from error


def _mark() -> bytes:
    return b"%s %d" % (MARK, FORMAT)


def write_whole(path: Path, head: bytes, encoded: bytes, name: str) -> None:
    """Write a snapshot file and force it to disk; `name` is its owner's."""
    checksum = hashlib.sha256(head + b"\n")
    checksum.update(encoded)
    mark = b"%s %s\n" % (_mark(), checksum.hexdigest().encode())
    state = memoryview(encoded)
    half = len(state) // 2

    def pieces() -> Iterator[durable.Content]:
        yield mark + head + b"\n"
        yield state[:half]
        killpoints.passed("snapshot-half", name)
        yield state[half:]

    durable.write_pieces(path, pieces())
