"""The status of a folder in a few lines: what runs, what is wrong, what is held and halted."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import json
from rich.text import Text

from deadreckon.cli.terminal.tables import console
from deadreckon.cli.terminal.view_tables import footer
from deadreckon.formatting.rounded import money
from deadreckon.formatting.text import cell_text
from deadreckon.node.trading_conditions import DAMAGE, Finding
from deadreckon.node.trading_status import Trading
from deadreckon.projections.queries import RowDocument, TableAnswer

CONDITIONS_SHOWN = 10
HALTS = ("halted", DAMAGE)  # each has a line of its own


def print_status(
    answer: TableAnswer,
    behind: int | None,
    holder: int | None,
    server: dict[str, str] | None,
    trouble: str,
    trading: Trading,
    crashes: Sequence[Path] = (),
) -> None:
    """Print the status; `holder` is the process that runs the folder, `trouble` what is wrong,
    `crashes` the files with the stacks of processes that crashed."""
    found: dict[str, Any] = answer.data
    process = _process(holder, server, trouble)
    fallen = [Text(f"a process crashed: its stacks are in {path}", "red") for path in crashes]
    lines = [*process, *fallen, *_trading(trading), *_book(found), footer(answer, behind)]
    console().print(Text("\n").join(lines), soft_wrap=True)


def _process(holder: int | None, server: dict[str, str] | None, trouble: str) -> Iterator[Text]:
    yield Text(f"running (process {holder})", "green") if holder else Text("not running", "yellow")
    if server:
        yield Text(f"nats {server['url']}, credentials in {server['credentials']}", "dim")
    if trouble:
        yield Text.assemble(("NOT WELL: ", "red"), cell_text(trouble))


def _trading(trading: Trading) -> Iterator[Text]:
    """Say what may be traded, and list the conditions that no other line tells."""
    stopping = (it for it in trading.conditions if it.stops != "nothing")
    first = None if trading.allowed else next(stopping, None)
    if trading.allowed:
        names = ", ".join(trading.instruments[:CONDITIONS_SHOWN])
        more = _and_more(len(trading.instruments) - CONDITIONS_SHOWN)
        yield Text(f"may be traded: {cell_text(names)}{more}", "green")
    elif first is not None:
        what = "exits alone may be traded" if trading.exits_allowed else "nothing may be traded"
        yield Text.assemble((f"{what}: ", "bold red"), _finding(first))
    others = [it for it in trading.conditions if it is not first and it.condition not in HALTS]
    for finding in others[:CONDITIONS_SHOWN]:
        yield Text(f"  {_finding(finding)}", "yellow")
    if len(others) > CONDITIONS_SHOWN:
        yield Text(f"  {_and_more(len(others) - CONDITIONS_SHOWN).lstrip()}", "yellow")


def _finding(finding: Finding) -> str:
    return f"{cell_text(finding.reason)} ({cell_text(finding.remedy)})"


def _and_more(count: int) -> str:
    return f" and {count:,} more" if count > 0 else ""


def _book(found: dict[str, Any]) -> Iterator[Text]:
    yield from (_halt(halt) for halt in found["halts"])
    if found["equity"]:
        yield _equity(found["equity"])
    yield Text(f"{found['positions_open']:,} positions and {found['orders_open']:,} orders open")
    if found["orders_unknown"]:
        unknown = f"{found['orders_unknown']:,} of unknown outcome: `dr orders --open` names them"
        yield Text(unknown, "yellow")
    yield Text(", ".join(f"{count:,} {name}" for name, count in _counts(found).items()))
    rules = [f"{cell_text(rule)} {count:,}" for rule, count in found["refusals_by_rule"].items()]
    if rules:
        yield Text.assemble(("refused by ", "dim"), ", ".join(rules))


def _counts(found: dict[str, Any]) -> dict[str, int]:
    rows = {name: table["rows"] for name, table in found["tables"].items()}
    return {
        "signals": rows["signals"],
        "refusals": found["refusals"],
        "orders": rows["orders"],
        "orders rejected": found["orders_rejected"],
        "fills": rows["fills"],
        "halts begun": found["halts_begun"],
        "limits": rows["limits"],
    }


def _halt(halt: RowDocument) -> Text:
    who = cell_text(halt["actor"] or halt["rule"] or halt["source"])
    until = f" until {halt['until'][:19]}Z" if halt["until"] else ""
    services = ", ".join(halt["acknowledged_by"]) or "nobody"
    head = f"HALTED ({halt['scope']}) by {who}{until}, acknowledged by {services}: "
    return Text.assemble((head, "bold red"), cell_text(halt["reason"]))


def _equity(mark: RowDocument) -> Text:
    drawdown = Decimal(mark["drawdown"]) * 100
    exposure = money(Decimal(mark["exposure_gross"]))
    unpriced: list[str] = json.decode(mark["unpriced"])
    return Text.assemble(
        ("equity ", "dim"),
        (f"{money(Decimal(mark['equity']))} {cell_text(mark['currency'])}", "bold"),
        f", drawdown {drawdown:.2f} %, exposure {exposure}",
        (f", marked {mark['at'][:19].replace('T', ' ')} UTC", "dim"),
        (f", WITHOUT {', '.join(map(cell_text, unpriced))}: no price or rate", "bold red")
        if unpriced
        else "",
    )
