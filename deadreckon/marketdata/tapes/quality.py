"""Checks of market data: rows refused by a named rule, and rows that only look odd."""

from __future__ import annotations

from collections.abc import Sequence
from math import expm1

import polars as pl
from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.marketdata.tapes.lines import ROW
from deadreckon.marketdata.tapes.rows import TapeKind
from deadreckon.marketdata.tapes.values import NOISY, ROUNDED, RULE, mark

ROWS_SHOWN = 20

# A move this many robust deviations wide is worth a look, whatever the market.
JUMP_DEVIATIONS = 20
NORMAL_DEVIATIONS_PER_MEDIAN = 1.4826  # of absolute moves, were they normal

JUMP_LEAST = 0.002  # smaller moves never matter, however quiet the market was

# Ticks have no interval: a silence counts as a gap from here on, in mean spacings and in ns.
TICK_GAP_SPACINGS = 100
TICK_GAP_MINIMUM = 60 * NANOSECONDS

RULE_DESCRIPTIONS = {
    "unparseable": "a field is not a number, time or side, or the row has too few or many fields",
    "not_a_number": "a price or quantity is missing, NaN or infinite",
    "too_precise": "more than 12 decimals; --price-decimals / --quantity-decimals round",
    "too_large": "does not fit 64 bits at the scale of the finest row",
    "not_positive": "a price is zero or negative",
    "negative_volume": "a volume or size is negative",
    "high_low_inconsistent": "open or close outside low..high",
    "crossed_book": "bid above ask",
    "time_backwards": "earlier than the row kept before it",
    "duplicate_time": "a second bar of the same time",
    "gap": "bars missing, or a long silence, before this row",
    "off_grid": "not a whole number of intervals after the row before",
    "jump": f"a move beyond {JUMP_DEVIATIONS} robust deviations",
    "zero_volume": "nothing traded or offered",
    "locked_book": "bid equals ask",
    "duplicate_trade_id": "this trade id was there before",
    "float_noise": "a float of 16 or 17 digits, taken as the 15 that mean something",
    "rounded": "rounded half-even, as you asked",
    "newest_first": "the source is sorted newest first; its rows are taken from the end",
    "sorted": "put in time order, as you asked",
}


ADJUSTMENTS = ("float_noise", "rounded", "newest_first", "sorted")


class QualityFinding(Struct, frozen=True):
    """A rule and the rows it hit: counted from 1 without header, the first 20 with a note each."""

    rule: str
    refused: bool
    count: int
    rows: list[int]
    notes: list[str] = []


class QualityReport(Struct, frozen=True):
    """Report on one file; the line in a text file is row + `header_lines`."""

    rows_read: int
    rows_kept: int
    header_lines: int
    findings: list[QualityFinding]
    loss: str | None = None  # why nothing should be written: too many rows are refused

    @property
    def refused(self) -> dict[str, int]:
        return {finding.rule: finding.count for finding in self.findings if finding.refused}

    @property
    def adjusted(self) -> dict[str, int]:
        return {one.rule: one.count for one in self.findings if one.rule in ADJUSTMENTS}


def in_order(frame: pl.DataFrame, *, sort: bool) -> tuple[pl.DataFrame, list[QualityFinding]]:
    """Put the rows in time order, if you ask for it or the source is sorted newest first."""
    steps = frame["at"].drop_nulls().diff()
    backwards, forwards = (steps < 0).sum(), (steps > 0).sum()
    if sort and backwards:
        ordered = frame.sort("at", maintain_order=True, nulls_last=True)
        return ordered, [QualityFinding("sorted", False, frame.height, [])]
    if backwards > forwards:
        return frame.reverse(), [QualityFinding("newest_first", False, frame.height, [])]
    return frame, []


def sieve(frame: pl.DataFrame, kind: TapeKind) -> pl.DataFrame:
    """Return the frame with RULE naming the first rule that each row breaks; null if it is kept."""
    for name, breach in _breaches(kind):
        frame = frame.with_columns(mark(frame[RULE], name, frame.select(breach).to_series()))
    latest = frame.select(
        pl.when(pl.col(RULE).is_null()).then("at").cum_max().forward_fill().shift(1)
    ).to_series()
    rule = mark(frame[RULE], "time_backwards", frame["at"] < latest)
    if kind == "bars":
        rule = mark(rule, "duplicate_time", frame["at"] == latest)
    return frame.with_columns(rule.alias(RULE))


def refusals(frame: pl.DataFrame) -> list[QualityFinding]:
    """List a finding per rule that refused rows, in the order of the rows."""
    refused = frame.filter(pl.col(RULE).is_not_null())
    groups = refused.group_by(RULE, maintain_order=True).agg(
        pl.len().alias("count"), pl.col(ROW).head(ROWS_SHOWN)
    )
    return [QualityFinding(rule, True, count, rows) for rule, count, rows in groups.iter_rows()]


