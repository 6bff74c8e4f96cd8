"""Importing: from any file with market data to a tape, bad rows refused and counted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import polars as pl
from msgspec import Meta, Struct, structs

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.market import VolumeUnit
from deadreckon.marketdata.tapes import formats, plain, quality
from deadreckon.marketdata.tapes.layout import Layout
from deadreckon.marketdata.tapes.quality import QualityFinding, QualityReport
from deadreckon.marketdata.tapes.source import SourceTable, column_name, read_table
from deadreckon.marketdata.tapes.tape import (
    Stamp,
    Tape,
    TapeError,
    TapeHeader,
    checked_instrument,
    is_tape,
    open_tape,
    write_tape,
)
from deadreckon.marketdata.tapes.values import DECIMALS_MAX, RULE, Values, finest, read_values

# Part of the name of what is cached: raise it when the same source would give another tape.
REVISION = 1

Decimals = Annotated[int, Meta(ge=0, le=DECIMALS_MAX)]


class ImportOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts that a file does not state; None leaves them to the format of the source."""

    stamp: Stamp | None = None  # what the time of a bar means in the source
    volume_unit: VolumeUnit | None = None
    interval_seconds: Annotated[int, Meta(ge=1)] | None = None  # of bars; else the most common step
    time_column: str | None = None
    symbol: str | None = None  # which one to take from a file of several
    price_decimals: Decimals | None = None  # round half-even what is finer, and count it
    quantity_decimals: Decimals | None = None


def convert(
    path: Path, instrument: str | None, options: ImportOptions
) -> tuple[TapeHeader, pl.DataFrame, QualityReport]:
    """Convert a file to the header, columns and report of a tape; writes nothing."""
    name = checked_instrument(instrument)
    if path.is_file() and is_tape(path):
        raise TapeError(f"{path} is a tape already; look at it with: dr tape describe {path}")
    table = read_table(path)
    layout = recognise(path, table, options)
    table = _one_symbol(path, table, options.symbol)
    values = read_values(table, layout, options.price_decimals, options.quantity_decimals)
    judged = quality.sieve(values.frame, layout.kind)
    refusals = quality.refusals(judged)
    sound = judged.filter(pl.col(RULE).is_null())
    if sound.is_empty():
        raise TapeError(f"{path} has no row that can be played ({_counts(refusals)})")
    values = finest(structs.replace(values, frame=sound))
    interval = _interval(path, sound["at"], layout, options)
    oddities = quality.oddities(sound, layout.kind, interval)
    report = QualityReport(judged.height, sound.height, table.header_lines, refusals + oddities)
    header = structs.replace(_header(path, name, layout, values, report), interval_seconds=interval)
    return header, _at_close(values.frame, header), report


def import_source(
    path: Path, instrument: str | None, output: Path, options: ImportOptions
) -> tuple[Tape, QualityReport]:
    """Import one file into the tape `output`; raises `TapeError` when nothing sound is in it."""
    header, columns, report = convert(path, instrument, options)
    return write_tape(output, header, columns.to_dict()), report


def checked_options(options: Mapping[str, Any]) -> ImportOptions:
    """Return the options by name; raises if one is unknown or makes no sense."""
    try:
        return msgspec.convert(dict(options), ImportOptions)
    except msgspec.ValidationError as error:
        raise TapeError(f"an import option makes no sense: {error}") from error


def import_cached(
    path: Path, instrument: str | None, cache_dir: Path, options: Mapping[str, Any]
) -> Tape:
    """Import into `cache_dir`, unless the same content was imported there with these options."""
    content, name, chosen = _sha256(path), checked_instrument(instrument), checked_options(options)
    asked = msgspec.json.encode([REVISION, content, name, chosen])
    cached = cache_dir / f"{stem(path)}-{hashlib.sha256(asked).hexdigest()[:16]}.tape.parquet"
    if not cached.is_file():
        import_source(path, name, cached, chosen)
    return open_tape(cached)


