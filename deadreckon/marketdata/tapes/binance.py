"""Binance public data: klines, aggTrades and trades, with and without header line.

Prices are quote currency, volume is base currency. (COIN-margined futures count contracts, and
their files do not say so: `--volume-unit contracts`.)
"""

from __future__ import annotations

import re

from deadreckon.marketdata.tapes.layout import BUYER_IS_MAKER, Layout, numbered, shape
from deadreckon.marketdata.tapes.source import SourceTable

_KLINES = numbered({"at": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5})
_AGGREGATES = numbered({"trade_id": 0, "price": 1, "quantity": 2, "at": 5, BUYER_IS_MAKER: 6})
_TRADES = numbered({"trade_id": 0, "price": 1, "quantity": 2, "at": 4, BUYER_IS_MAKER: 5})


def recognise(table: SourceTable) -> Layout | None:
    """The layout, when the file is one of Binance's."""
    return _by_name(table) if table.named else _by_shape(table)


def _by_name(table: SourceTable) -> Layout | None:
    names = set(table.names)
    prices = ("open", "high", "low", "close", "volume")
    if names >= {"open_time", "close_time", *prices}:
        return _bars({"at": "open_time"} | {name: name for name in prices})
    time = next((name for name in ("transact_time", "time") if name in names), None)
    quantity = next((name for name in ("quantity", "qty") if name in names), None)
    identity = next((name for name in ("agg_trade_id", "id") if name in names), None)
    if time and quantity and identity and names >= {"price", "is_buyer_maker"}:
        columns = {"trade_id": identity, "price": "price", "quantity": quantity}
        return _trades(columns | {"at": time, BUYER_IS_MAKER: "is_buyer_maker"})
    return None


def _by_shape(table: SourceTable) -> Layout | None:
    found = shape(table)
    if len(found) == 12 and re.match("T[NT]{5}T", found):
        return _bars(_KLINES)
    if len(found) in (7, 8) and found[5:7] == "TB":
        return _trades(_AGGREGATES)
    if len(found) in (6, 7) and found[4:6] == "TB":
        return _trades(_TRADES)
    return None


def _bars(columns: dict[str, str]) -> Layout:
    return Layout("binance klines", "bars", columns, volume_unit="base", stamp="open")


def _trades(columns: dict[str, str]) -> Layout:
    return Layout("binance trades", "trades", columns, volume_unit="base")
