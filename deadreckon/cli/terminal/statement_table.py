"""A statement for people: tables on a terminal, the same without colours elsewhere."""

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deadreckon.formatting.rounded import figure, gain, money, share
from deadreckon.formatting.text import cell_text

Document = dict[str, Any]
FIGURES = ("realised", "unrealised", "fees", "funding", "net")
RULES_SHOWN = 12
MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "yellow")}  # by what agrees
FAULTS_SHOWN = 10


def show_statement(document: Document) -> None:
    """Print the statement's figures and its checks."""
    console = Console(highlight=False)
    console.print()
    console.print(_heading(document))
    console.print(_profit(document))
    tables = []
    if document["positions"]:
        tables.append(_positions(document["positions"]))
    if document["refusals_by_rule"]:
        tables.append(_refusals(document))
    for one in _abreast(console, tables):
        console.print(one)
    console.print(Padding(Group(*_facts(document)), (0, 0, 0, 1)))


def profit_tables(document: Document) -> list[Text | Table]:
    """The net, where it comes from, and the positions."""
    positions = [_positions(document["positions"])] if document["positions"] else []
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


def _heading(document: Document) -> Text:
    when = "everything" if document["day"] == "all" else f"{document['day']} (UTC)"
    net = Decimal(document["pnl"]["net"])
    return Text.assemble(
        (" PnL ", "bold cyan"),
        f"book {cell_text(document['book'])}, {when}   net ",
        (gain(net), f"bold {_colour(net)}".strip()),
    )


def _profit(document: Document) -> Table:
    table = Table(box=box.ROUNDED, border_style="dim", header_style="dim")
    table.add_column("")
    for name in FIGURES:
        table.add_column(name, justify="right")
    for part in ("strategy", "instrument", "venue"):
        for row in document[f"by_{part}"]:
            table.add_row(_named(part, row[part]), *_figures(row))
        table.add_section()
    total = [
        Text(piece.plain, f"bold {piece.style}".strip()) for piece in _figures(document["pnl"])
    ]
    table.add_row(Text("total", "bold"), *total)
    return table


def _named(part: str, name: str) -> Text:
    return Text.assemble((f"{part} ", "dim"), cell_text(name))


def _figures(row: Document) -> list[Text]:
    return [
        _amount(row[name], signed=name in ("realised", "unrealised", "net")) for name in FIGURES
    ]


def _amount(text: str, *, signed: bool) -> Text:
    amount = Decimal(text)
    return Text(gain(amount), _colour(amount)) if signed else Text(money(amount))


def _colour(amount: Decimal) -> str:
    return "green" if amount > 0 else "red" if amount < 0 else ""


def _positions(rows: Iterable[Document]) -> Table:
    table = Table(box=box.ROUNDED, border_style="dim", header_style="dim", title="positions")
    table.title_style, table.title_justify = "bold cyan", "left"
    for column in ("strategy", "instrument", "opening", "closing", "average", "mark"):
        left = column in ("strategy", "instrument")
        table.add_column(column, justify="left" if left else "right")
    for row in rows:
        table.add_row(
            Text(cell_text(row["strategy"])),
            Text(cell_text(row["instrument"])),
            figure(Decimal(row["opening_quantity"])),
            figure(Decimal(row["closing_quantity"])),
            _price(row["average_price"]),
            _price(row["mark"]),
        )
    return table


def _price(text: str | None) -> str:
    return figure(Decimal(text)) if text and Decimal(text) else "-"


def _refusals(document: Document) -> Table:
    table = Table(box=box.ROUNDED, border_style="dim", header_style="dim", title="refusals by rule")
    table.title_style, table.title_justify = "bold cyan", "left"
    table.add_column("rule")
    table.add_column("count", justify="right")
    by_rule = sorted(document["refusals_by_rule"].items(), key=lambda item: (-item[1], item[0]))
    for rule, count in by_rule[:RULES_SHOWN]:
        table.add_row(Text(cell_text(rule), "yellow"), f"{count:,}")
    rest = by_rule[RULES_SHOWN:]
    if rest:
        table.add_row(f"{len(rest)} more rules", f"{sum(count for _, count in rest):,}")
    return table


