"""A statement for people: tables on a terminal, plain text elsewhere."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

Document = dict[str, Any]
FIGURES = ("realised", "unrealised", "fees", "funding", "net")


def show_statement(document: Document) -> None:
    """Print the statement's figures, its checks, and what to try next."""
    console = Console(highlight=False)
    title = f"book {document['book']}, {document['day']}"
    pnl = document["pnl"]
    console.print(_figures(title, "", [{"": "total"} | pnl]))
    for part in ("strategy", "instrument", "venue"):
        rows = document[f"by_{part}"]
        if rows:
            console.print(_figures(f"by {part}", part, rows))
    if document["positions"]:
        console.print(_positions(document["positions"]))
    if document["refusals_by_rule"]:
        console.print(_refusals(document["refusals_by_rule"]))
    _print_equity(console, document["equity"])
    _print_counts(console, document)
    _print_checks(console, document)


def money(text: str | None) -> str:
    """An amount with thousands separated and at most six decimals, for reading only."""
    if text is None:
        return "-"
    amount = Decimal(text)
    return f"{amount:,.2f}" if abs(amount) >= 1 or not amount else f"{amount:.6f}"


def _figures(title: str, name: str, rows: Iterable[Document]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(name)
    for figure in FIGURES:
        table.add_column(figure, justify="right")
    for row in rows:
        table.add_row(str(row[name]), *(money(row[figure]) for figure in FIGURES))
    return table


def _positions(rows: Iterable[Document]) -> Table:
    table = Table(title="positions", title_justify="left")
    for column in ("strategy", "instrument", "opening", "closing", "average", "mark"):
        table.add_column(
            column, justify="left" if column in ("strategy", "instrument") else "right"
        )
    for row in rows:
        table.add_row(
            row["strategy"],
            row["instrument"],
            row["opening_quantity"],
            row["closing_quantity"],
            money(row["average_price"]),
            money(row["mark"]),
        )
    return table


def _refusals(by_rule: dict[str, int]) -> Table:
    table = Table(title="refusals by rule", title_justify="left")
    table.add_column("rule")
    table.add_column("count", justify="right")
    for rule, count in sorted(by_rule.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(rule, str(count))
    return table


def _print_equity(console: Console, equity: Document) -> None:
    console.print(
        f"equity {money(equity['opening'])} + deposited {money(equity['deposited'])} "
        f"+ pnl {money(equity['pnl'])} + revaluation {money(equity['revaluation'])} "
        f"= {money(equity['closing'])}"
    )


def _print_counts(console: Console, document: Document) -> None:
    names = ("events", "signals", "refusals", "orders", "fills")
    console.print(", ".join(f"{document[name]:,} {name}" for name in names))
    console.print(f"sequences {document['first_sequence']} to {document['last_sequence']}")
    console.print(f"run digest {document['digest']}")
    run = document.get("run")
    if run:
        console.print(
            f"{run['rows']:,} of {run['rows_in_tape']:,} rows in {run['seconds']:.1f} s "
            f"({run['rows_per_second']:,} rows/s), {run['messages']:,} messages in the log"
        )


def _print_checks(console: Console, document: Document) -> None:
    checks = document["checks"]
    faults = checks["portfolio_differences"] + checks["log_damages"]
    compared = checks["portfolio_events_compared"]
    console.print(f"{compared:,} figures of portfolio recomputed, {len(faults)} differ")
    for fault in faults[:10]:
        console.print(f"  DIFFERENT: {fault}")
    views = checks.get("projections")
    if views:
        console.print(f"projections: {views['says']}")
    for name in document["unpriced"]:
        console.print(f"  without a price or rate, left out of every sum: {name}")