def recognise(path: Path, table: SourceTable, options: ImportOptions) -> Layout:
    """Return which column is what, by the first family that knows the file, with your options on
    top."""
    # The most particular first.
    recognisers = (formats.tardis, formats.binance, formats.ccxt, plain.recognise)
    layout = next((found for knows in recognisers if (found := knows(table))), None)
    if layout is None:
        seen = ", ".join(table.names) if table.named else f"{len(table.names)} without a header"
        raise TapeError(
            f"{path} has no columns recognised as bars (time, open, high, low, close, volume), "
            f"quotes (time, bid, ask, bid_size, ask_size) or trades (time, price, quantity); "
            f"rename them (found: {seen[:200]})"
        )
    unit = options.volume_unit or layout.volume_unit
    time = _time_column(path, table, layout, options.time_column)
    usual: Stamp | None = "close" if time in plain.CLOSE_TIMES else layout.stamp
    stamp = layout.stamp and (options.stamp or usual)
    columns = {**layout.columns, "at": time}
    return structs.replace(layout, volume_unit=unit, stamp=stamp, columns=columns)


def stem(path: Path) -> str:
    """Return the file's name without its endings: `BTCUSDT-1m` of `BTCUSDT-1m.csv.gz`."""
    return re.sub(r"(\.(tape|csv|tsv|txt|json|zip|gz|parquet|feather|arrow))+$", "", path.name)


def _time_column(path: Path, table: SourceTable, layout: Layout, wanted: str | None) -> str:
    column = column_name(wanted) if wanted else layout.columns["at"]
    if column not in table.names:
        raise TapeError(
            f"{path} has no column {wanted}; choose --time-column from: {', '.join(table.names)}"
        )
    return column


def _one_symbol(path: Path, table: SourceTable, wanted: str | None) -> SourceTable:
    """Select the rows of one symbol: a file of several markets needs a choice."""
    if "symbol" not in table.names:
        return table
    symbols = table.frame["symbol"].drop_nulls().unique(maintain_order=True)
    if wanted is not None:
        table = structs.replace(table, frame=table.frame.filter(pl.col("symbol") == wanted))
    if (wanted is None and symbols.len() > 1) or table.frame.is_empty():
        some = ", ".join(symbols.head(5).to_list())
        raise TapeError(f"{path} holds {symbols.len()} symbols ({some}); choose one with --symbol")
    return table


def _interval(path: Path, at: pl.Series, layout: Layout, options: ImportOptions) -> int | None:
    """Return the seconds from bar to bar: as given, else the most common step."""
    if layout.kind != "bars" or options.interval_seconds:
        return options.interval_seconds if layout.kind == "bars" else None
    common = at.diff().drop_nulls().mode().min()
    if not isinstance(common, int) or common % NANOSECONDS:
        raise TapeError(f"{path} does not show how long its bars are; say --interval-seconds")
    return common // NANOSECONDS


def _header(
    path: Path, instrument: str, layout: Layout, values: Values, report: QualityReport
) -> TapeHeader:
    return TapeHeader(
        instrument=instrument,
        kind=layout.kind,
        stamp=layout.stamp,
        volume_unit=layout.volume_unit,
        price_scale=values.price_scale,
        quantity_scale=values.quantity_scale,
        source=path.name,
        source_sha256=_sha256(path),
        refused=report.refused,
        adjusted=report.adjusted,
    )


def _at_close(frame: pl.DataFrame, header: TapeHeader) -> pl.DataFrame:
    """Move each bar's time to its close, whatever the source stamped."""
    seconds = header.interval_seconds if header.stamp == "open" else None
    return frame.with_columns(pl.col("at") + (seconds or 0) * NANOSECONDS)


def _counts(findings: list[QualityFinding]) -> str:
    return ", ".join(f"{one.rule}: {one.count}" for one in findings) or "it has no rows at all"


def _sha256(path: Path) -> str:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise TapeError(f"{path} {found}; give the path of one file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
