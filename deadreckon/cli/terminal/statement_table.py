"""A statement for people: tables on a terminal, the same without colours elsewhere."""

import os
import shlex
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from msgspec import UNSET, UnsetType
from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deadreckon.accounting.dust import Dust
from deadreckon.formatting.rounded import figure, gain, money, share
from deadreckon.formatting.text import cell_text
from deadreckon.replay.audit.document import AuditChecks, AuditDocument, DemoRun, EquityChange
from deadreckon.replay.pnl.document import PnlDocument
from deadreckon.replay.pnl.rows import AnyPnl, PositionRow

FIGURES = ("realised", "unrealised", "fees", "funding", "net")
RULES_SHOWN = 12
MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "yellow")}  # by what agrees
FAULTS_SHOWN = 10


def show_statement(document: AuditDocument) -> None:
    """Print the statement's figures and its checks."""
    console = Console(highlight=False)
    console.print()
    console.print(_heading(document))
    console.print(_profit(document))
    tables = []
    if document.positions:
        tables.append(_positions(document.positions))
    if document.refusals_by_rule:
        tables.append(_refusals(document))
    for one in _abreast(console, tables):
        console.print(one)
    console.print(Padding(Group(*_facts(document)), (0, 0, 0, 1)))


def profit_tables(document: AuditDocument | PnlDocument) -> list[Text | Table]:
    """Build the heading with the net PnL, the table it is made of, and the positions."""
    positions = [_positions(document.positions)] if document.positions else []
    return [_heading(document), _profit(document), *positions]


def show_next(data: Path, *, finished: bool) -> None:
    """Print what may be asked of the folder of a run."""
    folder = shlex.quote(str(data))
    python = min(sys.executable, os.path.relpath(sys.executable), key=len)
    query = (
        f'import duckdb; duckdb.connect("{data}/analytics.duckdb", read_only=True)'
        '.sql("FROM pnl_by_day").show()'
    )
    steps = [
        ("the same figures, from the log alone", f"./dr replay audit --all --data {folder}"),
        ("every view against a fresh fold of the log", f"./dr verify --data {folder}"),
        ("what was refused, and why", f"./dr tail --from 1 --type SignalRefused --data {folder}"),
        ("a query", f"{shlex.quote(python)} -c {shlex.quote(query)}"),
        ("a crash", "kill -9 the next run in the middle, start it again: the digest is the same"),
    ]
    if not finished:
        steps.insert(0, ("the rest of the tape", "the same command again: it goes on from here"))
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text("\n what to try next", "bold cyan"))
    for what, command in steps:
        console.print(Text.assemble((f"   {what}: ", "dim"), command))


def _heading(document: AuditDocument | PnlDocument) -> Text:
    when = "everything" if document.day == "all" else f"{document.day} (UTC)"
    net = Decimal(document.pnl.net)
    return Text.assemble(
        (" PnL ", "bold cyan"),
        f"book {cell_text(document.book)}, {when}   net ",
        (gain(net), f"bold {_colour(net)}".strip()),
    )


def _profit(document: AuditDocument | PnlDocument) -> Table:
    table = Table(box=box.ROUNDED, border_style="dim", header_style="dim")
    table.add_column("")
    for name in FIGURES:
        table.add_column(name, justify="right")
    for strategy in document.by_strategy:
        table.add_row(_named("strategy", strategy.strategy), *_figures(strategy))
    table.add_section()
    for instrument in document.by_instrument:
        table.add_row(_named("instrument", instrument.instrument), *_figures(instrument))
    table.add_section()
    for venue in document.by_venue:
        table.add_row(_named("venue", venue.venue), *_figures(venue))
    table.add_section()
    total = [Text(piece.plain, f"bold {piece.style}".strip()) for piece in _figures(document.pnl)]
    table.add_row(Text("total", "bold"), *total)
    return table


def _named(part: str, name: str) -> Text:
    return Text.assemble((f"{part} ", "dim"), cell_text(name))


def _figures(row: AnyPnl) -> list[Text]:
    return [
        _amount(row.realised, signed=True),
        _amount(row.unrealised, signed=True),
        _amount(row.fees, signed=False),
        _amount(row.funding, signed=False),
        _amount(row.net, signed=True),
    ]


def _amount(text: str, *, signed: bool) -> Text:
    amount = Decimal(text)
    return Text(gain(amount), _colour(amount)) if signed else Text(money(amount))


def _colour(amount: Decimal) -> str:
    return "green" if amount > 0 else "red" if amount < 0 else ""


def _positions(rows: Sequence[PositionRow]) -> Table:
    table = Table(box=box.ROUNDED, border_style="dim", header_style="dim", title="positions")
    table.title_style, table.title_justify = "bold cyan", "left"
    for column in ("strategy", "instrument", "opening", "closing", "average", "mark"):
        left = column in ("strategy", "instrument")
        table.add_column(column, justify="left" if left else "right")
    for row in rows:
        table.add_row(
            Text(cell_text(row.strategy)),
            Text(cell_text(row.instrument)),
            figure(Decimal(row.opening_quantity)),
            figure(Decimal(row.closing_quantity)),
            _price(row.average_price),
            _price(row.mark),
        )
    table.caption, table.caption_justify = _dust(rows), "left"
    return table


