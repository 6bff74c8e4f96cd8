"""Candles and volume in plain characters, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

ROWS = 12

# What stands in the upper and the lower half of a character: nothing, wick or body.
_NOTHING, _WICK, _BODY = range(3)
_CANDLE = (" ╷╻", "╵│╽", "╹╿┃")
_VOLUME = " ▁▂▃▄▅▆▇█"


class Candle(Struct, frozen=True):
    """One column of the chart, for looking at only; an absent one is a stretch without rows."""

    open: float
    high: float
    low: float
    close: float
    volume: float


def candles(columns: Sequence[Candle | None], rows: int = ROWS) -> list[str]:
    """Draw the chart, top line first, as wide as there are columns."""
    present = [candle for candle in columns if candle]
    top, bottom = max(one.high for one in present), min(one.low for one in present)
    halves = 2 * rows
    scale = (halves - 1) / (top - bottom) if top > bottom else 0.0
    drawn = [_column(candle, bottom, scale, halves) for candle in columns]
    return [
        "".join(_CANDLE[column[row]][column[row - 1]] for column in drawn)
        for row in range(halves - 1, 0, -2)
    ]


def volumes(columns: Sequence[Candle | None]) -> str:
    """Draw one line of bars; anything above zero shows."""
    most = max((candle.volume for candle in columns if candle), default=0.0)
    return "".join(_VOLUME[_level(candle, most)] for candle in columns)


def _level(candle: Candle | None, most: float) -> int:
    if candle is None or not most or not candle.volume:
        return 0
    return max(1, round(candle.volume / most * (len(_VOLUME) - 1)))


def _column(candle: Candle | None, bottom: float, scale: float, halves: int) -> list[int]:
    column = [_NOTHING] * halves
    if candle is None:
        return column
    low, high = round((candle.low - bottom) * scale), round((candle.high - bottom) * scale)
    column[low : high + 1] = [_WICK] * (high - low + 1)
    ends = sorted(round((price - bottom) * scale) for price in (candle.open, candle.close))
    column[ends[0] : ends[1] + 1] = [_BODY] * (ends[1] - ends[0] + 1)
    return column
