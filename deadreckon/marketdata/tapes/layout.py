"""The meaning of a source's columns: which one is the price, what the volume counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from msgspec import Struct

from deadreckon.contracts.market import VolumeUnit
from deadreckon.marketdata.tapes.digits import NUMBER
from deadreckon.marketdata.tapes.rows import COLUMNS, TapeKind
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.stamps import SOME_DATE, nanoseconds
from deadreckon.marketdata.tapes.tape import Stamp

# Beside the columns of a tape: words for a trade's side that need translation.
SIDE = "side"
BUYER_IS_MAKER = "buyer_is_maker"

# What `--columns` calls the roles; `date` is the day of a `time` that stands in another column.
ROLES = {
    "time": "at",
    "date": "date",
    **{
        name: name
        for names in COLUMNS.values()
        for name in names
        if name not in ("at", "aggressor")
    },
    "size": "quantity",
    "id": "trade_id",
    SIDE: SIDE,
    BUYER_IS_MAKER: BUYER_IS_MAKER,
}

# Bars without names stand in this order nearly everywhere; where not, their highs are not high.
LISTED_BARS = {"at": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}

SAMPLE_ROWS = 50


class Layout(Struct, frozen=True):
    """Role -> name of the source's column, and what the source leaves unsaid."""

    family: str
    kind: TapeKind
    columns: Mapping[str, str]
    volume_unit: VolumeUnit
    stamp: Stamp | None = None


def numbered(table: SourceTable, roles: Mapping[str, int]) -> dict[str, str]:
    """Return the roles of a table without header, by position."""
    return {role: table.names[position] for role, position in roles.items()}


def required(kind: TapeKind) -> set[str]:
    """Return the roles without which there is no tape of this kind."""
    return set(COLUMNS[kind]) - {"aggressor", "trade_id"}


def sample(table: SourceTable) -> pl.DataFrame:
    """Return the first rows, from which columns are known."""
    return table.frame.head(SAMPLE_ROWS)


def shape(table: SourceTable) -> str:
    """Return a letter per column: T time, N other number, B boolean, S side, ? anything else.

    What most rows of a sample are; a few bad ones do not hide it. A volume can look like a time.
    """
    rows = sample(table)
    return "".join(_letter(rows[name]) for name in table.names)


def _letter(texts: pl.Series) -> str:
    words = texts.str.to_lowercase()
    return next((letter for letter, hits in _tests(words) if _mostly(hits)), "?")


def _tests(words: pl.Series) -> Sequence[tuple[str, pl.Series]]:
    return (
        ("T", nanoseconds(words, SOME_DATE).is_not_null()),
        ("N", words.str.contains(NUMBER)),
        ("B", words.is_in(["true", "false"])),
        ("S", words.is_in(["buy", "sell"])),
    )


def _mostly(hits: pl.Series) -> bool:
    return hits.fill_null(False).sum() * 2 > hits.len()
