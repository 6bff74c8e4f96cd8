"""Parquet parts of the lake: written under a temporary name, then renamed."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars
from polars import col

from deadreckon.projections.sinks.sink import DoesNotFitError
from deadreckon.projections.table import Table
from deadreckon.runtime.process import durable

AMOUNT = polars.Decimal(38, 18)
_FITS = r"^-?\d{1,20}(\.\d{1,18})?$"
_AS_READ: dict[str, Any] = {
    "text": polars.String,
    "integer": polars.Int64,
    "flag": polars.Boolean,
    "amount": polars.String,
}


def frame(table: Table, lines: Sequence[Sequence[Any]]) -> polars.DataFrame:
    """Convert rows of stored values to a frame. Raises DoesNotFitError, naming the row, for an
    amount that DECIMAL(38,18) cannot hold exactly."""
    columns = zip(*lines, strict=True) if lines else ([] for _ in table.stored)
    texts = polars.DataFrame(
        [
            polars.Series(column.name, list(values), dtype=_AS_READ[column.kind])
            for column, values in zip(table.stored, columns, strict=True)
        ]
    )
    amounts = [column.name for column in table.stored if column.kind == "amount"]
    if not amounts:
        return texts
    # Casting alone would round a nineteenth decimal without an error.
    fits = texts.select(col(amounts).str.contains(_FITS).all())
    if not all(fits.row(0)):
        raise _unfit(table, texts, amounts)
    return texts.with_columns(col(amounts).cast(AMOUNT))


class Written(NamedTuple):
    """A part on disk: length in bytes and SHA-256 (hex)."""

    bytes: int
    digest: str


def write(data: polars.DataFrame, path: Path) -> Written:
    """Write a part; it becomes visible only when complete."""
    durable.make_folders(path.parent, durable.SHARED_FOLDER)
    content = io.BytesIO()
    data.write_parquet(content, compression="zstd")
    temporary = path.with_suffix(".writing")
    durable.write(temporary, content.getbuffer(), mode=durable.SHARED)
    durable.move(temporary, path)
    return Written(content.tell(), hashlib.sha256(content.getbuffer()).hexdigest())


def read(files: Sequence[Path]) -> polars.DataFrame:
    """Read parts into one frame, in the order given."""
    return polars.concat([polars.read_parquet(file, glob=False) for file in files])


def scan(files: Sequence[Path]) -> polars.LazyFrame:
    """Open parts lazily: only the columns and rows that a query needs are read."""
    return polars.scan_parquet(list(files), glob=False)


def plain(table: Table, data: polars.DataFrame) -> list[list[Any]]:
    """Yield the rows of a frame as plain values, without the sequence columns, amounts as
    canonical text."""
    names = [column.name for column in table.columns]
    amounts = [column.name for column in table.columns if column.kind == "amount"]
    texts = col(amounts).cast(polars.String).str.strip_chars_end("0").str.strip_chars_end(".")
    chosen = data.select(names).with_columns(texts) if amounts else data.select(names)
    return [list(values) for values in chosen.rows()]


def _unfit(table: Table, texts: polars.DataFrame, amounts: list[str]) -> DoesNotFitError:
    """Describe the first amount that does not fit."""
    for name in amounts:
        unfit = texts.filter(~col(name).str.contains(_FITS)).select(name, "event_id").rows()
        if unfit:
            amount, event = unfit[0]
            return DoesNotFitError(
                f"{table.name}.{name}: {amount} does not fit DECIMAL(38,18), in event {event}"
            )
    raise AssertionError(f"{table.name}: every amount fits after all")
