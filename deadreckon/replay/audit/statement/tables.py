"""A table of a statement: what its columns hold, so that every form of it can lay them out."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from deadreckon.replay.audit.statement.appendix import Cell

Document = dict[str, Any]

# How a column is read: gains and costs are money with a sign, of a cost more is worse.
Kind = Literal[
    "text",
    "id",
    "time",
    "more",
    "count",
    "money",
    "gain",
    "cost",
    "price",
    "quantity",
    "bps",
    "share",
]
NUMBERS = ("money", "gain", "cost", "price", "quantity", "count", "bps", "share")


def table(
    name: str,
    title: str,
    columns: Sequence[tuple[str, Kind]],
    rows: Iterable[Sequence[Cell]],
    note: str = "",
    total: Sequence[Cell] | None = None,
) -> Document:
    """A table as a document; `total` is its last row, if it has one."""
    return {
        "name": name,
        "title": title,
        "note": note,
        "columns": [{"title": title, "kind": kind} for title, kind in columns],
        "rows": [list(row) for row in rows],
        "total": None if total is None else list(total),
    }


def value(cell: Cell) -> str:
    """What stands in a cell, without its evidence."""
    return cell if isinstance(cell, str) else str(cell["value"])
