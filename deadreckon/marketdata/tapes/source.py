"""Any file we can read, as a table of texts: as it was written, before any check."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from msgspec import Struct, structs

from deadreckon.marketdata.tapes.lines import RAGGED, ROW, distinct, read_lines
from deadreckon.marketdata.tapes.tape import TapeError, undamaged
from deadreckon.marketdata.tapes.unpacking import (
    CONTENT_MIB_MAX,
    MIB,
    check_extent,
    is_columnar,
    unpacked,
)

JSON_SHARE_MAX = 4  # JSON takes four times the memory that lines take

Container = Literal["lines", "json", "columns"]


class SourceTable(Struct, frozen=True):
    """The texts of a source; columns without names are called 0, 1, 2..."""

    frame: pl.DataFrame
    container: Container
    named: bool
    header_lines: int = 0  # row + header_lines is the line in the file
    delimiter: str = ""  # of lines
    floats: frozenset[str] = frozenset()  # columns that were binary floats

    @property
    def names(self) -> list[str]:
        return [name for name in self.frame.columns if name not in (ROW, RAGGED)]


def read_table(
    path: Path, header: bool | None = None, mib_max: int = CONTENT_MIB_MAX
) -> SourceTable:
    """Read CSV, JSON, Parquet or feather, plain or in .gz or .zip, by content, not by name.

    `header` says whether the first line of a CSV names its columns; None looks.
    """
    content = unpacked(path, mib_max)
    if is_columnar(content):
        return _from_columns(path, content)
    if content.lstrip()[:1] in (b"[", b"{"):
        if len(content) > mib_max * MIB // JSON_SHARE_MAX:
            raise TapeError(
                f"{path} is more than {mib_max / JSON_SHARE_MAX:g} MiB of JSON; export it as CSV, "
                "split it by time, or say --size-max-mib"
            )
        return _from_json(path, content)
    head, frame = read_lines(path, content, header=header)
    return SourceTable(frame, "lines", head.named, head.header_lines, head.delimiter)


def _from_columns(path: Path, content: bytes) -> SourceTable:
    source = io.BytesIO(content)
    scan, read = (
        (pl.scan_parquet, pl.read_parquet) if content[:4] == b"PAR1" else (pl.scan_ipc, pl.read_ipc)
    )
    with undamaged(path):
        lazy = scan(source)
        rows = lazy.select(pl.len()).collect().item()
        check_extent(path, len(lazy.collect_schema()), rows)
        frame = read(source)
    texts = {name: _column_texts(frame[name]) for name in frame.columns}
    sound = pl.DataFrame({name: column for name, column in texts.items() if column is not None})
    floats = frozenset(frame.select(pl.selectors.float()).columns)
    table = _table(sound, "columns", named=True)
    noisy = {new for old, new in zip(sound.columns, table.names, strict=True) if old in floats}
    return structs.replace(table, floats=frozenset(noisy))


def _column_texts(column: pl.Series) -> pl.Series | None:
    kind = column.dtype
    if kind == pl.Datetime:
        return column.dt.cast_time_unit("ns").cast(pl.Int64).cast(pl.String)
    if kind.is_numeric() or kind in _TEXTUAL:
        return column.cast(pl.String)  # of a float: the shortest text that is the same float
    return None


# A column of nulls has no type; it is there all the same, and tells whose file it is.
_TEXTUAL = (pl.String, pl.Boolean, pl.Categorical, pl.Enum, pl.Date, pl.Time, pl.Null)


def _from_json(path: Path, content: bytes) -> SourceTable:
    try:
        rows = _json_rows(_json(content))
    except (ValueError, RecursionError) as error:
        raise TapeError(f"{path} is not valid JSON ({error}); fetch it again") from error
    first = next((row for row in rows if isinstance(row, dict | list) and row), None)
    if first is None:
        raise TapeError(f"{path} is JSON but not a list of rows; export it as one list")
    if isinstance(first, dict):
        records = [row if isinstance(row, dict) else {} for row in rows]
        names = list({name: None for row in records for name in row})
        check_extent(path, len(names), len(rows))
        return _from_records(names, records)
    return _from_lists(path, [row if isinstance(row, list) else [] for row in rows])


def _json(content: bytes) -> Any:
    """Decode one JSON text, or one on each line."""
    exact = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str).decode
    text = content.decode()
    try:
        return exact(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        return [exact(line) for line in text.splitlines() if line.strip()]


def _json_rows(value: Any) -> Sequence[Any]:
    """Find the rows in a JSON text, also inside an answer or column by column."""
    tables = [found for found in _lists(value) if isinstance(found[0], (dict, list))]
    if tables:
        return max(tables, key=len)
    for columns in _objects(value):
        lists = {name: list_ for name, list_ in columns.items() if isinstance(list_, list)}
        lengths = {len(list_) for list_ in lists.values()}
        if len(lists) > 2 and len(lengths) == 1:
            return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return []


def _lists(value: Any) -> Iterator[list[Any]]:
    """Yield lists that are not empty and not inside of another list."""
    if isinstance(value, list) and value:
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _lists(inner)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)


def _from_records(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> SourceTable:
    columns = {
        once: _series([_scalar(row.get(name)) for row in rows])
        for once, name in zip(distinct(names), names, strict=True)
    }
    return _table(pl.DataFrame(columns), "json", named=True, ragged=[not row for row in rows])


def _from_lists(path: Path, rows: Sequence[Sequence[Any]]) -> SourceTable:
    lengths = [len(row) for row in rows]
    width = max(set(lengths) - {0}, key=lengths.count)
    check_extent(path, width, len(rows))
    sound = [row if len(row) == width else [None] * width for row in rows]
    columns = {str(i): _series([_scalar(row[i]) for row in sound]) for i in range(width)}
    ragged = [length != width for length in lengths]
    return _table(pl.DataFrame(columns), "json", named=False, ragged=ragged)


def _series(values: list[str | None]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value)
    return _encodable(value) if isinstance(value, str) else None


def _encodable(text: str) -> str:
    """Replace half surrogate pairs, which JSON can spell but no column can hold."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _table(
    frame: pl.DataFrame, container: Container, *, named: bool, ragged: Sequence[bool] | None = None
) -> SourceTable:
    frame.columns = distinct(frame.columns)
    marks = [
        pl.int_range(1, frame.height + 1, eager=True).alias(ROW),
        pl.Series(RAGGED, ragged or [False] * frame.height, dtype=pl.Boolean),
    ]
    return SourceTable(frame.with_columns(marks), container, named)
