"""Market data as exchanges and vendors publish it: files of Binance, Tardis, ccxt and freqtrade.

Each function returns the layout of a table that has its format, and null for any other.
"""

from __future__ import annotations

import re

from deadreckon.marketdata.tapes.layout import (
    BUYER_IS_MAKER,
    LISTED_BARS,
    SIDE,
    Layout,
    numbered,
    shape,
)
from deadreckon.marketdata.tapes.source import SourceTable

_BINANCE_AGGREGATES = {"trade_id": 0, "price": 1, "quantity": 2, "at": 5, BUYER_IS_MAKER: 6}
_BINANCE_TRADES = {"trade_id": 0, "price": 1, "quantity": 2, "at": 4, BUYER_IS_MAKER: 5}


def binance(table: SourceTable) -> Layout | None:
    """Recognise Binance public data: klines, aggTrades and trades, with and without header line.

    Prices are quote currency, volume is base currency. COIN-margined futures count contracts, and
    their files do not say so: `--volume-unit contracts`.
    """
    return _binance_by_name(table) if table.named else _binance_by_shape(table)


def _binance_by_name(table: SourceTable) -> Layout | None:
    names = set(table.names)
    prices = ("open", "high", "low", "close", "volume")
    if names >= {"open_time", "close_time", *prices}:
        return _binance_bars({"at": "open_time"} | {name: name for name in prices})
    time = next((name for name in ("transact_time", "time") if name in names), None)
    quantity = next((name for name in ("quantity", "qty") if name in names), None)
    identity = next((name for name in ("agg_trade_id", "id") if name in names), None)
    if time and quantity and identity and names >= {"price", "is_buyer_maker"}:
        columns = {"trade_id": identity, "price": "price", "quantity": quantity}
        return _binance_trades(columns | {"at": time, BUYER_IS_MAKER: "is_buyer_maker"})
    return None


def _binance_by_shape(table: SourceTable) -> Layout | None:
    found = shape(table)
    if len(found) == 12 and re.match("T[NT]{5}T", found):
        return _binance_bars(numbered(table, LISTED_BARS))
    if len(found) in (7, 8) and found[5:7] == "TB":
        return _binance_trades(numbered(table, _BINANCE_AGGREGATES))
    if len(found) in (6, 7) and found[4:6] == "TB":
        return _binance_trades(numbered(table, _BINANCE_TRADES))
    return None


def _binance_bars(columns: dict[str, str]) -> Layout:
    return Layout("binance klines", "bars", columns, volume_unit="base", stamp="open")


def _binance_trades(columns: dict[str, str]) -> Layout:
    return Layout("binance trades", "trades", columns, volume_unit="base")


_CCXT_BARS = {"at": "date", **{name: name for name in ("open", "high", "low", "close", "volume")}}
_CCXT_TRADES = {"at": "timestamp", "price": "price", "quantity": "amount", "trade_id": "id"}
_CCXT_TRADES[SIDE] = "side"
_CCXT_LISTED_TRADES = {"at": 0, "trade_id": 1, SIDE: 3, "price": 4, "quantity": 5}


def ccxt(table: SourceTable) -> Layout | None:
    """Recognise what ccxt returns and freqtrade stores: OHLCV and trades in feather, Parquet, JSON.

    Bars are stamped with their open and count base currency.
    """
    return _ccxt_by_name(table) if table.named else _ccxt_by_shape(table)


def _ccxt_by_name(table: SourceTable) -> Layout | None:
    names = set(table.names)
    if table.container != "lines" and names == set(_CCXT_BARS.values()):
        return Layout("ccxt bars", "bars", _CCXT_BARS, volume_unit="base", stamp="open")
    if names >= {*_CCXT_TRADES.values(), "type", "cost"}:
        return Layout("ccxt trades", "trades", _CCXT_TRADES, volume_unit="base")
    return None


def _ccxt_by_shape(table: SourceTable) -> Layout | None:
    found = shape(table)
    if table.container == "json" and re.fullmatch("T[NT]{5}", found):
        columns = numbered(table, LISTED_BARS)
        return Layout("ccxt bars", "bars", columns, volume_unit="base", stamp="open")
    if re.fullmatch("T..S[NT]{3}", found):
        columns = numbered(table, _CCXT_LISTED_TRADES)
        return Layout("ccxt trades", "trades", columns, volume_unit="base")
    return None


_TARDIS_QUOTES = {"ask_amount", "ask_price", "bid_price", "bid_amount"}
_TARDIS_TRADES = {"id", "side", "price", "amount"}


def tardis(table: SourceTable) -> Layout | None:
    """Recognise Tardis CSV downloads: quotes and trades, microseconds.

    The time is the exchange's `timestamp`; `--time-column local_timestamp` takes the arrival
    instead. Amounts are in whatever the exchange counts: the unit stays unknown unless it is given.
    """
    names = set(table.names)
    if not names >= {"exchange", "symbol", "timestamp", "local_timestamp"}:
        return None
    if names >= _TARDIS_QUOTES:
        columns = {"bid": "bid_price", "ask": "ask_price"}
        columns |= {"bid_size": "bid_amount", "ask_size": "ask_amount", "at": "timestamp"}
        return Layout("tardis quotes", "quotes", columns, volume_unit="unknown")
    if names >= _TARDIS_TRADES:
        columns = {"price": "price", "quantity": "amount", "trade_id": "id", SIDE: "side"}
        return Layout(
            "tardis trades", "trades", columns | {"at": "timestamp"}, volume_unit="unknown"
        )
    return None
