"""Text tables of `dr replay asof`: the book, and what became known since."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from deadreckon.cli.terminal.tables import Column, console, fitting_table
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.rules import RULE_UNITS
from deadreckon.formatting.rounded import figure
from deadreckon.formatting.text import cell_text
from deadreckon.formatting.times import rounded_moment, rounded_span
from deadreckon.replay.asof.document import (
    AsofDocument,
    BookDocument,
    HaltDocument,
    LateEventDocument,
    LimitsDocument,
    MarkDocument,
    ModelDocument,
    OrderDocument,
    PositionDocument,
    SetByDocument,
    StrategyDocument,
)

_EQUITY = ("equity", "cash", "exposure_gross", "realised", "unrealised", "fees", "funding", "net")
_MOVED = "as known now"


def show(document: AsofDocument) -> None:
    """Print the document, in colour on a terminal."""
    out = console()
    now = document.now
    then = document.then or now
    assert then is not None
    changed = now if document.differences else None
    out.print(_head(document))
    _print(out, "figures", _figures(then, changed))
    _print(out, "positions", _positions(then.positions))
    if changed and changed.positions != then.positions:
        _print(out, f"positions {_MOVED}", _positions(changed.positions))
    _print(out, "open orders", _orders(then.orders))
    if changed and changed.orders != then.orders:
        _print(out, f"open orders {_MOVED}", _orders(changed.orders))
    _print(out, "halts in force", _halts(then.halts))
    _print(out, "limits in force", _limits(then.limits))
    _print(out, "strategies", _strategies(then))
    if then.models:
        _print(out, "models", _models(then.models))
    _print(out, "marks", _marks(then.marks))
    if document.late:
        _print(out, "known since", _late(document.late))
    out.print()
    out.print(_dim(f"digest {then.digest}"))


def _head(document: AsofDocument) -> Text:
    sequence = f"{document.sequence:,}.{document.index} of {document.last_sequence:,}"
    when = rounded_moment(document.at)
    return Text.assemble((f"{document.book} at {when}", "bold"), f", after message {sequence}")


Block = tuple[Sequence[tuple[str, bool]], list[list[Text]]]  # names, right or not; and rows


def _print(out: Console, title: str, block: Block) -> None:
    """Print a titled table; its last columns are left out first where there is no room."""
    names, rows = block
    out.print()
    out.print(Text.assemble((title, "bold cyan"), ("" if rows else ": none", "dim")))
    if rows:
        columns = [Column(name, rank, right) for rank, (name, right) in enumerate(names)]
        table = fitting_table(out, columns, rows)
        table.show_header = any(name for name, _ in names)
        out.print(table)


def _figures(then: BookDocument, now: BookDocument | None) -> Block:
    currency = then.equity.currency
    amounts = [(f"{name} {currency}".strip().replace("_", " "), name) for name in _EQUITY]
    rows = [
        (title, getattr(then.equity, name), None if now is None else getattr(now.equity, name))
        for title, name in amounts
    ]
    for name in {**then.cash, **(now.cash if now else {})}:
        cash = None if now is None else now.cash.get(name, "0")
        rows.append((f"cash in {name}", then.cash.get(name, "0"), cash))
    if now is None:
        return [("", False), ("", True)], [[_dim(title), _amount(it)] for title, it, _ in rows]
    names = [("", False), ("known then", True), ("known now", True), ("difference", True)]
    return names, [[_dim(title), *_both(was, is_)] for title, was, is_ in rows]


def _both(was: str, is_: Any) -> list[Text]:
    moved = Decimal(is_) - Decimal(was)
    return [_amount(was), _amount(is_), Text(figure(moved) if moved else "", "yellow")]


def _positions(positions: list[PositionDocument]) -> Block:
    names = [("strategy", False), ("instrument", False), ("quantity", True), ("average", True)]
    names += [("mark", True), ("realised", True), ("unrealised", True), ("fees", True)]
    names += [("funding", True), ("", False)]
    return names, [
        [
            Text(cell_text(it.strategy), "bold"),
            _plain(cell_text(it.instrument)),
            _amount(it.quantity) if Decimal(it.quantity) else _dim("flat"),
            _amount(it.average_price if Decimal(it.quantity) else None),
            _amount(it.mark),
            _amount(it.realised),
            _amount(it.unrealised),
            _plain(_by_currency(it.fees, it.currency)),
            _amount(it.funding),
            _dim(it.currency),
        ]
        for it in positions
    ]


def _by_currency(amounts: dict[str, str], own: str) -> str:
    parts = [f"{figure(Decimal(it))} {name if name != own else ''}" for name, it in amounts.items()]
    return " ".join(part.strip() for part in parts) or "0"


def _orders(orders: list[OrderDocument]) -> Block:
    names = [("order", False), ("side", False), ("quantity", True), ("open", True)]
    names += [("status", False), ("type", False), ("price", True), ("age", True)]
    names += [("strategy", False), ("instrument", False)]
    return names, [
        [
            _plain(it.order_id),
            _plain(it.side),
            _amount(it.quantity or it.notional),
            _amount(it.leaves),
            _plain(it.status.replace("_", " ") + (", cancelling" if it.cancelling else "")),
            _dim(it.order_type if it.purpose == "entry" else it.purpose),
            _amount(it.stop_price or it.limit_price),
            _plain(_span(it.age_seconds)),
            _plain(cell_text(it.strategy)),
            _plain(cell_text(it.instrument)),
        ]
        for it in orders
    ]


def _halts(halts: list[HaltDocument]) -> Block:
    names = [("scope", False), ("rule", False), ("until", False), ("since", False), ("by", False)]
    return [*names, ("reason", False)], [
        [
            Text(it.scope, "yellow"),
            _plain(it.rule),
            _plain(it.until or "resumed"),
            *_author(it.set_by),
            _plain(cell_text(it.set_by.reason)),
        ]
        for it in halts
    ]


def _limits(limits: LimitsDocument | None) -> Block:
    names = [("", False), ("", True), ("since", False), ("by", False)]
    if limits is None:
        return names, []
    values: dict[str, Any] = msgspec.to_builtins(limits.values)
    stated = {name: it for name, it in values.items() if it not in (None, [], {})}
    rows = [[_dim(name), _plain(_limit(name, value))] for name, value in stated.items()]
    blank = [_dim(""), _dim("")]
    first = _author(limits.set_by)
    return names, [[*row, *(blank if number else first)] for number, row in enumerate(rows)]


def _limit(name: str, value: Any) -> str:
    if RULE_UNITS.get(name) == "nanoseconds":
        return rounded_span(value / NANOSECONDS)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " ".join(f"{cell_text(key)}={item}" for key, item in value.items())
    return " ".join(map(cell_text, value)) if isinstance(value, list | tuple) else str(value)


def _strategies(book: BookDocument) -> Block:
    configured = {it.strategy: it for it in book.strategies}
    names = [("strategy", False), ("kind", False), ("runs", False), ("notional", True)]
    names += [("cap", True), ("exposure", True), ("of equity", True), ("parameters", False)]
    return names, [
        [
            Text(cell_text(it.strategy), "bold"),
            *_configured(configured.get(it.strategy)),
            _amount(it.cap),
            _amount(it.exposure),
            _amount(it.weight),
            _dim(_parameters(configured.get(it.strategy))),
        ]
        for it in book.allocations
    ]


def _configured(strategy: StrategyDocument | None) -> list[Text]:
    if strategy is None:
        return [_dim("external"), _dim(""), _dim("")]
    runs = "yes" if strategy.enabled else "no"
    return [_plain(cell_text(strategy.kind)), _plain(runs), _amount(strategy.notional)]


def _parameters(strategy: StrategyDocument | None) -> str:
    found = strategy.parameters if strategy else {}
    return " ".join(f"{cell_text(name)}={cell_text(value)}" for name, value in found.items())


def _models(models: list[ModelDocument]) -> Block:
    names = [("model", False), ("strategy", False), ("labels", False), ("since", False)]
    return [*names, ("by", False)], [
        [
            _plain(it.model_id),
            _plain(cell_text(it.strategy)),
            _plain(" ".join(it.labels)),
            *_author(it.set_by),
        ]
        for it in models
    ]


def _marks(marks: list[MarkDocument]) -> Block:
    names = [("instrument", False), ("price", True), ("age", True)]
    return names, [
        [
            _plain(cell_text(it.instrument)),
            _amount(it.price),
            _plain(_span(it.age_seconds)),
        ]
        for it in marks
    ]


def _late(late: list[LateEventDocument]) -> Block:
    names = [("sequence", True), ("due", False), ("recorded", False), ("late by", True)]
    return [*names, ("what", False), ("id", False)], [
        [
            _plain(f"{it.sequence:,}.{it.index}"),
            _plain(rounded_moment(it.effective_at)),
            _plain(rounded_moment(it.recorded_at)),
            Text(rounded_span(it.late_by_seconds), "yellow"),
            _plain(cell_text(it.says)),
            _dim(it.id),
        ]
        for it in late
    ]


def _author(by: SetByDocument) -> list[Text]:
    return [
        _plain(f"{by.sequence:,}.{by.index}"),
        _plain(cell_text(by.actor)),
    ]


def _span(seconds: float | None) -> str:
    return "" if seconds is None else rounded_span(seconds)


def _amount(amount: str | None) -> Text:
    return Text(figure(None if amount is None else Decimal(amount)))


def _plain(text: str) -> Text:
    return Text(text)


def _dim(text: str) -> Text:
    return Text(text, "dim")