def _abreast(console: Console, tables: Sequence[Table]) -> list[Table]:
    """Next to each other where the terminal is wide enough."""
    width = sum(console.measure(table).maximum + 2 for table in tables)
    if len(tables) < 2 or width > console.width:
        return list(tables)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(*tables)
    return [grid]


def _facts(document: Document) -> list[Text]:
    return [
        _equity(document["equity"]),
        _counts(document),
        *_run(document.get("run")),
        *_checks(document["checks"]),
        *_more(document),
        *[
            Text(f"✗ no price or rate, so left out of every sum: {cell_text(name)}", "yellow")
            for name in document["unpriced"]
        ],
        Text.assemble(("run digest ", "dim"), document["digest"]),
    ]


def _equity(equity: Document) -> Text:
    moved = "".join(
        f" {name} {gain(Decimal(equity[name]))}"
        for name in ("deposited", "pnl", "revaluation", "unexplained")
        if Decimal(equity[name]) or name in ("deposited", "pnl")
    )
    opening, closing = Decimal(equity["opening"]), Decimal(equity["closing"])
    basis = opening + Decimal(equity["deposited"])
    grown = f" ({share(Decimal(equity['pnl']) / basis)})" if basis > 0 else ""
    return Text.assemble(
        ("equity ", "dim"), f"{money(opening)}{moved} = ", (money(closing), "bold"), grown
    )


def _counts(document: Document) -> Text:
    names = ("events", "signals", "refusals", "orders", "fills")
    counted = ", ".join(f"{document[name]:,} {name}" for name in names)
    places = f"{document['first_sequence']:,} to {document['last_sequence']:,}"
    return Text.assemble(counted, ("  sequences ", "dim"), places)


def _run(run: Document | None) -> list[Text]:
    if not run:
        return []
    ended = "" if run["finished"] else "; not at the end of its tape"
    return [
        Text(
            f"{run['rows']:,} of {run['rows_in_tape']:,} rows in {run['seconds']:,.1f} s, "
            f"{run['rows_per_second']:,} rows/s, {run['messages']:,} messages, "
            f"{run['bytes'] / 1_000_000:,.1f} MB{ended}"
        )
    ]


def _more(document: Document) -> list[Text]:
    """What there is to say beside the figures, where more than figures was asked for."""
    lines = [
        Text(f"✗ {cell_text(found)}", "red") for found in document.get("evidence_differences", [])
    ]
    for name, what in (("venue_statement", "venue's statement"), ("seal", "archive")):
        found = document.get(name)
        if found:
            mark, style = MARKS[found["agrees"]]
            lines.append(Text(f"{mark} {what}: {cell_text(found['says'])}", style))
    theirs = document.get("venue_statement", {})
    unread = [f"a column that was not read: {name}" for name in theirs.get("unknown_columns", [])]
    unread += [f"not compared: {left}" for left in theirs.get("not_compared", [])]
    lines += [Text(f"· {cell_text(record)}", "yellow") for record in unread]
    for file in document.get("written", []):
        told = f"{cell_text(file['path'])}  {file['bytes']:,} bytes, sha256 {file['sha256']}"
        lines.append(Text.assemble(("written ", "dim"), told))
    return lines


def _checks(checks: Document) -> list[Text]:
    faults = checks["portfolio_differences"] + checks["log_damages"]
    compared = f"{checks['portfolio_events_compared']:,} figures that portfolio said"
    lines = (
        [Text(f"✗ of {compared}, {len(faults)} differ or lie in a damaged place", "bold red")]
        if faults
        else [Text(f"✓ {compared} recomputed from the log: none differs", "green")]
    )
    lines += [Text(f"  {cell_text(fault)}", "red") for fault in faults[:FAULTS_SHOWN]]
    views = checks.get("projections")
    if views:
        mark, style = MARKS[views["agree"]]
        lines.append(Text(f"{mark} {cell_text(views['says'])}", style))
    return lines
