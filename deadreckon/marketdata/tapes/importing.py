"""Importing: from any file with market data to a tape, bad rows refused and counted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from msgspec import structs

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.marketdata.tapes import formats, plain, quality
from deadreckon.marketdata.tapes.advice import loss, unrecognised
from deadreckon.marketdata.tapes.digits import ABSENT
from deadreckon.marketdata.tapes.joining import with_moments
from deadreckon.marketdata.tapes.layout import Layout
from deadreckon.marketdata.tapes.markets import one_market
from deadreckon.marketdata.tapes.options import ImportOptions, checked_options
from deadreckon.marketdata.tapes.quality import QualityReport
from deadreckon.marketdata.tapes.rows import COLUMNS, QUANTITIES
from deadreckon.marketdata.tapes.source import SourceTable, read_table
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
from deadreckon.marketdata.tapes.values import RULE, Values, finest, read_values

# Part of the name of what is cached: raise it when the same source would give another tape.
REVISION = 2

_DECLARED = "declared"  # the column that --volume makes


def convert(
    path: Path, instrument: str | None, options: ImportOptions
) -> tuple[TapeHeader, pl.DataFrame, QualityReport]:
    """Convert a file to the header, columns and report of a tape; writes nothing.

    The report's `loss` says why it should not be written.
    """
    name = checked_instrument(instrument)
    return convert_table(path, read_source(path, options), name, options)


def convert_table(
    path: Path, table: SourceTable, name: str, options: ImportOptions
) -> tuple[TapeHeader, pl.DataFrame, QualityReport]:
    """Convert what was read from the file, as `convert` does."""
    layout = recognise(path, table, options)
    table = one_market(path, table, layout, options)
    table, layout = _with_volume(table, layout, options.volume)
    values = read_values(table, layout, options.reading)
    ordered, ordering = quality.in_order(values.frame, sort=options.sort)
    judged = quality.sieve(ordered, layout.kind)
    sound = judged.filter(pl.col(RULE).is_null())
    report = QualityReport(
        judged.height, sound.height, table.header_lines, quality.refusals(judged) + ordering
    )
    report = structs.replace(report, loss=loss(path, table, layout, report, options))
    interval = _interval(sound["at"], layout, options)
    if report.loss and (sound.is_empty() or (layout.kind == "bars" and interval is None)):
        raise TapeError(report.loss)
    if layout.kind == "bars" and interval is None:
        raise TapeError(f"{path} does not show how long its bars are; say --interval-seconds")
    oddities = quality.oddities(sound, layout.kind, interval)
    report = structs.replace(report, findings=report.findings + oddities)
    values = finest(structs.replace(values, frame=sound))
    header = structs.replace(_header(path, name, layout, values, report), interval_seconds=interval)
    return header, _at_close(values.frame, header), report


def read_source(path: Path, options: ImportOptions) -> SourceTable:
    """Read the file as a table whose rows have their date and time in one column."""
    if path.is_file() and is_tape(path):
        raise TapeError(f"{path} is a tape already; look at it with: dr tape describe {path}")
    table = read_table(path, options.header, options.size_max_mib)
    return with_moments(table, options.columns)


def import_source(
    path: Path, instrument: str | None, output: Path, options: ImportOptions
) -> tuple[Tape, QualityReport]:
    """Import one file into the tape `output`; raises `TapeError` when too little is sound."""
    header, columns, report = convert(path, instrument, options)
    if report.loss:
        raise TapeError(f"{report.loss} (all of these are options of dr tape import)")
    return write_tape(output, header, columns.to_dict()), report


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
    """Return which column is what: by the first family that knows it, your options on top."""
    families = [] if options.columns or options.kind else _FAMILIES
    known = next((found for knows in families if (found := knows(table))), None)
    layout = known or plain.recognise(table, options)
    if layout is None:
        raise TapeError(unrecognised(path, table, options))
    columns = {**layout.columns, **plain.given_columns(table, options)}
    for name in columns.values():
        if name not in table.names:
            choice = f"choose --columns and --time-column from: {', '.join(table.names)[:500]}"
            raise TapeError(f"{path} has no column {name}; {choice}")
    usual: Stamp | None = "close" if columns["at"] in plain.CLOSE_TIMES else layout.stamp
    return structs.replace(
        layout,
        volume_unit=options.volume_unit or layout.volume_unit,
        stamp=layout.stamp and (options.stamp or usual),
        columns=columns,
    )


# The most particular first.
_FAMILIES = (formats.tardis, formats.binance, formats.ccxt)


def stem(path: Path) -> str:
    """Return the file's name without its endings: `BTCUSDT-1m` of `BTCUSDT-1m.csv.gz`."""
    return re.sub(r"(\.(tape|csv|tsv|txt|json|zip|gz|parquet|feather|arrow))+$", "", path.name)


def _with_volume(
    table: SourceTable, layout: Layout, volume: str | None
) -> tuple[SourceTable, Layout]:
    """Add the volumes and sizes that the file does not say, as you declare them."""
    if volume is None:
        return table, layout
    declared = pl.lit("0" if volume == "none" else volume)
    roles = [role for role in COLUMNS[layout.kind] if role in QUANTITIES]
    there = [layout.columns[role] for role in roles if role in layout.columns]
    empty = pl.col(there).fill_null("").str.strip_chars().str.to_lowercase().is_in(ABSENT)
    filled = pl.when(empty).then(declared).otherwise(pl.col(there)).name.keep()
    frame = table.frame.with_columns(filled, declared.alias(_DECLARED))
    columns = dict.fromkeys(roles, _DECLARED) | dict(layout.columns)
    return structs.replace(table, frame=frame), structs.replace(layout, columns=columns)


def _interval(at: pl.Series, layout: Layout, options: ImportOptions) -> int | None:
    """Return the seconds from bar to bar: as given, else the most common step, if it is whole."""
    if layout.kind != "bars" or options.interval_seconds:
        return options.interval_seconds if layout.kind == "bars" else None
    common = at.diff().drop_nulls().mode().min()
    if not isinstance(common, int) or common % NANOSECONDS:
        return None
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


def _sha256(path: Path) -> str:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise TapeError(f"{path} {found}; give the path of one file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
