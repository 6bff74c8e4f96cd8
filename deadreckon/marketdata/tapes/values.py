"""The texts of a table as exact integers, and the rule each unreadable row breaks."""

from __future__ import annotations

from functools import reduce
from operator import or_

import polars as pl
from msgspec import Struct

from deadreckon.marketdata.tapes.digits import ABSENT, Comma, comma_in, mantissas, split
from deadreckon.marketdata.tapes.layout import BUYER_IS_MAKER, SIDE, Layout
from deadreckon.marketdata.tapes.lines import RAGGED, ROW
from deadreckon.marketdata.tapes.rows import COLUMNS, PRICES, QUANTITIES
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.stamps import Zone, nanoseconds

RULE = "#rule"
NOISY = "#noisy"
ROUNDED = "#rounded"

# Finer than any venue quotes, and 12 decimals still leave seven digits before the point in int64.
DECIMALS_MAX = 12

_BUY = ["buy", "b"]
_SELL = ["sell", "s", "a"]  # Databento and Hyperliquid: the ask was hit by a seller
_SILENT = [*ABSENT, "unknown", "n"]


class Reading(Struct, frozen=True):
    """The meaning of texts that do not say it themselves."""

    price_decimals: int | None = None  # round to so many
    quantity_decimals: int | None = None
    comma: Comma | None = None
    zone: Zone = Zone()


class Values(Struct, frozen=True):
    """Integers in the two scales, with ROW, RULE (null while a row is sound) and what changed."""

    frame: pl.DataFrame
    price_scale: int
    quantity_scale: int


def read_values(table: SourceTable, layout: Layout, reading: Reading) -> Values:
    """Read every column that has a role.

    Texts are taken to the last digit. Only where that costs rows that do not fit int64 are those of
    more than 15 digits taken for printed floats, as binary floats always are; both are reported.
    """
    exact = _read(table, layout, reading, table.floats)
    if not _too_large(exact):
        return exact
    quiet = _read(table, layout, reading, frozenset(table.names))
    return quiet if _too_large(quiet) < _too_large(exact) else exact


def mark(rule: pl.Series, name: str, hits: pl.Series) -> pl.Series:
    """Name the rule for the rows it hits, unless an earlier rule has them already."""
    return rule.zip_with(rule.is_not_null() | ~hits.fill_null(False), pl.Series([name]))


def finest(values: Values) -> Values:
    """Return the values in the smallest scales that hold them exactly."""
    frame = values.frame
    prices, price_scale = _shrunk(frame, PRICES, values.price_scale)
    quantities, quantity_scale = _shrunk(frame, QUANTITIES, values.quantity_scale)
    return Values(frame.with_columns(prices + quantities), price_scale, quantity_scale)


def _too_large(values: Values) -> int:
    return int((values.frame[RULE] == "too_large").sum())


def _read(table: SourceTable, layout: Layout, reading: Reading, floats: frozenset[str]) -> Values:
    decimals = dict.fromkeys(PRICES, reading.price_decimals)
    decimals |= dict.fromkeys(QUANTITIES, reading.quantity_decimals)
    numbers = {name: layout.columns[name] for name in COLUMNS[layout.kind] if name in decimals}
    texts = {name: table.frame[column] for name, column in numbers.items()}
    comma = reading.comma or comma_in(texts.values(), table.delimiter)
    parts = {
        name: split(texts[name], decimals[name], as_floats=column in floats, comma=comma)
        for name, column in numbers.items()
    }
    others = _others(table, layout, reading.zone)
    rule = _unreadable(table, parts, others)
    price_scale, quantity_scale = _scale(parts, PRICES, rule), _scale(parts, QUANTITIES, rule)
    integers = {
        name: mantissas(part, price_scale if name in PRICES else quantity_scale)
        for name, part in parts.items()
    }
    too_large = reduce(or_, (column.is_null() for column in integers.values()))
    frame = pl.DataFrame({ROW: table.frame[ROW], **others, **integers}).with_columns(
        mark(rule, "too_large", too_large).alias(RULE),
        _any(parts, "noisy").alias(NOISY),
        _any(parts, "rounded").alias(ROUNDED),
    )
    return Values(frame, price_scale, quantity_scale)


def _others(table: SourceTable, layout: Layout, zone: Zone) -> dict[str, pl.Series]:
    at = nanoseconds(table.frame[layout.columns["at"]], zone)
    if layout.kind != "trades":
        return {"at": at}
    blank = pl.repeat("", at.len(), eager=True)
    identity = layout.columns.get("trade_id")
    trade_id = table.frame[identity].fill_null("") if identity else blank
    aggressor = _aggressor(table, layout)
    return {
        "at": at,
        "aggressor": blank if aggressor is None else aggressor,
        "trade_id": trade_id,
    }


def _aggressor(table: SourceTable, layout: Layout) -> pl.Series | None:
    """Read the aggressor's side; null where the text is not a side and not empty."""
    if BUYER_IS_MAKER in layout.columns:
        words = table.frame[layout.columns[BUYER_IS_MAKER]].str.to_lowercase().fill_null("")
        return _translated(words, buy=["false", "0"], sell=["true", "1"], silent=[])
    if SIDE in layout.columns:
        words = table.frame[layout.columns[SIDE]].str.to_lowercase().fill_null("")
        return _translated(words, buy=_BUY, sell=_SELL, silent=_SILENT)
    return None


def _translated(words: pl.Series, buy: list[str], sell: list[str], silent: list[str]) -> pl.Series:
    meanings = dict.fromkeys(buy, "buy") | dict.fromkeys(sell, "sell") | dict.fromkeys(silent, "")
    return words.replace_strict(meanings, default=None, return_dtype=pl.String)


def _unreadable(
    table: SourceTable, parts: dict[str, pl.DataFrame], others: dict[str, pl.Series]
) -> pl.Series:
    silent = reduce(or_, (column.is_null() for column in others.values()))
    rule = pl.repeat(None, table.frame.height, dtype=pl.String, eager=True)
    rule = mark(rule, "unparseable", table.frame[RAGGED] | silent | _any(parts, "malformed"))
    rule = mark(rule, "not_a_number", _any(parts, "missing"))
    too_fine = reduce(or_, (part["decimals"] > DECIMALS_MAX for part in parts.values()))
    return mark(rule, "too_precise", too_fine)


def _any(parts: dict[str, pl.DataFrame], flag: str) -> pl.Series:
    return reduce(or_, (part[flag] for part in parts.values()))


def _scale(parts: dict[str, pl.DataFrame], names: frozenset[str], rule: pl.Series) -> int:
    sound = rule.is_null()
    needed = (part["decimals"].filter(sound).max() for name, part in parts.items() if name in names)
    return max((most for most in needed if isinstance(most, int)), default=0)


def _shrunk(frame: pl.DataFrame, names: frozenset[str], scale: int) -> tuple[list[pl.Series], int]:
    columns = [frame[name] for name in frame.columns if name in names]
    while scale and not any((column % 10 != 0).any() for column in columns):
        columns = [column // 10 for column in columns]
        scale -= 1
    return columns, scale
