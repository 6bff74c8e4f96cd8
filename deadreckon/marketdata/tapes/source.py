"""Any file we can read, as a table of texts: as it was written, before any check."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from msgspec import Struct, structs

from deadreckon.marketdata.tapes.digits import NUMBER
from deadreckon.marketdata.tapes.tape import TapeError, undamaged

# Two columns every table has beside those of the source: the number of the row, counted from 1
# without the header, and whether the row had another number of fields than its header.
ROW = "#row"
RAGGED = "#ragged"
BLANK = "#blank"  # only while reading: an empty line is no row, but keeps its number

DELIMITERS = ",;\t|"
PREAMBLE_LINES_MAX = 5  # some vendors write an address or a licence above the header
HEAD_BYTES = 65_536
BLOCK_BYTES = 32 * 2**20

Container = Literal["lines", "json", "columns"]


class SourceTable(Struct, frozen=True):
    """The texts of a source; columns without names are called 0, 1, 2..."""

    frame: pl.DataFrame
    container: Container
    named: bool
    header_lines: int = 0  # row + header_lines is the line in the file
    floats: frozenset[str] = frozenset()  # columns that were binary floats

    @property
    def names(self) -> list[str]:
        return [name for name in self.frame.columns if name not in (ROW, RAGGED)]


def read_table(path: Path) -> SourceTable:
    """Read CSV, JSON, Parquet or feather, plain or in .gz or .zip, by content, not by name."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise TapeError(f"{path} {found}; give the path of one file")
    content = _unpacked(path)
    if not content or content.isspace():
        raise TapeError(f"{path} is empty; there is nothing to import")
    if content[:4] in (b"PAR1", b"ARRO", b"FEA1"):
        return _from_columns(path, content)
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\0" in content[:HEAD_BYTES]:
        raise TapeError(f"{path} is neither text nor Parquet nor feather; nothing here reads it")
    is_json = content[:HEAD_BYTES].lstrip()[:1] in (b"[", b"{")
    return _from_json(path, content) if is_json else _from_lines(path, content)


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        if content[:4] == b"PK\x03\x04":
            return _only_member(path, content)
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, ValueError) as error:
        raise TapeError(f"{path} cannot be unpacked ({error}); fetch it again") from error


def _only_member(path: Path, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not name.startswith("__MACOSX")
        ]
        if len(names) != 1:
            raise TapeError(
                f"{path} holds {len(names)} files, expected one; unpack it and import each"
            )
        return archive.read(names[0])


def _from_columns(path: Path, content: bytes) -> SourceTable:
    read = pl.read_parquet if content[:4] == b"PAR1" else pl.read_ipc
    with undamaged(path):
        frame = read(io.BytesIO(content))
    texts = {name: _column_texts(frame[name]) for name in frame.columns}
    sound = pl.DataFrame({name: column for name, column in texts.items() if column is not None})
    table = _table(sound, "columns", named=True)
    floats = frozenset(column_name(name) for name in frame.select(pl.selectors.float()).columns)
    return structs.replace(table, floats=floats)


def _column_texts(column: pl.Series) -> pl.Series | None:
    kind = column.dtype
    if kind.is_temporal():
        return _moments(column) if kind in (pl.Date, pl.Datetime) else None
    if kind.is_numeric() or kind in (pl.String, pl.Boolean, pl.Categorical, pl.Enum):
        return column.cast(pl.String)  # of a float: the shortest text that is the same float
    return None


def _moments(column: pl.Series) -> pl.Series:
    moments = column.cast(pl.Datetime) if column.dtype == pl.Date else column
    return moments.dt.cast_time_unit("ns").cast(pl.Int64).cast(pl.String)


def _from_json(path: Path, content: bytes) -> SourceTable:
    try:
        rows = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise TapeError(f"{path} is not valid JSON ({error}); fetch it again") from error
    if not isinstance(rows, list) or not rows:
        raise TapeError(f"{path} is JSON but not a list of rows; export it as one list")
    if isinstance(rows[0], dict):
        return _from_records([row if isinstance(row, dict) else {} for row in rows])
    return _from_lists([row if isinstance(row, list) else [] for row in rows])


