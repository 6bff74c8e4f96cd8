"""Plain CSV, Parquet or JSON whose column names say enough; what they leave open stays unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

from deadreckon.contracts.market import VolumeUnit
from deadreckon.marketdata.tapes.layout import (
    BUYER_IS_MAKER,
    SIDE,
    Layout,
    numbered,
    required,
    shape,
)
from deadreckon.marketdata.tapes.rows import TapeKind
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.tape import Stamp

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
)
CLOSE_TIMES = ("close_time", "time_close", "end_time")

# First match wins. The name of a volume column may tell its unit.
VOLUMES: dict[str, VolumeUnit] = {
    "volume": "unknown",
    "vol": "unknown",
    "v": "unknown",
    "base_volume": "base",
    "volume_base": "base",
    "quote_volume": "quote",
    "volume_quote": "quote",
    "quote_asset_volume": "quote",
    "contracts": "contracts",
}

NAMES: dict[TapeKind, Mapping[str, tuple[str, ...]]] = {
    "bars": {
        "open": ("open", "o", "open_price"),
        "high": ("high", "h", "high_price"),
        "low": ("low", "l", "low_price"),
        "close": ("close", "c", "close_price"),
        "volume": tuple(VOLUMES),
    },
    "quotes": {
        "bid": ("bid", "bid_price", "best_bid", "best_bid_price", "bid_px"),
        "ask": ("ask", "ask_price", "best_ask", "best_ask_price", "ask_px"),
        "bid_size": ("bid_size", "bid_amount", "bid_quantity", "bid_qty", "best_bid_qty"),
        "ask_size": ("ask_size", "ask_amount", "ask_quantity", "ask_qty", "best_ask_qty"),
    },
    "trades": {
        "price": ("price", "trade_price", "px"),
        "quantity": ("quantity", "amount", "qty", "size", "volume", "vol"),
        "trade_id": ("trade_id", "id", "agg_trade_id", "tid", "trd_match_id"),
        SIDE: ("aggressor", "aggressor_side", "side", "taker_side"),
        BUYER_IS_MAKER: ("buyer_is_maker", "is_buyer_maker", "buyer_maker"),
    },
}

_LISTED_BARS = numbered({"at": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5})


def recognise(table: SourceTable) -> Layout | None:
    """Return the layout, if the names (or for bare OHLCV the shape) leave no doubt."""
    if not table.named:
        bare = re.fullmatch("T[NT]{5}", shape(table))
        return Layout("plain bars", "bars", _LISTED_BARS, "unknown", "open") if bare else None
    kinds: tuple[TapeKind, ...] = get_args(TapeKind)
    found = (_of_kind(kind, set(table.names)) for kind in kinds)
    return next((layout for layout in found if layout), None)


def _of_kind(kind: TapeKind, names: set[str]) -> Layout | None:
    wanted = {"at": TIMES + CLOSE_TIMES, **NAMES[kind]}
    columns = {
        role: match
        for role, known in wanted.items()
        if (match := next((name for name in known if name in names), None))
    }
    if not required(kind) <= columns.keys():
        return None
    if BUYER_IS_MAKER in columns:
        columns.pop(SIDE, None)
    unit = VOLUMES.get(columns["volume"], "unknown") if kind == "bars" else "unknown"
    stamp: Stamp = "close" if columns["at"] in CLOSE_TIMES else "open"
    return Layout(f"plain {kind}", kind, columns, unit, stamp if kind == "bars" else None)
