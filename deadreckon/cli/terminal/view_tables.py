"""Answers of the views as tables for people, and as one JSON object for programs."""

import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console

from deadreckon.cli.terminal.columns import (
    BAD,
    BOLD,
    DIM,
    GOOD,
    PLAIN,
    WARN,
    Column,
    Line,
    Piece,
    table,
)
from deadreckon.cli.terminal.paint import Painted
from deadreckon.formatting.rounded import clean, figure, gain, money, span
from deadreckon.node.tail import TailedEvent
from deadreckon.projections.queries import RowDocument, TableAnswer

PIPED = 200  # columns where no terminal says how many there are

_POSITIONS = (
    Column("strategy", 10),
    Column("instrument", 18),
    Column("quantity", 12, right=True),
    Column("average", 12, right=True),
    Column("realised", 12, right=True),
    Column("fees", 10, 1, right=True),
    Column("funding", 10, 2, right=True),
    Column("", 5, 3),
    Column("changed", 19, 4),
)
_ORDERS = (
    Column("order", 32),
    Column("side", 4),
    Column("quantity", 10, right=True),
    Column("status", 26),
    Column("price", 12, 2, right=True),
    Column("type", 11, 3),
    Column("strategy", 10, 4),
    Column("instrument", 18, 5),
    Column("changed", 19, 6),
)
_FILLS = (
    Column("time", 19),
    Column("strategy", 10, 1),
    Column("side", 4),
    Column("quantity", 10, right=True),
    Column("price", 12, right=True),
    Column("fee", 10, 2, right=True),
    Column("", 5, 3),
    Column("", 5, 4),
    Column("instrument", 18, 5),
    Column("order", 32, 6),
)


