"""The content of a file, plain or out of .gz or .zip, bounded before it fills the memory."""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from deadreckon.marketdata.tapes.tape import TapeError

MIB = 2**20


class Stream(Protocol):
    """Bytes that come when asked for."""

    def read(self, size: int, /) -> bytes: ...


# A table takes some nine times its text in memory while it is read, and a second for 15 MiB.
CONTENT_MIB_MAX = 1_024

# Market data packs 3 to 30 times. What packs further is no market data; small files are let be.
PACKING_MAX = 200
PACKING_FREE_MIB = 64

COLUMNS_MAX = 1_000
CELLS_MAX = 200_000_000  # rows times columns: Parquet can promise a billion rows in a kilobyte

_COLUMNAR = (b"PAR1", b"ARRO", b"FEA1")
_HEAD_BYTES = 65_536
_PIECE_BYTES = 4 * MIB  # unpacked between two looks how far it has come
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, ValueError)


def unpacked(path: Path, mib_max: int) -> bytes:
    """Return the bytes of the one file that `path` is or holds; UTF-16 becomes UTF-8."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise TapeError(f"{path} {found}; give the path of one file")
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        packed = magic == b"PK\x03\x04" or magic[:2] == b"\x1f\x8b"
        if not packed:
            _check_size(path, path.stat().st_size, mib_max)
        content = _unpacked(path, file, magic, mib_max) if packed else _bounded(path, file, mib_max)
    if not content or content.isspace():
        raise TapeError(f"{path} is empty; there is nothing to import")
    return content if is_columnar(content) else _utf8(path, content)


def is_columnar(content: bytes) -> bool:
    """Tell Parquet and feather from text."""
    return content.startswith(_COLUMNAR)


def check_extent(path: Path, columns: int, rows: int = 1) -> None:
    """Refuse a table of more columns or cells than any market data has."""
    if columns > COLUMNS_MAX:
        raise TapeError(
            f"{path} has {columns:,} columns, market data has no more than {COLUMNS_MAX:,}; "
            "keep time, prices and volume"
        )
    if columns * rows > CELLS_MAX:
        raise TapeError(
            f"{path} has {rows:,} rows of {columns} columns, and {CELLS_MAX:,} cells are read at "
            "most; split it by time and import each part"
        )


def _unpacked(path: Path, file: BinaryIO, magic: bytes, mib_max: int) -> bytes:
    try:
        if magic[:2] == b"\x1f\x8b":
            return _from_stream(path, file, gzip.GzipFile(fileobj=file), mib_max)
        with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as member:
            return _from_stream(path, file, member, mib_max)
    except TapeError:
        raise
    except _BROKEN as error:
        raise TapeError(f"{path} cannot be unpacked ({error}); fetch it again") from error


def _from_stream(path: Path, file: BinaryIO, stream: Stream, mib_max: int) -> bytes:
    """Read the whole stream that is packed in `file`; stop as soon as it cannot be a table, or has
    unpacked to more than what was read of the file can hold."""
    content = bytearray(stream.read(_HEAD_BYTES))
    if not is_columnar(bytes(content[:4])):
        _utf8(path, bytes(content))
    while piece := stream.read(_PIECE_BYTES):
        content += piece
        if len(content) > max(PACKING_FREE_MIB * MIB, PACKING_MAX * file.tell()):
            raise TapeError(
                f"{path} unpacks to more than {PACKING_MAX} times its size, as no market data "
                "does; unpack it yourself and look at it"
            )
        _check_size(path, len(content), mib_max)
    return bytes(content)


def _bounded(path: Path, stream: Stream, mib_max: int) -> bytes:
    content = stream.read(mib_max * MIB + 1)
    _check_size(path, len(content), mib_max)
    return content


def _check_size(path: Path, size: int, mib_max: int) -> None:
    if size > mib_max * MIB:
        raise TapeError(
            f"{path} holds more than {mib_max} MiB, which takes some nine times that in "
            "memory; split it by time and import each part, or say --size-max-mib"
        )


def _utf8(path: Path, content: bytes) -> bytes:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode()
    if content.startswith(b"\x28\xb5\x2f\xfd"):
        raise TapeError(f"{path} is packed with zstd; unpack it first: zstd -d {path.name}")
    if b"\0" in content[:_HEAD_BYTES]:
        raise TapeError(f"{path} is neither text nor Parquet nor feather; nothing here reads it")
    return content.removeprefix(codecs.BOM_UTF8)


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        one
        for one in archive.infolist()
        if not one.is_dir() and not one.filename.startswith("__MACOSX")
    ]
    if len(members) != 1:
        raise TapeError(
            f"{path} holds {len(members)} files, expected one; unpack it and import each"
        )
    return members[0]
