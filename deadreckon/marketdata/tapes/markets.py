"""One market and nothing else: never two of them in one tape, never a book among the trades."""

from __future__ import annotations

from math import expm1
from pathlib import Path

import polars as pl
from msgspec import structs

from deadreckon.marketdata.tapes.digits import undecorated
from deadreckon.marketdata.tapes.layout import SIDE, Layout
from deadreckon.marketdata.tapes.lines import column_name
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.rows import PRICES
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.tape import TapeError

SYMBOLS = (
    *("symbol", "pair", "ticker", "product_id", "product", "instrument", "instrument_id"),
    *("instrument_name", "inst_id", "market", "market_id", "currency_pair", "coin", "security"),
    *("sym", "ric", "figi", "isin", "tic", "trading_pair", "s"),
)
# Beside the market: who traded it, and how long the bars are.
SERIES = (
    *("exchange", "venue", "exchange_id", "per", "period", "interval", "timeframe", "resolution"),
    *("granularity", "asset_class"),
)
ALL = "*"

# Names that only an order book's updates have, and words that say what happened to an order.
_BOOK_NAMES = frozenset(
    {"update_type", "first_update_id", "final_update_id", "last_update_id", "is_snapshot"}
)
_EVENT_NAMES = ("action", "type", "event", "event_type", "channel")
_BOOK_WORDS = [
    *("add", "cancel", "modify", "delete", "insert", "change", "update", "snapshot", "partial"),
    *("l2update", "depthupdate", "received", "open", "done", "book_change"),
]
_BOOK_LETTERS = ["a", "c", "m", "r", "d", "f"]  # of Databento's and LOBSTER's `action`
_LEVELS_LEAST = 8  # of one instant; fewer trades may be of makers, whose sides are the other way
_EMPTY_SHARE_MAX = 0.01  # of sizes: a print without a size is rare, a level that went is not

# Markets that take turns move so many times more than each of them does.
_TURNS_MOVE = 20
_TURNS_LEAST = 0.01

# No market moves by this at every second tick; a few ticks may.
_USUAL_MOVE_MAX = 0.05
_MOVES_LEAST = 8
_PRICE = "#price"


def one_market(
    path: Path, table: SourceTable, layout: Layout, options: ImportOptions
) -> SourceTable:
    """Return the rows of the one market that the file holds or that was chosen."""
    table = _chosen(path, table, options)
    _check_fixed_point(path, table, layout)
    roles = set(layout.columns.values())
    free = [name for name in table.names if name not in roles and _asked(name, options) != ALL]
    for name in (one for one in (*SYMBOLS, *SERIES) if one in free):
        values = table.frame[name].drop_nulls().unique(maintain_order=True)
        if values.len() > 1:
            raise TapeError(_several(path, name, values))
    if layout.kind not in ("bars", options.kind) and ALL not in options.only.values():
        _check_turns(path, table, layout, free)
    if layout.kind == "trades" and options.kind != "trades":
        _check_book(path, table, layout)
    return table


def _chosen(path: Path, table: SourceTable, options: ImportOptions) -> SourceTable:
    wanted = {column_name(name): value for name, value in options.only.items()}
    for name, value in wanted.items():
        if name not in table.names:
            raise TapeError(
                f"{path} has no column {name}; choose --only from: {', '.join(table.names)}"
            )
        table = _where(path, table, name, value)
    if options.symbol is None:
        return table
    columns = [name for name in SYMBOLS if name in table.names]
    if not columns:
        raise TapeError(f"{path} has no column of symbols; leave out --symbol, or say --only")
    having = (name for name in columns if (table.frame[name] == options.symbol).any())
    return _where(path, table, next(having, columns[0]), options.symbol)


def _where(path: Path, table: SourceTable, name: str, value: str) -> SourceTable:
    if value == ALL:
        return table
    rows = table.frame.filter(pl.col(name) == value)
    if rows.is_empty():
        values = table.frame[name].drop_nulls().unique(maintain_order=True)
        raise TapeError(_several(path, name, values))
    return structs.replace(table, frame=rows)


def _asked(name: str, options: ImportOptions) -> str | None:
    return next((value for key, value in options.only.items() if column_name(key) == name), None)


def _several(path: Path, name: str, values: pl.Series) -> str:
    some = ", ".join(text[:40] for text in values.head(5).to_list())
    option = "--symbol" if name in SYMBOLS else f"--only {name}=VALUE"
    return (
        f"{path} holds {values.len()} {name}s ({some}); choose one with {option}, or take all as "
        f"one market with --only {name}={ALL}"
    )


