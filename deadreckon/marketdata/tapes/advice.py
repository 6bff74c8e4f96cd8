"""Reasons in words why a file is not read as it should be, with the option that would help."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import get_args

import polars as pl

from deadreckon.marketdata.tapes.digits import DECORATED, NUMBER
from deadreckon.marketdata.tapes.layout import Layout
from deadreckon.marketdata.tapes.lines import ROW
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.plain import lacking
from deadreckon.marketdata.tapes.quality import QualityFinding, QualityReport
from deadreckon.marketdata.tapes.rows import PRICES, QUANTITIES, TapeKind
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.stamps import is_ambiguous

_LISTED_BARS = "--columns time=0,open=1,high=2,low=3,close=4,volume=5"
_LISTED_TICKS = "--columns time=0,price=1,size=2 or --columns time=0,bid=1,ask=2 --volume N|none"
_NAMED = {"at": "time"}

_HELP = {
    "time_backwards": "--sort puts the rows in time order",
    "duplicate_time": (
        "several rows have one time: where a column tells two markets or intervals apart, "
        "--only COLUMN=VALUE takes one"
    ),
    "high_low_inconsistent": (
        "the columns may stand in another order: --columns open=...,high=...,low=...,close=..."
    ),
    "crossed_book": "bid and ask may be taken for each other: --columns bid=...,ask=...",
    "not_positive": "another column may be the price: --columns names it",
    "negative_volume": "another column may be the volume: --columns names it",
    "not_a_number": "--volume N|none fills in a volume that is not there; --columns names columns",
    "too_precise": "--price-decimals and --quantity-decimals round",
    "too_large": "--price-decimals and --quantity-decimals round",
}


def unrecognised(path: Path, table: SourceTable, options: ImportOptions) -> str:
    """Name the columns that are missing to read the file as bars, quotes or trades."""
    if not table.named and not options.columns:
        return (
            f"{path} has no columns recognised as bars, quotes or trades (found: "
            f"{len(table.names)} without a header); say which is what, such as "
            f"{_LISTED_BARS if len(table.names) > 4 else _LISTED_TICKS}"
        )
    kinds: Sequence[TapeKind] = (options.kind,) if options.kind else get_args(TapeKind)
    missing = {kind: lacking(table, kind, options) for kind in kinds}
    kind = min(missing, key=lambda one: len(missing[one]))
    lacks = [_NAMED.get(role, role) for role in missing[kind]]
    ways = [f"--columns {','.join(f'{role}=NAME' for role in lacks)}"] if lacks else []
    ways += ["--volume N|none"] if set(lacks) <= QUANTITIES else []
    return (
        f"{path} has no columns recognised as bars, quotes or trades: for {kind} it lacks "
        f"{', '.join(lacks) or 'nothing, but --columns names a role that they do not have'}; say "
        f"{' or '.join(ways) or 'another --kind'} (found: {', '.join(table.names)[:200]})"
    )


def loss(
    path: Path,
    table: SourceTable,
    layout: Layout,
    report: QualityReport,
    options: ImportOptions,
) -> str | None:
    """Explain why too few rows can be kept; None while `--refused-max` allows what is refused."""
    refused = report.rows_read - report.rows_kept
    percent = 100 * refused / max(report.rows_read, 1)
    if percent <= options.refused_max and report.rows_kept:
        return None
    rules = sorted((one for one in report.findings if one.refused), key=lambda one: -one.count)
    counts = ", ".join(f"{one.rule}: {one.count:,}" for one in rules) or "it has no rows at all"
    if not report.rows_kept:
        return f"{path} has no row that can be played ({counts}){_advice(table, layout, rules)}"
    return (
        f"{path}: only {report.rows_kept:,} of {report.rows_read:,} rows can be kept ({counts})"
        f"{_advice(table, layout, rules)}; or accept it with --refused-max {ceil(percent)}%"
    )


def _advice(table: SourceTable, layout: Layout, rules: Sequence[QualityFinding]) -> str:
    if not rules:
        return ""
    rule = rules[0].rule
    return f"; {_HELP[rule] if rule in _HELP else _unparseable(table, layout, rules[0].rows[0])}"


def _unparseable(table: SourceTable, layout: Layout, row: int) -> str:
    """Name the first thing in the columns that is not what it should be; else show the row."""
    at = table.frame[layout.columns["at"]]
    if is_ambiguous(at):
        return "dates such as 01/02/2025 can be read in two ways: --date-order dmy or mdy"
    for role, name in layout.columns.items():
        if role in PRICES | QUANTITIES:
            texts = table.frame[name].drop_nulls().str.strip_chars()
            strange = texts.filter(~texts.str.contains(NUMBER))
            people = strange.filter(strange.str.contains(DECORATED))
            if people.str.contains(",").any():
                return f"{name} has commas ({people[0]}): --decimal comma, or --decimal point"
    found = table.frame.filter(pl.col(ROW) == row).select(*dict.fromkeys(layout.columns.values()))
    fields = [f"{name}={str(text)[:40]}" for name, text in found.row(0, named=True).items()]
    return f"row {row} reads {', '.join(fields)}: --columns says which column is what"