def console() -> Console:
    """Where tables go: as wide as the terminal, or wide enough."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=PIPED)


def print_json(answer: TableAnswer, behind: int | None, **more: Any) -> None:
    """One JSON object: the answer, how many messages it is behind the log (null: no server runs
    to ask), and what else there is to say."""
    document = msgspec.to_builtins(answer, builtin_types=(msgspec.Raw,)) | {"behind": behind} | more
    print(msgspec.json.encode(document).decode())


def print_positions(answer: TableAnswer, behind: int | None) -> None:
    """Every position as a table."""
    _print(_POSITIONS, [_position(row) for row in answer.data], answer, behind, "no positions")


def print_orders(answer: TableAnswer, behind: int | None) -> None:
    """Orders as a table, with their whole ids: `dr cancel` wants them."""
    _print(_ORDERS, [_order(row) for row in answer.data], answer, behind, "no orders")


def print_fills(answer: TableAnswer, behind: int | None) -> None:
    """Fills as a table."""
    _print(_FILLS, [_fill(row) for row in answer.data], answer, behind, "no fills")


def footer(answer: TableAnswer, behind: int | None) -> Line:
    """Where in the log an answer stands."""
    if behind is None:
        lag: Piece = (", no server runs", PLAIN)
    else:
        lag = (f", {behind:,} behind the log" if behind > 0 else ", up to date", PLAIN)
    record = f"sequence {answer.sequence:,}, written {span(answer.age_seconds)} ago"
    return [(record, PLAIN), lag, (f", digest {answer.digest}", DIM)]


def event_printer() -> Callable[[TailedEvent], None]:
    """Prints events of the log, one a line, coloured by what they are."""
    out = Console(highlight=False, soft_wrap=True)

    def show(told: TailedEvent) -> None:
        place = f"{told.sequence:>9,}.{told.index:<3}"
        line: Line = [
            (place, DIM),
            (f"{told.at:<20}", DIM),
            (f"{told.source:<11}", PLAIN),
            (f"{told.name:<18} ", _kind(told.name)),
            (told.text, PLAIN),
        ]
        if out.is_terminal:
            out.print(Painted([line]), end="")
        else:
            sys.stdout.write("".join(text for text, _ in line).rstrip() + "\n")
            sys.stdout.flush()

    return show


def _kind(name: str) -> str:
    if name.endswith(("Refused", "Rejected", "Unroutable", "Missed", "Malformed", "Unknown")):
        return WARN
    if name.startswith(("Halt", "LogDamaged")):
        return "bold red"
    return GOOD if name == "OrderFilled" else "cyan" if name.startswith("Order") else BOLD


def _print(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Piece]],
    answer: TableAnswer,
    behind: int | None,
    nothing: str,
) -> None:
    out = console()
    lines = table(columns, rows, out.width) if rows else [[(nothing, DIM)]]
    out.print(Painted([*lines, [], footer(answer, behind)]))


def _position(row: RowDocument) -> list[Piece]:
    held, made = Decimal(row["quantity"]), Decimal(row["realised"])
    return [
        (clean(row["strategy"]), BOLD),
        (clean(row["instrument"]), PLAIN),
        (figure(held) if held else "flat", _sign(held) or DIM),
        (figure(Decimal(row["average_price"])) if held else "", PLAIN),
        (gain(made), _sign(made)),
        (money(Decimal(row["fees"])), PLAIN),
        (gain(Decimal(row["funding"])), _sign(Decimal(row["funding"]))),
        (clean(row["currency"]), DIM),
        _time(row),
    ]


def _order(row: RowDocument) -> list[Piece]:
    price = row["average_price"] or row["stop_price"] or row["limit_price"]
    status = row["status"] + (f": {clean(row['rule'])}" if row["rule"] else "")
    status += f", cancelling: {clean(row['cancelling'])}" if row["cancelling"] else ""
    quantity = row["quantity"] or row["notional"]
    purpose = row["order_type"] if row["purpose"] == "entry" else row["purpose"]
    return [
        (row["order_id"], PLAIN),
        _side(row),
        (figure(Decimal(quantity)) if quantity else "", PLAIN),
        (status.replace("_", " "), _status(row["status"])),
        (figure(Decimal(price)) if price else "", PLAIN),
        (purpose.replace("_", " "), DIM),
        (clean(row["strategy"]), PLAIN),
        (clean(row["instrument"]), PLAIN),
        _time(row),
    ]


def _fill(row: RowDocument) -> list[Piece]:
    return [
        _time(row),
        (clean(row["strategy"]), PLAIN),
        _side(row),
        (figure(Decimal(row["quantity"])), PLAIN),
        (figure(Decimal(row["price"])), PLAIN),
        (money(Decimal(row["fee"])), PLAIN),
        (clean(row["fee_currency"]), DIM),
        (row["liquidity"], DIM),
        (clean(row["instrument"]), PLAIN),
        (row["order_id"], DIM),
    ]


def _time(row: RowDocument) -> Piece:
    return (row["at"][:19].replace("T", " "), DIM)


def _side(row: RowDocument) -> Piece:
    return (row["side"], GOOD if row["side"] == "buy" else BAD)


def _sign(amount: Decimal) -> str:
    return GOOD if amount > 0 else BAD if amount < 0 else PLAIN


def _status(status: str) -> str:
    if status in ("rejected", "unroutable", "unknown"):
        return WARN
    return GOOD if status == "filled" else DIM if status in ("cancelled", "expired") else PLAIN


def print_status(
    answer: TableAnswer,
    behind: int | None,
    holder: int | None,
    server: dict[str, str] | None,
    trouble: str,
) -> None:
    """What runs and where, what is wrong, what is held and what is halted, in a few lines."""
    found: dict[str, Any] = answer.data
    running = f"running (process {holder})" if holder else "not running"
    lines: list[Line] = [[(running, GOOD if holder else WARN)]]
    if server:
        where = f"nats {server['url']}, credentials in {server['credentials']}"
        lines.append([(where, DIM)])
    if trouble:
        lines.append([("NOT WELL: ", BAD), (clean(trouble), PLAIN)])
    lines += [_halt(halt) for halt in found["halts"]]
    if found["equity"]:
        lines += _equity(found["equity"])
    lines += [
        [
            (
                f"{found['positions_open']:,} positions and {found['orders_open']:,} orders open",
                PLAIN,
            )
        ],
        *_unknown(found["orders_unknown"]),
        [(", ".join(f"{count:,} {name}" for name, count in _counts(found).items()), PLAIN)],
    ]
    rules = [f"{clean(rule)} {count:,}" for rule, count in found["refusals_by_rule"].items()]
    if rules:
        lines.append([("refused by ", DIM), (", ".join(rules), PLAIN)])
    console().print(Painted([*lines, footer(answer, behind)]))


def _unknown(orders: int) -> list[Line]:
    if not orders:
        return []
    return [[(f"{orders:,} of unknown outcome: `dr orders --open` names them", WARN)]]


def _counts(found: dict[str, Any]) -> dict[str, int]:
    rows = {name: standing["rows"] for name, standing in found["tables"].items()}
    return {
        "signals": rows["signals"],
        "refusals": found["refusals"],
        "orders": rows["orders"],
        "orders rejected": found["orders_rejected"],
        "fills": rows["fills"],
        "halts begun": found["halts_begun"],
        "limits": rows["limits"],
    }


def _halt(halt: RowDocument) -> Line:
    who = clean(halt["actor"] or halt["rule"] or halt["source"])
    until = f" until {halt['until'][:19]}Z" if halt["until"] else ""
    obeyed = ", ".join(halt["acknowledged_by"]) or "nobody"
    record = f"HALTED ({halt['scope']}) by {who}{until}, acknowledged by {obeyed}: "
    return [(record, "bold red"), (clean(halt["reason"]), PLAIN)]


def _equity(mark: RowDocument) -> list[Line]:
    drawdown = Decimal(mark["drawdown"]) * 100
    return [
        [
            ("equity ", DIM),
            (f"{money(Decimal(mark['equity']))} {clean(mark['currency'])}", BOLD),
            (f", drawdown {drawdown:.2f} %, exposure {money(Decimal(mark['exposure_gross']))}", ""),
            (f", marked {mark['at'][:19].replace('T', ' ')} UTC", DIM),
        ]
    ]
