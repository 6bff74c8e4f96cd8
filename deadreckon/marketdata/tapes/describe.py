"""A tape at a glance: what it holds, what looks odd, and what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from deadreckon.contracts.amounts import from_units
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.marketdata.tapes import chart, quality
from deadreckon.marketdata.tapes.chart import Candle
from deadreckon.marketdata.tapes.lines import ROW
from deadreckon.marketdata.tapes.quality import RULE_DESCRIPTIONS, QualityFinding, QualityReport
from deadreckon.marketdata.tapes.rows import TapeKind
from deadreckon.marketdata.tapes.tape import Tape, TapeHeader
from deadreckon.marketdata.tapes.values import NOISY, ROUNDED

CHART_COLUMNS_MAX = 120
ROWS_SHOWN = 5  # of each finding, in the terminal; --json has twenty

# What stands for price and activity in each kind: open, high, low, close, volume.
_LOOKS: dict[TapeKind, tuple[pl.Expr, pl.Expr, pl.Expr, pl.Expr, pl.Expr]] = {
    "bars": (pl.col("open"), pl.col("high"), pl.col("low"), pl.col("close"), pl.col("volume")),
    "quotes": (pl.col("bid"), pl.col("ask"), pl.col("bid"), pl.col("bid"), pl.lit(1)),
    "trades": (*(pl.col("price"),) * 4, pl.col("quantity")),
}


class TapeDescription(Struct, frozen=True):
    """The contents of a tape in figures; amounts are exact, `oddities` count rows from 1."""

    path: str
    digest: str
    header: TapeHeader
    first_price: Decimal  # of quotes: bids, and the highest ask
    last_price: Decimal
    lowest_price: Decimal
    highest_price: Decimal
    volume: Decimal | None  # in the header's unit; None for quotes
    oddities: list[QualityFinding]


class ImportReport(Struct, frozen=True):
    """The result of `dr tape import`; without a tape when `--strict` refused bad rows."""

    path: str | None
    digest: str | None
    header: TapeHeader
    quality: QualityReport

    @staticmethod
    def of(tape: Tape | None, header: TapeHeader, report: QualityReport) -> ImportReport:
        """Build the report on an import, with the tape it wrote."""
        if tape is None:
            return ImportReport(None, None, header, report)
        return ImportReport(str(tape.path), tape.digest, tape.header, report)

    def picture(self, width: int) -> RenderableType:
        """Draw the report for a terminal."""
        report = self.quality
        kept = f"{report.rows_kept:,} of {report.rows_read:,} rows kept"
        lines = f"; line in the file = row + {report.header_lines}" if report.header_lines else ""
        head = Text(f"{self.path or 'not written'}: {kept}{lines}", style="bold")
        parts: list[RenderableType] = [head, header_grid(self.header, self.digest or "")]
        if report.findings:
            parts += [Text(), findings_grid(report.findings)]
        return Group(*parts)


def describe(tape: Tape) -> TapeDescription:
    """Read the whole tape and describe its content."""
    header = tape.header
    frame = tape.scan().collect()
    first, high, low, last, volume = _LOOKS[header.kind]
    prices = frame.select(
        first.first().alias("first"),
        last.last().alias("last"),
        low.min().alias("low"),
        high.max().alias("high"),
        volume.cast(pl.Int128).sum().alias("volume"),  # int64 sums wrap without a word
    ).row(0, named=True)
    price = {
        name: from_units(prices[name], header.price_scale) for name in prices if name != "volume"
    }
    total = from_units(prices["volume"], header.quantity_scale)
    return TapeDescription(
        path=str(tape.path),
        digest=tape.digest,
        header=header,
        first_price=price["first"],
        last_price=price["last"],
        lowest_price=price["low"],
        highest_price=price["high"],
        volume=None if header.kind == "quotes" else total,
        oddities=_oddities(frame, header),
    )


def picture(tape: Tape, described: TapeDescription, width: int) -> RenderableType:
    """Draw header, chart and oddities for a terminal `width` characters wide."""
    head = header_grid(described.header, described.digest)
    parts: list[RenderableType] = [head, Text(), *_drawn(tape, described, width)]
    if described.oddities:
        parts += [Text(), findings_grid(described.oddities)]
    return Group(*parts)


def header_grid(header: TapeHeader, digest: str | None = None) -> Grid:
    """Draw the header as a grid, one line per field."""
    grid = Grid.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")
    for name, value in _header_lines(header):
        grid.add_row(Text(name, style="dim"), Text(value))
    if digest is not None:
        grid.add_row(Text("digest", style="dim"), Text(digest))
    return grid


def findings_grid(findings: Sequence[QualityFinding]) -> Grid:
    """Return a line per rule: how many rows, which first, and what the rule means."""
    grid = Grid(box=None, header_style="dim", padding=(0, 2, 0, 0))
    grid.add_column("rule")
    grid.add_column("rows", justify="right")
    grid.add_column("")
    grid.add_column("which", overflow="fold")
    for one in findings:
        rows = [str(row) for row in one.rows[:ROWS_SHOWN]]
        rows += ["..."] if len(one.rows) > ROWS_SHOWN else []
        what = Text(RULE_DESCRIPTIONS[one.rule] + (f": {one.notes[0]}" if one.notes else ""))
        style = "red" if one.refused else "yellow"
        fate = "refused" if one.refused else "kept"
        grid.add_row(
            Text(one.rule, style=style),
            f"{one.count:,}",
            fate,
            Text(f"{', '.join(rows)}  " if rows else "") + what,
        )
    return grid


def _header_lines(header: TapeHeader) -> list[tuple[str, str]]:
    kind: str = header.kind
    if header.interval_seconds:
        kind = (
            f"{kind} of {header.interval_seconds} s, stamped at their {header.stamp} by the source"
        )
    lines = [
        ("instrument", header.instrument),
        ("holds", f"{header.rows:,} {kind}"),
        ("from", format_timestamp(header.first_at)),
        ("to", format_timestamp(header.last_at)),
        ("volume in", header.volume_unit),
        ("decimals", f"prices {header.price_scale}, quantities {header.quantity_scale}"),
        ("source", _origin(header)),
    ]
    counted = {"refused": header.refused, "adjusted": header.adjusted}
    return lines + [(name, _counts(rules)) for name, rules in counted.items() if rules]


def _origin(header: TapeHeader) -> str:
    if header.synthetic is not None:
        return f"invented, seed {header.synthetic.get('seed')}"
    return f"{header.source} (sha256 {header.source_sha256[:12]})"


def _counts(rules: dict[str, int]) -> str:
    return ", ".join(f"{rule} {count:,}" for rule, count in rules.items())


def _oddities(frame: pl.DataFrame, header: TapeHeader) -> list[QualityFinding]:
    numbered = frame.with_columns(
        pl.int_range(1, frame.height + 1).alias(ROW),
        pl.lit(False).alias(NOISY),
        pl.lit(False).alias(ROUNDED),
    )
    return quality.oddities(numbered, header.kind, header.interval_seconds)


def _drawn(tape: Tape, described: TapeDescription, width: int) -> list[Text]:
    labels = _labels(described)
    gutter = max(len(label) for label in labels)
    columns = _candles(tape, max(min(width - gutter - 2, CHART_COLUMNS_MAX), 1))
    styles = ["" if one is None else "green" if one.close >= one.open else "red" for one in columns]
    lines = [
        _line(label.rjust(gutter), row, styles)
        for label, row in zip(labels, chart.candles(columns), strict=True)
    ]
    lines.append(_line("volume".rjust(gutter)[-gutter:], chart.volumes(columns), styles))
    return [*lines, _time_axis(tape.header, gutter, len(columns))]


def _labels(described: TapeDescription) -> list[str]:
    """Label the top, the bottom and the half of the chart with prices."""
    labels = [""] * chart.ROWS
    step = Decimal((0, (1,), -described.header.price_scale))
    half = (described.highest_price + described.lowest_price) / 2
    labels[0] = f"{described.highest_price.quantize(step):f}"
    labels[chart.ROWS // 2] = f"{half.quantize(step):f}"
    labels[-1] = f"{described.lowest_price.quantize(step):f}"
    return labels


def _line(label: str, row: str, styles: Sequence[str]) -> Text:
    line = Text(f"{label}  ", style="dim", no_wrap=True, overflow="crop")
    for character, style in zip(row, styles, strict=True):
        line.append(character, style=f"not dim {style}")
    return line


def _time_axis(header: TapeHeader, gutter: int, columns: int) -> Text:
    first, last = format_timestamp(header.first_at)[:19], format_timestamp(header.last_at)[:19]
    space = max(columns - len(first) - len(last), 1)
    return Text(f"{'':{gutter}}  {first}{'':{space}}{last}", style="dim", no_wrap=True)


def _candles(tape: Tape, columns: int) -> list[Candle | None]:
    """Return as many candles of equal time as fit; None where the tape has no rows."""
    header = tape.header
    span = header.last_at - header.first_at
    step = span // max(min(columns, header.rows), 1) + 1
    first, high, low, last, volume = _LOOKS[header.kind]
    groups = (
        tape.scan()
        .group_by(((pl.col("at") - header.first_at) // step).alias("column"))
        .agg(
            first.first().cast(pl.Float64).alias("open"),
            high.max().cast(pl.Float64).alias("high"),
            low.min().cast(pl.Float64).alias("low"),
            last.last().cast(pl.Float64).alias("close"),
            volume.cast(pl.Float64).sum().alias("volume"),
        )
        .collect()
    )
    drawn: dict[Any, Candle] = {column: Candle(*values) for column, *values in groups.iter_rows()}
    return [drawn.get(column) for column in range(span // step + 1)]
