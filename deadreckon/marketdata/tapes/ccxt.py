"""Data as ccxt returns it and freqtrade stores it: OHLCV and trades in feather, Parquet and JSON.

Bars are stamped with their open and count base currency.
"""

from __future__ import annotations

import re

from deadreckon.marketdata.tapes.layout import SIDE, Layout, numbered, shape
from deadreckon.marketdata.tapes.source import SourceTable

_BARS = {"at": "date", **{name: name for name in ("open", "high", "low", "close", "volume")}}
_LISTED_BARS = numbered({"at": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5})
_TRADES = {"at": "timestamp", "price": "price", "quantity": "amount", "trade_id": "id"}
_TRADES[SIDE] = "side"
_LISTED_TRADES = numbered({"at": 0, "trade_id": 1, SIDE: 3, "price": 4, "quantity": 5})


def recognise(table: SourceTable) -> Layout | None:
    """The layout, when the file looks as ccxt or freqtrade would have written it."""
    return _by_name(table) if table.named else _by_shape(table)


def _by_name(table: SourceTable) -> Layout | None:
    names = set(table.names)
    if table.container != "lines" and names == set(_BARS.values()):
        return Layout("ccxt bars", "bars", _BARS, volume_unit="base", stamp="open")
    if names >= {*_TRADES.values(), "type", "cost"}:
        return Layout("ccxt trades", "trades", _TRADES, volume_unit="base")
    return None


def _by_shape(table: SourceTable) -> Layout | None:
    found = shape(table)
    if table.container == "json" and re.fullmatch("T[NT]{5}", found):
        return Layout("ccxt bars", "bars", _LISTED_BARS, volume_unit="base", stamp="open")
    if re.fullmatch("T..S[NT]{3}", found):
        return Layout("ccxt trades", "trades", _LISTED_TRADES, volume_unit="base")
    return None
