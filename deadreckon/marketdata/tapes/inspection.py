"""A file before it is imported: what its columns are taken for, and what would become of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct, structs
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.marketdata.tapes.describe import findings_grid, header_grid
from deadreckon.marketdata.tapes.importing import convert_table, read_source, recognise
from deadreckon.marketdata.tapes.layout import sample, shape
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.quality import QualityReport
from deadreckon.marketdata.tapes.rows import decode
from deadreckon.marketdata.tapes.source import SourceTable
from deadreckon.marketdata.tapes.tape import TapeError, TapeHeader

ROWS_SHOWN = 3
_TEXT_LENGTH = 32
_NOBODY = "SYMBOL.VENUE"  # a preview is of no market yet

_LOOKS = {"T": "time", "N": "number", "B": "true or false", "S": "side", "?": "text"}


class ColumnPreview(Struct, frozen=True):
    """One column of the source: what it is taken for, and how it begins."""

    name: str
    role: str | None
    looks_like: str
    first: list[str | None]


class Inspection(Struct, frozen=True):
    """The result of `dr tape inspect`; `problem` says why the file would not be imported."""

    path: str
    container: str
    rows: int
    header_lines: int
    delimiter: str
    columns: list[ColumnPreview]
    family: str | None = None
    header: TapeHeader | None = None
    first: list[dict[str, str]] = []
    quality: QualityReport | None = None
    problem: str | None = None

    def picture(self, width: int) -> RenderableType:
        """Draw the preview for a terminal."""
        of = {"lines": f"lines cut at {self.delimiter!r}", "json": "JSON"}.get(self.container)
        above = f", {self.header_lines} above them" if self.header_lines else ""
        head = f"{self.path}: {self.rows:,} rows{above}, {of or 'Parquet or feather'}"
        parts: list[RenderableType] = [Text(head, style="bold"), Text(), self._columns()]
        if self.header is not None:
            family = Text(f"read as {self.family}", style="bold")
            parts += [Text(), family, header_grid(self.header), Text(), self._first()]
        if self.quality is not None and self.quality.findings:
            parts += [Text(), findings_grid(self.quality.findings)]
        return Group(*parts)

    def _columns(self) -> Grid:
        rows = [
            (one.name or '""', one.role or "", one.looks_like, "  ".join(map(str, one.first)))
            for one in self.columns
        ]
        return _grid(("column", "is", "looks like", "first values"), rows)

    def _first(self) -> Grid:
        names = list(self.first[0]) if self.first else []
        return _grid(names, [tuple(row.values()) for row in self.first])


def inspect(path: Path, options: ImportOptions) -> Inspection:
    """Read a file as an import would; writes nothing."""
    table = read_source(path, options)
    found = Inspection(
        path=str(path),
        container=table.container,
        rows=table.frame.height,
        header_lines=table.header_lines,
        delimiter=table.delimiter,
        columns=_previews(table, {}),
    )
    try:
        layout = recognise(path, table, options)
        roles = {name: role for role, name in layout.columns.items()}
        found = structs.replace(found, family=layout.family, columns=_previews(table, roles))
        header, columns, report = convert_table(path, table, _NOBODY, options)
    except TapeError as error:
        return structs.replace(found, problem=str(error))
    at = columns["at"]
    header = structs.replace(header, rows=columns.height, first_at=at[0], last_at=at[-1])
    first = _decoded(columns, header)
    return structs.replace(found, header=header, first=first, quality=report, problem=report.loss)


def _previews(table: SourceTable, roles: dict[str, str]) -> list[ColumnPreview]:
    rows = sample(table)
    looks = zip(table.names, shape(table), strict=True)
    return [
        ColumnPreview(
            name=name,
            role="time" if roles.get(name) == "at" else roles.get(name),
            looks_like=_LOOKS[letter] if rows[name].count() else "nothing",
            first=rows[name].head(ROWS_SHOWN).str.slice(0, _TEXT_LENGTH).to_list(),
        )
        for name, letter in looks
    ]


def _decoded(columns: pl.DataFrame, header: TapeHeader) -> list[dict[str, str]]:
    """Decode the first rows as they would be played; bars with their close as time."""
    head = columns.head(ROWS_SHOWN)
    rows = decode(head, header.kind, 0, header.price_scale, header.quantity_scale)
    return [
        {"at": format_timestamp(row.at)}
        | {name: _plain(value) for name, value in structs.asdict(row).items() if name not in _KNOWN}
        for row in rows
    ]


_KNOWN = ("row", "at")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:f}"


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Grid:
    grid = Grid(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    return grid