def _from_records(rows: Sequence[Mapping[str, Any]]) -> SourceTable:
    names = {name: None for row in rows for name in row}
    columns = {
        _encodable(name): _series([_scalar(row.get(name)) for row in rows]) for name in names
    }
    return _table(pl.DataFrame(columns | {RAGGED: [not row for row in rows]}), "json", named=True)


def _from_lists(rows: Sequence[Sequence[Any]]) -> SourceTable:
    width = max(set(lengths := [len(row) for row in rows]), key=lengths.count)
    sound = [row if len(row) == width else [None] * width for row in rows]
    columns = {str(i): _series([_scalar(row[i]) for row in sound]) for i in range(width)}
    ragged = pl.Series([length != width for length in lengths])
    return _table(pl.DataFrame(columns | {RAGGED: ragged}), "json", named=False)


def _series(values: list[str | None]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value)
    return _encodable(value) if isinstance(value, str) else None


def _encodable(text: str) -> str:
    """Replace half surrogate pairs, which JSON can spell but no column can hold."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _from_lines(path: Path, content: bytes) -> SourceTable:
    head = content[:HEAD_BYTES].decode(errors="replace").splitlines()[: PREAMBLE_LINES_MAX + 1]
    first = next((number for number, line in enumerate(head) if _delimiter(line)), None)
    if first is None:
        raise TapeError(f"{path} has no lines of several columns; expected CSV with a header")
    delimiter = _delimiter(head[first])
    fields = [_bare(field) for field in head[first].split(delimiter)]
    named = not any(re.match(NUMBER, field) for field in fields)
    names = fields if named else [str(position) for position in range(len(fields))]
    header_lines = first + named
    blocks = [_fields(lines, delimiter, names) for lines in _blocks(content, header_lines)]
    table = _table(pl.concat(blocks), "lines", named=named, header_lines=header_lines)
    return structs.replace(table, frame=table.frame.filter(~pl.col(BLANK)).drop(BLANK))


def _blocks(content: bytes, skipped_lines: int) -> Iterator[pl.Series]:
    """Yield the lines in blocks, so that a large file is never in memory in four shapes at once."""
    start = 0
    for _ in range(skipped_lines):
        start = (content.find(b"\n", start) + 1) or len(content)
    while True:
        end = (content.find(b"\n", start + BLOCK_BYTES) + 1) or len(content)
        block = content[start:end].decode(errors="replace").removesuffix("\n")
        yield pl.Series([block]).str.split("\n").explode().str.strip_chars_end("\r")
        if end == len(content):
            return
        start = end


def _delimiter(line: str) -> str:
    """Return the delimiter that cuts the line in most pieces, or "" when it stays whole."""
    best = max(DELIMITERS, key=line.count)
    return best if line.count(best) > 1 else ""


def _bare(field: str) -> str:
    return field.strip().strip('"').strip()


def _fields(lines: pl.Series, delimiter: str, names: Sequence[str]) -> pl.DataFrame:
    parts = lines.str.split_exact(delimiter, len(names) - 1).struct
    columns = {name: parts[i].str.strip_chars(' "') for i, name in enumerate(_distinct(names))}
    ragged = lines.str.count_matches(delimiter, literal=True) != len(names) - 1
    return pl.DataFrame({**columns, RAGGED: ragged, BLANK: lines.str.strip_chars() == ""})


def _distinct(names: Sequence[str]) -> list[str]:
    seen: list[str] = []
    for name in names:
        seen.append(name if name not in seen else f"{name}_{len(seen)}")
    return seen


def _table(
    frame: pl.DataFrame, container: Container, *, named: bool, header_lines: int = 0
) -> SourceTable:
    marks = [name for name in frame.columns if name.startswith("#")]
    names = _distinct([column_name(name) for name in frame.columns if name not in marks])
    frame = frame.rename(dict(zip(frame.drop(marks).columns, names, strict=True)))
    numbers = pl.int_range(1, frame.height + 1, eager=True).alias(ROW)
    ragged = [] if RAGGED in marks else [pl.lit(False).alias(RAGGED)]
    return SourceTable(frame.with_columns(numbers, *ragged), container, named, header_lines)


def column_name(name: str) -> str:
    """`Open Time`, `openTime` and `open-time` are one name: `open_time`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
