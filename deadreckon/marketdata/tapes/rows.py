"""A row of a tape, and how the integers in the file become exact decimals again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    import numpy
    import polars

TapeKind = Literal["bars", "quotes", "trades"]

PRICES = frozenset({"open", "high", "low", "close", "bid", "ask", "price"})
QUANTITIES = frozenset({"volume", "bid_size", "ask_size", "quantity"})
COLUMNS: dict[TapeKind, tuple[str, ...]] = {
    "bars": ("at", "open", "high", "low", "close", "volume"),
    "quotes": ("at", "bid", "ask", "bid_size", "ask_size"),
    "trades": ("at", "price", "quantity", "aggressor", "trade_id"),
}

# Rows become Python objects a slice at a time: large enough to be fast, small enough to forget.
SLICE_ROWS = 4_096

# A context of our own: nobody's `getcontext().prec` can round a price. 40 digits hold any int64.
_EXACT = Context(prec=40)
_UNITS = [Decimal((0, (1,), -decimals)) for decimals in range(19)]


class BarRow(Struct, frozen=True, gc=False):
    """One bar; `row` counts from 0, `at` is its close in nanoseconds UTC."""

    row: int
    at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class QuoteRow(Struct, frozen=True, gc=False):
    """Best bid and ask; `row` counts from 0, `at` in nanoseconds UTC."""

    row: int
    at: int
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal


class TradeRow(Struct, frozen=True, gc=False):
    """One print; `aggressor` is "buy", "sell" or "" when the source does not say."""

    row: int
    at: int
    price: Decimal
    quantity: Decimal
    aggressor: str
    trade_id: str


TapeRow = BarRow | QuoteRow | TradeRow
ROWS: dict[TapeKind, type[BarRow] | type[QuoteRow] | type[TradeRow]] = {
    "bars": BarRow,
    "quotes": QuoteRow,
    "trades": TradeRow,
}


def decimals(mantissas: numpy.ndarray, scale: int) -> list[Decimal]:
    """Return the canonical decimals of integers in units of 10**-scale."""
    import numpy

    decimals_left = numpy.full(mantissas.shape, scale)
    for _ in range(scale):
        shorter = (mantissas % 10 == 0) & (decimals_left > 0)
        if not shorter.any():
            break
        mantissas = numpy.where(shorter, mantissas // 10, mantissas)
        decimals_left = decimals_left - shorter
    units = map(_UNITS.__getitem__, decimals_left.tolist())
    return list(map(_EXACT.multiply, mantissas.tolist(), units))


def decode(
    frame: polars.DataFrame, kind: TapeKind, first: int, price_scale: int, quantity_scale: int
) -> Iterator[TapeRow]:
    """Yield the rows of one frame of the tape; `first` is the number of its first row."""
    for offset in range(0, frame.height, SLICE_ROWS):
        part = frame.slice(offset, SLICE_ROWS)
        numbers = range(first + offset, first + offset + part.height)
        values = [_values(part[name], price_scale, quantity_scale) for name in COLUMNS[kind]]
        yield from map(ROWS[kind], numbers, *values)


def _values(
    column: polars.Series, price_scale: int, quantity_scale: int
) -> list[Decimal] | list[int] | list[str]:
    if column.name in PRICES:
        return decimals(column.to_numpy(), price_scale)
    if column.name in QUANTITIES:
        return decimals(column.to_numpy(), quantity_scale)
    return column.to_list()
