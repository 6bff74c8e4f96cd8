"""Date and time in two columns, as brokers and MetaTrader write them, joined to one."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from msgspec import structs

from deadreckon.marketdata.tapes.layout import sample
from deadreckon.marketdata.tapes.lines import column_name
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.stamps import BARE_CLOCK, CLOCK, is_clock, is_date

JOINED = "date_time"
_BARE_CLOCK_NAMES = ("time", "clock")  # 0930 and 093000 are times only under such a name


def with_moments(table: SourceTable, given: Mapping[str, str]) -> SourceTable:
    """Join the day and the time of day of a table that has them in two columns."""
    pair = _given(given) or _found(table)
    if pair is None or not set(pair) <= set(table.names):
        return table
    date, clock = pair
    padded = pl.col(clock).str.strip_chars().str.replace("^([0-9]:)", "0$1")
    joined = pl.col(date).str.strip_chars() + " " + padded
    frame = table.frame.with_columns(joined.alias(clock)).drop(date)
    if table.named and JOINED not in table.names:
        frame = frame.rename({clock: JOINED})
    return structs.replace(table, frame=frame)


def _given(given: Mapping[str, str]) -> tuple[str, str] | None:
    if "date" in given and "time" in given:
        return column_name(given["date"]), column_name(given["time"])
    return None


def _found(table: SourceTable) -> tuple[str, str] | None:
    rows = sample(table)
    clocks = [
        name
        for name in table.names
        if is_clock(rows[name], CLOCK)
        or (name in _BARE_CLOCK_NAMES and is_clock(rows[name], BARE_CLOCK))
    ]
    dates = [name for name in table.names if clocks and is_date(rows[name])]
    return (dates[0], clocks[0]) if clocks and dates else None
