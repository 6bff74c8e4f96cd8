"""Plain CSV, Parquet or JSON whose column names say enough; what they leave open stays unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import get_args

import polars as pl

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.market import VolumeUnit
from deadreckon.marketdata.tapes.joining import JOINED
from deadreckon.marketdata.tapes.layout import (
    BUYER_IS_MAKER,
    LISTED_BARS,
    ROLES,
    SIDE,
    Layout,
    numbered,
    required,
    sample,
    shape,
)
from deadreckon.marketdata.tapes.lines import column_name
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.rows import COLUMNS, QUANTITIES, TapeKind
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.stamps import SOME_DATE, nanoseconds
from deadreckon.marketdata.tapes.tape import Stamp

DAY = 86_400 * NANOSECONDS

TIMES = (
    "timestamp",
    "time",
    "datetime",
    "date_time",
    "date",
    "open_time",
    "at",
    "ts",
    "unix",
    "unix_timestamp",
    "epoch",
    "ts_event",
    "event_time",
    "transaction_time",
    "local_timestamp",
    "created_time",
    "created_at",
    "trade_time",
    "start_time",
    "started_at",
    "start",
    "time_period_start",
    "time_exchange",
    "window_start",
    "sip_timestamp",
    "participant_timestamp",
    "timestamp_utc",
    "time_utc",
    "date_utc",
    "datetime_utc",
    "utc_time",
    "gmt_time",
    "utc",
    "local_time",
    "timestamp_ms",
    "time_ms",
    "mts",
    "bucket",
    "candle_begin_time",
    "t",
    "unnamed_0",
    "index",
    "",  # pandas leaves the name of its index out
)
CLOSE_TIMES = ("close_time", "time_close", "end_time")

# First match wins, but for columns of nothing but zeros.
VOLUMES = (
    "volume",
    "vol",
    "v",
    "base_volume",
    "volume_base",
    "base_token_volume",
    "quote_volume",
    "volume_quote",
    "quote_asset_volume",
    "contracts",
    "total_volume",
    "total_vol",
    "volume_traded",
    "tick_vol",  # of MetaTrader: how many prices there were
    "tickvol",
    "tick_volume",
)
VOLUME_UNITS: dict[str, VolumeUnit] = {
    "base_volume": "base",
    "volume_base": "base",
    "base_token_volume": "base",
    "size_base": "base",
    "base_amount": "base",
    "quote_volume": "quote",
    "volume_quote": "quote",
    "quote_asset_volume": "quote",
    "contracts": "contracts",
}

NAMES: dict[TapeKind, Mapping[str, tuple[str, ...]]] = {
    "bars": {
        "open": ("open", "o", "open_price", "price_open", "opening_price"),
        "high": ("high", "h", "high_price", "price_high"),
        "low": ("low", "l", "low_price", "price_low"),
        "close": ("close", "c", "close_price", "price_close", "last", "close_last", "price"),
        "volume": VOLUMES,
    },
    "quotes": {
        "bid": (
            "bid",
            "bid_price",
            "best_bid",
            "best_bid_price",
            "bid_px",
            "bid_px_00",
            "price_bid",
        ),
        "ask": (
            "ask",
            "ask_price",
            "best_ask",
            "best_ask_price",
            "ask_px",
            "ask_px_00",
            "price_ask",
        ),
        "bid_size": (
            *("bid_size", "bid_amount", "bid_quantity", "bid_qty", "best_bid_qty"),
            *("bid_volume", "bid_sz_00", "best_bid_size", "size_bid"),
        ),
        "ask_size": (
            *("ask_size", "ask_amount", "ask_quantity", "ask_qty", "best_ask_qty"),
            *("ask_volume", "ask_sz_00", "best_ask_size", "size_ask"),
        ),
    },
    "trades": {
        "price": ("price", "trade_price", "px", "p", "last"),
        "quantity": (
            *("quantity", "amount", "qty", "size", "volume", "vol"),
            *("sz", "q", "vol_base", "base_amount", "trade_volume", "size_base"),
        ),
        "trade_id": ("trade_id", "id", "agg_trade_id", "tid", "trd_match_id", "uuid"),
        SIDE: ("aggressor", "aggressor_side", "side", "taker_side", "direction"),
        BUYER_IS_MAKER: ("buyer_is_maker", "is_buyer_maker", "buyer_maker", "taker_side_sell"),
    },
}


def recognise(table: SourceTable, options: ImportOptions) -> Layout | None:
    """Return the layout, if the names (or for bare OHLCV the shape) leave no doubt.

    What `--columns` says comes before what names say.
    """
    given = given_columns(table, options)
    if not (table.named or given):
        bare = re.fullmatch("T[NT]{5}", shape(table))
        columns = numbered(table, LISTED_BARS) if bare else {}
        return Layout("plain bars", "bars", columns, "unknown", "open") if bare else None
    found = (_of_kind(kind, table, given, options) for kind in get_args(TapeKind))
    return next((layout for layout in found if layout), None)


def given_columns(table: SourceTable, options: ImportOptions) -> dict[str, str]:
    """Map roles to columns as `--columns` and `--time-column` say it."""
    named = {ROLES[role]: column_name(name) for role, name in options.columns.items()}
    if options.time_column is not None:
        named["at"] = column_name(options.time_column)
    if date := named.pop("date", None):
        named["at"] = JOINED if JOINED in table.names else named.get("at", date)
    return named


def lacking(table: SourceTable, kind: TapeKind, options: ImportOptions) -> list[str]:
    """Return the roles that no column has and that nobody gave."""
    columns = _columns(kind, table, given_columns(table, options))
    needed = required(kind) - (QUANTITIES if options.volume else frozenset())
    return [role for role in COLUMNS[kind] if role in needed - columns.keys()]


def _of_kind(
    kind: TapeKind, table: SourceTable, given: Mapping[str, str], options: ImportOptions
) -> Layout | None:
    if options.kind not in (None, kind) or not given.keys() <= {"at", *NAMES[kind]}:
        return None
    if lacking(table, kind, options):
        return None
    columns = _columns(kind, table, given)
    if BUYER_IS_MAKER in columns:
        columns.pop(SIDE, None)
    volume = columns.get("volume", columns.get("quantity", ""))
    unit = "base" if volume == _base_volume(table) else VOLUME_UNITS.get(volume, "unknown")
    stamp: Stamp = "close" if columns["at"] in CLOSE_TIMES else "open"
    return Layout(f"plain {kind}", kind, columns, unit, stamp if kind == "bars" else None)


def _columns(kind: TapeKind, table: SourceTable, given: Mapping[str, str]) -> dict[str, str]:
    names = table.names if table.named else []
    columns = {
        role: [name for name in known if name in names] for role, known in NAMES[kind].items()
    }
    if kind == "trades" and {"bid", "ask"} <= set(names) and columns["price"] == ["last"]:
        del columns["price"]  # MetaTrader's ticks are quotes with an empty last price
    if kind == "bars" and not columns["volume"]:
        columns["volume"] = [one for one in (_base_volume(table),) if one]
    traded = [
        one for one in columns.get("volume", []) if table.frame[one].str.contains("[1-9]").any()
    ]
    first = {role: found[0] for role, found in columns.items() if found}
    first |= {"volume": traded[0]} if traded else {}
    return {**_time(table, names), **first, **given}


def _time(table: SourceTable, names: Sequence[str]) -> dict[str, str]:
    """Choose the first known column of times that does not repeat mere days."""
    known = [name for name in TIMES if name in names] or [
        one for one in CLOSE_TIMES if one in names
    ]
    if not known:
        return {}
    rows = sample(table)
    at = {name: nanoseconds(rows[name], SOME_DATE) for name in known}
    return {"at": max(known, key=lambda name: (at[name].is_not_null().any(), _moves(at[name])))}


def _moves(at: pl.Series) -> bool:
    return at.n_unique() == at.len() or (at % DAY != 0).fill_null(False).any()


def _base_volume(table: SourceTable) -> str | None:
    """Find `volume_btc` beside the symbol BTC/USDT: CryptoDataDownload names its units."""
    volumes = [name for name in table.names if name.startswith("volume_")]
    symbols = table.frame["symbol"].head(1).to_list() if "symbol" in table.names else [None]
    symbol = column_name(symbols[0] or "") if symbols else ""
    base = [name for name in volumes if symbol.startswith(name.removeprefix("volume_"))]
    return base[0] if base else None
