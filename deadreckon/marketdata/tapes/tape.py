"""The tape: one Parquet file of market data, exact, that says what it holds.

Prices and quantities are int64 in the scales its header declares; `at` is int64 nanoseconds UTC,
for a bar its close. polars is imported only when a file is touched.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from deadreckon.marketdata.tapes.header import (
    FORMAT,
    Stamp,
    TapeError,
    TapeHeader,
    checked_instrument,
)
from deadreckon.marketdata.tapes.rows import (
    COLUMNS,
    BarRow,
    QuoteRow,
    TapeKind,
    TapeRow,
    TradeRow,
    decode,
)
from deadreckon.runtime.process import durable

if TYPE_CHECKING:
    import polars

__all__ = [
    "BarRow",
    "QuoteRow",
    "Stamp",
    "Tape",
    "TapeError",
    "TapeHeader",
    "TapeKind",
    "TapeRow",
    "TradeRow",
    "checked_instrument",
    "is_tape",
    "open_tape",
    "write_tape",
]

METADATA_KEY = "deadreckon.tape"
SEAL_KEY = "deadreckon.digest"  # Parquet does not notice altered bytes; the digest does
TEXTS = frozenset({"aggressor", "trade_id"})

# Row group of the file, unit of reading, and part of what `digest` means: never change it.
BLOCK_ROWS = 65_536


class Tape:
    """An open tape: header at once, rows when asked, in slices so that memory stays flat."""

    def __init__(self, path: Path, header: TapeHeader, sealed: str | None = None) -> None:
        self.path = path
        self.header = header
        self._sealed = sealed

    def scan(self) -> polars.LazyFrame:
        """Return the stored integers as a lazy frame, for computing in columns."""
        import polars

        return polars.scan_parquet(self.path, glob=False).select(COLUMNS[self.header.kind])

    def blocks(self, start: int = 0) -> Iterator[tuple[int, polars.DataFrame]]:
        """Yield the stored integers from row `start`, with the number of each block's first row."""
        first = max(start, 0)
        while first < self.header.rows:
            end = first - first % BLOCK_ROWS + BLOCK_ROWS
            with undamaged(self.path):
                block = self.scan().slice(first, end - first).collect()
            yield first, block
            first = end

    def rows(self, start: int = 0) -> Iterator[TapeRow]:
        """Yield the rows from number `start` on (the first is 0), as exact canonical decimals."""
        header = self.header
        for first, frame in self.blocks(start):
            yield from decode(frame, header.kind, first, header.price_scale, header.quantity_scale)

    @cached_property
    def digest(self) -> str:
        """Identity of the played rows, hex SHA-256; independent of encoding and file name."""
        found = _digest(self.header, (frame for _, frame in self.blocks()))
        if self._sealed not in (None, found):
            raise TapeError(f"{self.path} was altered after it was written; make it again")
        return found


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Raise TapeError in one line for what the decoder finds wrong in the block."""
    from polars.exceptions import PanicException, PolarsError

    try:
        yield
    except (PolarsError, PanicException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise TapeError(f"{path} is damaged ({reason}); fetch or make it again") from error


def is_tape(path: Path) -> bool:
    """Tell whether the file carries a tape header; False for anything that is not Parquet."""
    return METADATA_KEY in _metadata(path)


def open_tape(path: Path | str) -> Tape:
    """Open a tape, or raise `TapeError` saying what to do instead."""
    path = Path(path)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise TapeError(f"{path} {found}; give the path of a tape file")
    metadata = _metadata(path)
    if METADATA_KEY not in metadata:
        raise TapeError(
            f"{path} is not a tape; make one with: dr tape import {path} --instrument SYMBOL.VENUE"
        )
    tape = Tape(path, _header(path, metadata[METADATA_KEY]), metadata.get(SEAL_KEY))
    _check_columns(tape)
    return tape


def write_tape(path: Path | str, header: TapeHeader, columns: Mapping[str, Any]) -> Tape:
    """Write columns of stored integers and texts as a tape, all of it or nothing.

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
    digest = _digest(header, frame.iter_slices(BLOCK_ROWS))
    metadata = {METADATA_KEY: msgspec.json.encode(header).decode(), SEAL_KEY: digest}
    _write_atomically(path, frame, metadata)
    return Tape(path, header, digest)


def _metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return {}
    import polars

    with undamaged(path):
        return polars.read_parquet_metadata(path)


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
    with undamaged(tape.path):
        stored = polars.read_parquet_schema(tape.path)
        rows = polars.scan_parquet(tape.path, glob=False).select(polars.len()).collect().item()
    if dict(stored) != wanted or rows != tape.header.rows:
        raise TapeError(f"{tape.path} does not hold what its header says; import it again")


def _stored_type(name: str) -> type[polars.DataType]:
    import polars

    return polars.String if name in TEXTS else polars.Int64


def _write_atomically(path: Path, frame: polars.DataFrame, metadata: dict[str, str]) -> None:
    durable.make_folders(path.parent, durable.SHARED_FOLDER)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        frame.write_parquet(
            partial,
            compression="zstd",
            row_group_size=BLOCK_ROWS,
            metadata=metadata,
        )
        durable.sync(partial)
        durable.move(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _digest(header: TapeHeader, blocks: Iterable[polars.DataFrame]) -> str:
    seal = hashlib.sha256(_identity(header))
    for block in blocks:
        for column in block.iter_columns():
            seal.update(_column_bytes(column))
    return seal.hexdigest()


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