def _dust(rows: Sequence[PositionRow]) -> Text | None:
    """Return a line for each position of which some is too small to sell."""
    lines = [
        Text(
            f"dust of {cell_text(row.strategy)} {cell_text(row.instrument)}: {dust_text(row.dust)}"
        )
        for row in rows
        if row.dust is not UNSET
    ]
    return Text("\n").join(lines) if lines else None


def dust_text(dust: Dust) -> str:
    """Format dust as its quantity, with its value in brackets where a price is known."""
    value = (
        "" if dust.value is None else f" ({figure(Decimal(dust.value))} {cell_text(dust.currency)})"
    )
    return f"{figure(Decimal(dust.quantity))}{value}"


def _price(text: str | None) -> str:
    return figure(Decimal(text)) if text and Decimal(text) else "-"


def _refusals(document: AuditDocument) -> Table:
    table = Table(box=box.ROUNDED, border_style="dim", header_style="dim", title="refusals by rule")
    table.title_style, table.title_justify = "bold cyan", "left"
    table.add_column("rule")
    table.add_column("count", justify="right")
    by_rule = sorted(document.refusals_by_rule.items(), key=lambda item: (-item[1], item[0]))
    for rule, count in by_rule[:RULES_SHOWN]:
        table.add_row(Text(cell_text(rule), "yellow"), f"{count:,}")
    rest = by_rule[RULES_SHOWN:]
    if rest:
        table.add_row(f"{len(rest)} more rules", f"{sum(count for _, count in rest):,}")
    return table


def _abreast(console: Console, tables: Sequence[Table]) -> list[Table]:
    """Put tables next to each other if the terminal is wide enough."""
    width = sum(console.measure(table).maximum + 2 for table in tables)
    if len(tables) < 2 or width > console.width:
        return list(tables)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(*tables)
    return [grid]


def _facts(document: AuditDocument) -> list[Text]:
    return [
        _equity(document.equity),
        _counts(document),
        *_run(document.run),
        *_checks(document.checks),
        *_more(document),
        *[
            Text(f"✗ no price or rate, so left out of every sum: {cell_text(name)}", "yellow")
            for name in document.unpriced
        ],
        Text.assemble(("run digest ", "dim"), document.digest),
    ]


def _equity(equity: EquityChange) -> Text:
    moved = "".join(
        f" {name} {gain(Decimal(amount))}"
        for name, amount in (
            ("deposited", equity.deposited),
            ("pnl", equity.pnl),
            ("revaluation", equity.revaluation),
            ("unexplained", equity.unexplained),
        )
        if Decimal(amount) or name in ("deposited", "pnl")
    )
    opening, closing = Decimal(equity.opening), Decimal(equity.closing)
    basis = opening + Decimal(equity.deposited)
    grown = f" ({share(Decimal(equity.pnl) / basis)})" if basis > 0 else ""
    return Text.assemble(
        ("equity ", "dim"), f"{money(opening)}{moved} = ", (money(closing), "bold"), grown
    )


def _counts(document: AuditDocument) -> Text:
    counted = (
        f"{document.events:,} events, {document.signals:,} signals, "
        f"{document.refusals:,} refusals, {document.orders:,} orders, {document.fills:,} fills"
    )
    sequences = f"{document.first_sequence:,} to {document.last_sequence:,}"
    return Text.assemble(counted, ("  sequences ", "dim"), sequences)


def _run(run: DemoRun | UnsetType) -> list[Text]:
    if run is UNSET:
        return []
    ended = "" if run.finished else "; not at the end of its tape"
    return [
        Text(
            f"{run.rows:,} of {run.rows_in_tape:,} rows in {run.seconds:,.1f} s, "
            f"{run.rows_per_second:,} rows/s, {run.messages:,} messages, "
            f"{run.bytes / 1_000_000:,.1f} MB{ended}"
        )
    ]


def _more(document: AuditDocument) -> list[Text]:
    """List what more than figures was asked for: evidence, a venue's statement, files."""
    lines = [Text(f"✗ {cell_text(found)}", "red") for found in document.evidence_differences or []]
    venue, seal = document.venue_statement, document.seal
    if venue is not UNSET:
        lines.append(_verdict(f"venue's statement: {venue.says}", venue.agrees))
    if seal is not UNSET:
        lines.append(_verdict(f"archive: {seal.says}", seal.agrees))
    if venue is not UNSET:
        unread = [f"a column that was not read: {name}" for name in venue.unknown_columns]
        unread += [f"not compared: {left}" for left in venue.not_compared]
        lines += [Text(f"· {cell_text(line)}", "yellow") for line in unread]
    for file in document.written or []:
        line = f"{cell_text(file.path)}  {file.bytes:,} bytes, sha256 {file.sha256}"
        lines.append(Text.assemble(("written ", "dim"), line))
    return lines


def _verdict(says: str, agrees: bool | None) -> Text:
    mark, style = MARKS[agrees]
    return Text(f"{mark} {cell_text(says)}", style)


def _checks(checks: AuditChecks) -> list[Text]:
    faults = checks.portfolio_differences + checks.log_damages
    compared = f"{checks.portfolio_events_compared:,} figures that portfolio said"
    lines = (
        [Text(f"✗ of {compared}, {len(faults)} differ or lie in a damaged place", "bold red")]
        if faults
        else [Text(f"✓ {compared} recomputed from the log: none differs", "green")]
    )
    lines += [Text(f"  {cell_text(fault)}", "red") for fault in faults[:FAULTS_SHOWN]]
    views = checks.projections
    if views is not UNSET:
        lines.append(_verdict(views.says, views.agree))
    return lines
