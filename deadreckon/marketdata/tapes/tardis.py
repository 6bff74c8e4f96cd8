"""Tardis CSV downloads: quotes and trades, microseconds.

The time is the exchange's `timestamp`; `--time-column local_timestamp` takes the arrival instead.
Amounts are in whatever the exchange counts, so the unit stays unknown unless you say it.
"""

from __future__ import annotations

from deadreckon.marketdata.tapes.layout import SIDE, Layout
from deadreckon.marketdata.tapes.source import SourceTable

_QUOTES = {"ask_amount", "ask_price", "bid_price", "bid_amount"}
_TRADES = {"id", "side", "price", "amount"}


def recognise(table: SourceTable) -> Layout | None:
    """The layout, when the header is one of Tardis's."""
    names = set(table.names)
    if not names >= {"exchange", "symbol", "timestamp", "local_timestamp"}:
        return None
    if names >= _QUOTES:
        columns = {"bid": "bid_price", "ask": "ask_price"}
        columns |= {"bid_size": "bid_amount", "ask_size": "ask_amount", "at": "timestamp"}
        return Layout("tardis quotes", "quotes", columns, volume_unit="unknown")
    if names >= _TRADES:
        columns = {"price": "price", "quantity": "amount", "trade_id": "id", SIDE: "side"}
        return Layout(
            "tardis trades", "trades", columns | {"at": "timestamp"}, volume_unit="unknown"
        )
    return None
