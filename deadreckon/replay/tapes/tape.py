"""The tape: one Parquet file of market data, exact, that says what it holds.

Prices and quantities are int64 in the scales its header declares; `at` is int64 nanoseconds UTC,
for a bar its close. polars is imported only when a file is touched.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, structs

from deadreckon.contracts.market import VolumeUnit
from deadreckon.replay.tapes.rows import COLUMNS, BarRow, Kind, QuoteRow, Row, TradeRow, decode

if TYPE_CHECKING:
    import polars

__all__ = [
    "BarRow",
    "Kind",
    "QuoteRow",
    "Row",
    "Tape",
    "TapeError",
    "TapeHeader",
    "TradeRow",
    "checked_instrument",
    "is_tape",
    "load_or_import",
    "open_tape",
    "write_tape",
]

FORMAT = 1
METADATA_KEY = "deadreckon.tape"
TEXTS = frozenset({"aggressor", "trade_id"})

# Row group of the file, unit of reading, and part of what `digest` means: never change it.
BLOCK_ROWS = 65_536

_INSTRUMENT = re.compile(r"[A-Za-z0-9_/:.-]+\.[A-Z0-9_-]+")

Stamp = Literal["open", "close"]


class TapeError(Exception):
    """The file you named cannot be used as a tape; the message says what to do."""


class TapeHeader(Struct, frozen=True, kw_only=True):
    """What a tape holds, and where it came from."""

    format: int = FORMAT
    instrument: str  # SYMBOL.VENUE
    kind: Kind
    interval_seconds: int | None = None  # bars only
    stamp: Stamp | None = None  # what the source's stamp of a bar meant; ours is always the close
    volume_unit: VolumeUnit = "unknown"
    price_scale: int  # decimals: a stored price is an integer of 10**-price_scale
    quantity_scale: int
    source: str = ""  # name of the file it was made from, without its folder
    source_sha256: str = ""
    rows: int = 0
    first_at: int = 0  # nanoseconds UTC
    last_at: int = 0
    refused: dict[str, int] = {}  # rule -> rows of the source that are not in the tape
    adjusted: dict[str, int] = {}  # what an option asked to change -> rows
    synthetic: dict[str, Any] | None = None  # seed and shape, when nobody recorded it


class Tape:
    """An open tape: header at once, rows when asked, in slices so that memory stays flat."""

    def __init__(self, path: Path, header: TapeHeader) -> None:
        self.path = path
        self.header = header

    def scan(self) -> polars.LazyFrame:
        """The stored integers, lazily, for whoever reckons in columns."""
        import polars

        return polars.scan_parquet(self.path, glob=False).select(COLUMNS[self.header.kind])

    def blocks(self, start: int = 0) -> Iterator[tuple[int, polars.DataFrame]]:
        """The stored integers from row `start`, with the number of each block's first row."""
        first = max(start, 0)
        while first < self.header.rows:
            end = first - first % BLOCK_ROWS + BLOCK_ROWS
            yield first, self.scan().slice(first, end - first).collect()
            first = end

    def rows(self, start: int = 0) -> Iterator[Row]:
        """Rows from number `start` on (the first row is 0), as exact canonical decimals."""
        header = self.header
        for first, frame in self.blocks(start):
            yield from decode(frame, header.kind, first, header.price_scale, header.quantity_scale)

    @cached_property
    def digest(self) -> str:
        """Identity of what is played, hex SHA-256; blind to encoding, source and file name."""
        seal = hashlib.sha256(_identity(self.header))
        for _, frame in self.blocks():
            for column in frame.iter_columns():
                seal.update(_column_bytes(column))
        return seal.hexdigest()


def checked_instrument(instrument: str | None) -> str:
    """The instrument, when it has the form SYMBOL.VENUE."""
    if instrument is None or not _INSTRUMENT.fullmatch(instrument):
        raise TapeError(
            f"{instrument or 'no instrument'} given; say --instrument SYMBOL.VENUE, "
            "such as BTCUSDT.BINANCE"
        )
    return instrument


def is_tape(path: Path) -> bool:
    """Whether the file carries a tape header; False for anything that is not Parquet."""
    return METADATA_KEY in _metadata(path)


