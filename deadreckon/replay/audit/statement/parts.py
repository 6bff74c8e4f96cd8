"""Parts of a full statement: figures, tables, charts and evidence, in the order of their keys."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

# How a column is read: gains and costs are money with a sign, of a cost more is worse.
ColumnKind = Literal[
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


class Figure(Struct, frozen=True):
    """A figure and the name of its evidence; `kind` overrides how its column is read."""

    value: str
    evidence: str
    kind: str | UnsetType = UNSET


Cell = str | Figure  # a bare text, or a figure with evidence


class Column(Struct, frozen=True):
    """A column of a table: its heading and how its cells are read."""

    title: str
    kind: ColumnKind


class Table(Struct, frozen=True):
    """A table of the statement; `total` is its last row, null where it has none."""

    name: str
    title: str
    note: str
    columns: list[Column]
    rows: list[list[Cell]]
    total: list[Cell] | None


class Point(Struct, frozen=True, array_like=True):
    """A point of a curve: nanoseconds UTC, a decimal text, and its `sequence.index` in the log."""

    at: int
    value: str
    position: str


class HistogramBar(Struct, frozen=True):
    """A bar of a distribution; null for an end that takes everything beyond the other one."""

    low: str | None
    high: str | None
    figure: Figure


class AmountBar(Struct, frozen=True):
    """A bar with a label, as wide as its amount."""

    label: str
    unit: str
    figure: Figure


class Chart(Struct, frozen=True):
    """A chart as data; it has `lines` (curves by name), `bars` or `amounts`, as `kind` says."""

    name: str
    kind: Literal["lines", "bars", "amounts"]
    title: str
    unit: str
    note: str
    figure: Figure
    lines: dict[str, list[Point]] | UnsetType = UNSET
    bars: list[HistogramBar] | UnsetType = UNSET
    amounts: list[AmountBar] | UnsetType = UNSET


class EvidenceEvent(Struct, frozen=True):
    """One event behind a figure: its position in the log, what it says, and what it adds."""

    position: str = field(name="place")
    id: str
    at: str
    what: str
    amount: str


class EvidencePiece(Struct, frozen=True):
    """The events behind a figure, and the figures it is made of.

    `count` events add up to `sums` by currency; `sequences` lists the first ranges of them,
    `ranges_left_out` counts the others, `last` is the last range. `events` are the first ones.
    """

    count: int
    sums: dict[str, str]
    sequences: list[str]
    ranges_left_out: int
    last: str
    events: list[EvidenceEvent] = field(name="told")
    note: str
    parts: list[Figure]


class VenueReport(Struct, frozen=True):
    """A venue's own statement compared with the log.

    `agrees` where nothing differs but by rounding. `differences` counts them by kind,
    `unexplained` is the money by currency that no difference explains.
    """

    venue: str
    sha256: str
    agrees: bool
    says: str
    compared: int
    of_another_day: int
    differences: dict[str, int]
    unexplained: dict[str, str]
    unknown_columns: list[str]
    not_compared: list[str]
    tables: list[Table]


def table(
    name: str,
    title: str,
    columns: Sequence[tuple[str, ColumnKind]],
    rows: Iterable[Sequence[Cell]],
    note: str = "",
    total: Sequence[Cell] | None = None,
) -> Table:
    """Build a table; `total` is its last row, if it has one."""
    return Table(
        name=name,
        title=title,
        note=note,
        columns=[Column(title, kind) for title, kind in columns],
        rows=[list(row) for row in rows],
        total=None if total is None else list(total),
    )


def value(cell: Cell) -> str:
    """Return the text of a cell, without its evidence."""
    return cell if isinstance(cell, str) else cell.value
