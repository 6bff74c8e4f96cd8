"""Answers of the projections: tables for people, one JSON object for programs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from rich.text import Text

from deadreckon.cli.document import print_document
from deadreckon.cli.terminal.statement_table import dust_text
from deadreckon.cli.terminal.tables import Cell, Column, console, fitting_table
from deadreckon.formatting.rounded import figure, gain, money
from deadreckon.formatting.text import cell_text
from deadreckon.formatting.times import rounded_span
from deadreckon.projections.queries import RowDocument, TableAnswer

POSITIONS = (
    Column("strategy"),
    Column("instrument"),
    Column("quantity", right=True),
    Column("dust", right=True),
    Column("average", right=True),
    Column("realised", right=True),
    Column("fees", 1, right=True),
    Column("funding", 2, right=True),
    Column("", 3),
    Column("changed", 4),
)
ORDERS = (
    Column("order"),
    Column("side"),
    Column("quantity", right=True),
    Column("status"),
    Column("price", 2, right=True),
    Column("type", 3),
    Column("strategy", 4),
    Column("instrument", 5),
    Column("changed", 6),
)
FILLS = (
    Column("time"),
    Column("strategy", 1),
    Column("side"),
    Column("quantity", right=True),
    Column("price", right=True),
    Column("fee", 2, right=True),
    Column("", 3),
    Column("", 4),
    Column("instrument", 5),
    Column("order", 6),
)


def print_json(answer: TableAnswer, behind: int | None, **more: Any) -> None:
    """Print one JSON object: the answer, its lag behind the log in messages, and `more`.

    The lag is null where no server runs.
    """
    document = msgspec.to_builtins(answer, builtin_types=(msgspec.Raw,)) | {"behind": behind} | more
    print_document(document)


def print_positions(answer: TableAnswer, behind: int | None) -> None:
    """Print every position as a table."""
    dusty = any("dust" in row for row in answer.data)
    columns = [column for column in POSITIONS if dusty or column.name != "dust"]
    rows = [_position(row, dusty) for row in answer.data]
    _print(columns, rows, answer, behind, "no positions")


def print_orders(answer: TableAnswer, behind: int | None) -> None:
    """Print orders as a table, with their whole ids: `dr cancel` needs them."""
    _print(ORDERS, [_order(row) for row in answer.data], answer, behind, "no orders")


def print_fills(answer: TableAnswer, behind: int | None) -> None:
    """Print fills as a table."""
    _print(FILLS, [_fill(row) for row in answer.data], answer, behind, "no fills")


def _print(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    answer: TableAnswer,
    behind: int | None,
    nothing: str,
) -> None:
    out = console()
    out.print(fitting_table(out, columns, rows) if rows else Text(nothing, "dim"))
    out.print()
    out.print(footer(answer, behind), soft_wrap=True)


def footer(answer: TableAnswer, behind: int | None) -> Text:
    """Return the line that names an answer's position in the log, its age and its digest."""
    if behind is None:
        lag = ", no server runs"
    else:
        lag = f", {behind:,} behind the log" if behind > 0 else ", up to date"
    read = f"sequence {answer.sequence:,}, written {rounded_span(answer.age_seconds)} ago{lag}"
    return Text.assemble(read, (f", digest {answer.digest}", "dim"))


def _position(row: RowDocument, dusty: bool) -> list[Cell]:
    held, realised = Decimal(row["quantity"]), Decimal(row["realised"])
    funding = Decimal(row["funding"])
    return [
        Text(cell_text(row["strategy"]), "bold"),
        Text(cell_text(row["instrument"])),
        Text(figure(held), _sign(held)) if held else Text("flat", "dim"),
        *([dust_text(row["dust"]) if "dust" in row else ""] if dusty else []),
        figure(Decimal(row["average_price"])) if held else "",
        Text(gain(realised), _sign(realised)),
        money(Decimal(row["fees"])),
        Text(gain(funding), _sign(funding)),
        Text(cell_text(row["currency"]), "dim"),
        _time(row),
    ]


def _order(row: RowDocument) -> list[Cell]:
    price = row["average_price"] or row["stop_price"] or row["limit_price"]
    status = row["status"] + (f": {cell_text(row['rule'])}" if row["rule"] else "")
    status += f", cancelling: {cell_text(row['cancelling'])}" if row["cancelling"] else ""
    quantity = row["quantity"] or row["notional"]
    purpose = row["order_type"] if row["purpose"] == "entry" else row["purpose"]
    return [
        row["order_id"],
        _side(row),
        figure(Decimal(quantity)) if quantity else "",
        Text(status.replace("_", " "), _status_style(row["status"])),
        figure(Decimal(price)) if price else "",
        Text(purpose.replace("_", " "), "dim"),
        Text(cell_text(row["strategy"])),
        Text(cell_text(row["instrument"])),
        _time(row),
    ]


def _fill(row: RowDocument) -> list[Cell]:
    return [
        _time(row),
        Text(cell_text(row["strategy"])),
        _side(row),
        figure(Decimal(row["quantity"])),
        figure(Decimal(row["price"])),
        money(Decimal(row["fee"])),
        Text(cell_text(row["fee_currency"]), "dim"),
        Text(row["liquidity"], "dim"),
        Text(cell_text(row["instrument"])),
        Text(row["order_id"], "dim"),
    ]


def _time(row: RowDocument) -> Text:
    return Text(row["at"][:19].replace("T", " "), "dim")


def _side(row: RowDocument) -> Text:
    return Text(row["side"], "green" if row["side"] == "buy" else "red")


def _sign(amount: Decimal) -> str:
    return "green" if amount > 0 else "red" if amount < 0 else ""


def _status_style(status: str) -> str:
    if status in ("rejected", "unroutable", "unknown"):
        return "yellow"
    return "green" if status == "filled" else "dim" if status in ("cancelled", "expired") else ""