def oddities(
    frame: pl.DataFrame, kind: TapeKind, interval_seconds: int | None
) -> list[QualityFinding]:
    """Find what looks odd among the rows that are kept, in time order."""
    found = [*_times(frame, interval_seconds), _jumps(frame, kind), *_plain_oddities(frame, kind)]
    return [finding for finding in found if finding.count]


def _breaches(kind: TapeKind) -> Sequence[tuple[str, pl.Expr]]:
    if kind == "bars":
        body = pl.max_horizontal("open", "close", "low"), pl.min_horizontal("open", "close")
        outside = (pl.col("high") < body[0]) | (pl.col("low") > body[1])
        return (
            ("not_positive", pl.min_horizontal("open", "high", "low", "close") <= 0),
            ("negative_volume", pl.col("volume") < 0),
            ("high_low_inconsistent", outside),
        )
    if kind == "quotes":
        return (
            ("not_positive", pl.min_horizontal("bid", "ask") <= 0),
            ("negative_volume", pl.min_horizontal("bid_size", "ask_size") < 0),
            ("crossed_book", pl.col("bid") > pl.col("ask")),
        )
    return (("not_positive", pl.col("price") <= 0), ("negative_volume", pl.col("quantity") < 0))


def _times(frame: pl.DataFrame, interval_seconds: int | None) -> list[QualityFinding]:
    timed = frame.with_columns(step=pl.col("at").diff())
    if interval_seconds is None:
        return [_tick_gaps(timed)]
    interval = interval_seconds * NANOSECONDS
    gaps = timed.filter(pl.col("step") >= 2 * interval)
    missing = [(step // interval - 1, at) for at, step in _head(gaps)]
    notes = [f"{count} missing before {format_timestamp(at)}" for count, at in missing]
    off_grid = timed.filter(pl.col("step") % interval != 0)
    return [_finding("gap", gaps, notes), _finding("off_grid", off_grid)]


def _tick_gaps(timed: pl.DataFrame) -> QualityFinding:
    mean = (timed["at"][-1] - timed["at"][0]) // max(timed.height - 1, 1)
    longest = max(TICK_GAP_MINIMUM, TICK_GAP_SPACINGS * mean)
    gaps = timed.filter(pl.col("step") > longest)
    notes = [
        f"{_duration(step)} of silence before {format_timestamp(at)}" for at, step in _head(gaps)
    ]
    return _finding("gap", gaps, notes)


def _jumps(frame: pl.DataFrame, kind: TapeKind) -> QualityFinding:
    price = {"bars": pl.col("close"), "quotes": pl.col("bid") + pl.col("ask")}
    moves = frame.select(price.get(kind, pl.col("price")).cast(pl.Float64).log().diff()).to_series()
    typical = moves.filter(moves != 0).abs().median()
    if not isinstance(typical, float):
        return QualityFinding("jump", False, 0, [])
    limit = max(JUMP_LEAST, JUMP_DEVIATIONS * NORMAL_DEVIATIONS_PER_MEDIAN * typical)
    jumps = frame.with_columns(step=moves).filter(pl.col("step").abs() > limit)
    notes = [f"{expm1(move):+.2%} at {format_timestamp(at)}" for at, move in _head(jumps)]
    return _finding("jump", jumps, notes)


def _plain_oddities(frame: pl.DataFrame, kind: TapeKind) -> list[QualityFinding]:
    tests = {"float_noise": pl.col(NOISY), "rounded": pl.col(ROUNDED)}
    if kind == "bars":
        tests["zero_volume"] = pl.col("volume") == 0
    elif kind == "quotes":
        tests["zero_volume"] = pl.min_horizontal("bid_size", "ask_size") == 0
        tests["locked_book"] = pl.col("bid") == pl.col("ask")
    else:
        tests["zero_volume"] = pl.col("quantity") == 0
        tests["duplicate_trade_id"] = ~pl.col("trade_id").is_first_distinct() & (
            pl.col("trade_id") != ""
        )
    return [_finding(name, frame.filter(test)) for name, test in tests.items()]


def _head(frame: pl.DataFrame) -> list[tuple[int, int]]:
    return frame.select("at", "step").head(ROWS_SHOWN).rows()


def _finding(rule: str, hits: pl.DataFrame, notes: Sequence[str] = ()) -> QualityFinding:
    return QualityFinding(
        rule, False, hits.height, hits[ROW].head(ROWS_SHOWN).to_list(), list(notes)
    )


def _duration(nanoseconds: int) -> str:
    seconds = nanoseconds // NANOSECONDS
    return f"{seconds // 3600}h{seconds // 60 % 60:02}m{seconds % 60:02}s"