def _check_fixed_point(path: Path, table: SourceTable, layout: Layout) -> None:
    """Refuse prices that Databento wrote as billionths."""
    price = next(name for role, name in layout.columns.items() if role in PRICES)
    raw = {"rtype", "publisher_id"} <= set(table.names)
    texts = table.frame[price]
    if raw and not (texts.is_empty() or texts.str.contains(".", literal=True).any()):
        raise TapeError(
            f"{path} has prices as whole billionths ({texts[0]}); export "
            "it from Databento with pretty prices (pretty_px)"
        )


def _check_turns(path: Path, table: SourceTable, layout: Layout, free: list[str]) -> None:
    """Refuse rows that jump to and fro between prices as the text of a column changes."""
    price = table.frame[layout.columns["bid" if layout.kind == "quotes" else "price"]]
    logarithm = undecorated(price, "thousands").cast(pl.Float64, strict=False).log()
    frame = pl.DataFrame({_PRICE: logarithm, **{name: table.frame[name] for name in free}})
    frame = frame.filter(pl.col(_PRICE).is_finite())
    moves = frame[_PRICE].diff().abs()
    moved, usual = moves.mean(), moves.median()
    if not isinstance(moved, float) or moved < _TURNS_LEAST:
        return
    for name in free:
        alone = frame.select(pl.col(_PRICE).diff().over(name).abs().mean()).item()
        if 1 < frame[name].n_unique() < frame.height / 2 and (alone or 0) * _TURNS_MOVE < moved:
            values = frame[name].drop_nulls().unique(maintain_order=True)
            raise TapeError(_several(path, name, values))
    if isinstance(usual, float) and usual > _USUAL_MOVE_MAX and frame.height >= _MOVES_LEAST:
        raise TapeError(
            f"{path} has prices that move by {expm1(usual):.0%} from one row to the next: several "
            "markets, or a column that is not the price (--columns); if they are right, say "
            f"--kind {layout.kind}"
        )


def _check_book(path: Path, table: SourceTable, layout: Layout) -> None:
    if found := _BOOK_NAMES & set(table.names):
        raise TapeError(_no_trades(path, f"columns {', '.join(sorted(found))}"))
    for name in (one for one in _EVENT_NAMES if one in table.names):
        words = table.frame[name].drop_nulls().str.to_lowercase().unique(maintain_order=True)
        known = _BOOK_WORDS + (_BOOK_LETTERS if name == "action" else [])
        if (book := words.filter(words.is_in(known))).len():
            why = f"{name} is {', '.join(book.head(5).to_list())}"
            raise TapeError(_no_trades(path, why, f"--only {name}=VALUE to take the trades alone"))
    if (layers := _layers(table, layout)) is not None:
        raise TapeError(_no_trades(path, layers))
    sizes = table.frame[layout.columns["quantity"]]
    empty = (sizes.is_not_null() & ~sizes.str.contains("[1-9]")).sum()
    if empty > sizes.len() * _EMPTY_SHARE_MAX:
        raise TapeError(_no_trades(path, f"{empty:,} of {sizes.len():,} sizes are zero"))


def _layers(table: SourceTable, layout: Layout) -> str | None:
    """Recognise levels of a book by their sides: bids and asks, or buys below the sells of the same
    instant, which no aggressor pays."""
    if SIDE not in layout.columns:
        return None
    side = pl.col(layout.columns[SIDE]).str.to_lowercase().str.slice(0, 1)
    price = undecorated(table.frame[layout.columns["price"]], "thousands")
    frame = table.frame.select(at=layout.columns["at"], side=side).with_columns(
        price.cast(pl.Float64, strict=False).alias(_PRICE)
    )
    words = table.frame[layout.columns[SIDE]].str.to_lowercase()
    if words.is_in(["bid", "ask", "bids", "asks"]).sum() * 2 > words.len():
        return "its sides are bids and asks"
    instants = frame.group_by("at").agg(
        pl.len(),
        pl.col(_PRICE).filter(pl.col("side") == "b").max().alias("buys"),
        pl.col(_PRICE).filter(pl.col("side") == "s").min().alias("sells"),
    )
    layered = instants.filter((pl.col("len") >= _LEVELS_LEAST) & (pl.col("buys") < pl.col("sells")))
    mostly = layered["len"].sum() * 2 > frame.height
    return "all buys of an instant lie below its sells" if mostly else None


def _no_trades(path: Path, why: str, choice: str = "") -> str:
    return (
        f"{path} looks like updates of an order book, not like trades ({why}); import a file of "
        f"trades, or say {choice or '--kind trades if they are'}"
    )