def open_tape(path: Path | str) -> Tape:
    """Opens a tape, or raises `TapeError` saying what to do instead."""
    path = Path(path)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise TapeError(f"{path} {found}; give the path of a tape file")
    metadata = _metadata(path)
    if METADATA_KEY not in metadata:
        raise TapeError(
            f"{path} is not a tape; make one with: dr tape import {path} --instrument SYMBOL.VENUE"
        )
    tape = Tape(path, _header(path, metadata[METADATA_KEY]))
    _check_columns(tape)
    return tape


def write_tape(path: Path | str, header: TapeHeader, columns: Mapping[str, Any]) -> Tape:
    """Writes columns of stored integers and texts as a tape, all of it or nothing.

    Row count and first and last time of the header are taken from the columns.
    """
    import polars

    path = Path(path)
    schema = {name: _stored_type(name) for name in COLUMNS[header.kind]}
    frame = polars.DataFrame({name: columns[name] for name in schema}, schema=schema)
    if frame.is_empty() or frame.null_count().sum_horizontal().item():
        raise TapeError(f"{path.name} would be a tape without rows or with holes; not written")
    at = frame["at"]
    header = structs.replace(header, rows=frame.height, first_at=at[0], last_at=at[-1])
    _write_atomically(path, frame, header)
    return Tape(path, header)


def load_or_import(
    path: Path | str, instrument: str | None, cache_dir: Path | str, **options: Any
) -> Tape:
    """Opens a tape, or imports any other source into `cache_dir` (once) and opens that.

    `options` are the fields of `importing.ImportOptions`. Refused rows: `.header.refused`.
    """
    from deadreckon.replay.tapes.importing import import_cached

    path = Path(path)
    tape = (
        open_tape(path)
        if path.is_file() and is_tape(path)
        else import_cached(path, instrument, Path(cache_dir), options)
    )
    if instrument is not None and tape.header.instrument != instrument:
        raise TapeError(f"{path} is a tape of {tape.header.instrument}, not of {instrument}")
    return tape


def _metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return {}
    import polars

    try:
        return polars.read_parquet_metadata(path)
    except (polars.exceptions.PolarsError, OSError):
        return {}


def _header(path: Path, text: str) -> TapeHeader:
    try:
        stamped = msgspec.json.decode(text, type=dict[str, Any]).get("format")
        if not isinstance(stamped, int) or stamped > FORMAT:
            raise TapeError(
                f"{path} has tape format {stamped}, this program reads up to {FORMAT}; update it"
            )
        return msgspec.json.decode(text, type=TapeHeader)
    except msgspec.MsgspecError as error:
        raise TapeError(f"{path} has a damaged tape header ({error}); import it again") from error


def _check_columns(tape: Tape) -> None:
    import polars

    wanted = {name: _stored_type(name) for name in COLUMNS[tape.header.kind]}
    try:
        stored = polars.read_parquet_schema(tape.path)
        rows = polars.scan_parquet(tape.path, glob=False).select(polars.len()).collect().item()
    except (polars.exceptions.PolarsError, OSError) as error:
        raise TapeError(f"{tape.path} is damaged ({error}); import it again") from error
    if dict(stored) != wanted or rows != tape.header.rows:
        raise TapeError(f"{tape.path} does not hold what its header says; import it again")


def _stored_type(name: str) -> type[polars.DataType]:
    import polars

    return polars.String if name in TEXTS else polars.Int64


def _write_atomically(path: Path, frame: polars.DataFrame, header: TapeHeader) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        frame.write_parquet(
            partial,
            compression="zstd",
            row_group_size=BLOCK_ROWS,
            metadata={METADATA_KEY: msgspec.json.encode(header).decode()},
        )
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _identity(header: TapeHeader) -> bytes:
    played = {
        "format": header.format,
        "instrument": header.instrument,
        "kind": header.kind,
        "interval_seconds": header.interval_seconds,
        "volume_unit": header.volume_unit,
        "price_scale": header.price_scale,
        "quantity_scale": header.quantity_scale,
        "rows": header.rows,
    }
    return msgspec.json.encode(played, order="sorted")


def _column_bytes(column: polars.Series) -> bytes:
    if column.name in TEXTS:  # lengths first, so that no two lists of texts look alike
        lengths = column.str.len_bytes().to_numpy().astype("<i8").tobytes()
        return lengths + "".join(column.to_list()).encode()
    return column.to_numpy().astype("<i8", copy=False).tobytes()
