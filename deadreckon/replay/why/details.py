"""Details of an event: the market price, what rules measured, the effect on the book."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from deadreckon.contracts.amounts import EXACT, canonical, text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed, MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import OrderApproved, OrderFilled, OrderRouted
from deadreckon.contracts.portfolio import EquityMarked, PositionChanged
from deadreckon.contracts.signals import (
    MessagesRefused,
    SignalRaised,
    SignalReceived,
    SignalRefused,
)
from deadreckon.formatting.exact import number
from deadreckon.formatting.text import safe_text
from deadreckon.formatting.times import span
from deadreckon.replay.why.causality import last_mark
from deadreckon.replay.why.detail import Detail, Details, exact_figures
from deadreckon.replay.why.event_history import EventHistory, PositionFigures
from deadreckon.replay.why.risk_recheck import RiskRecheck
from deadreckon.replay.why.rule_results import refusal_details, rule_details
from deadreckon.replay.why.trades import equity_detail, fill_details, holding_text, routing_details


def details(history: EventHistory, recheck: RiskRecheck, record: Recorded[Any]) -> list[Detail]:
    """Return all details of an event."""
    write = _WRITERS.get(type(record.event))
    return [] if write is None else list(write(history, recheck, record))


def price_of(event: Any) -> Decimal:
    """Return the price of a market event: a close, a mid, a trade or a mark."""
    match event:
        case BarClosed(close=close):
            return close
        case QuoteUpdated(bid=bid, ask=ask):
            return canonical(EXACT.multiply(EXACT.add(bid, ask), Decimal("0.5")))
        case TradePrinted(price=price) | MarkUpdated(price=price):
            return price
    raise AssertionError(f"{type(event).__name__} has no price")


def _market(history: EventHistory, record: Recorded[Any]) -> Details:
    name = history.prices.get(record.id)
    if name is None:
        yield Detail("market", "no price of the instrument had been seen", record.id)
        return
    price = history.facts[name]
    age = record.at - price.at
    found = price_of(price.event)
    by = getattr(price.event, "actor", "")
    kind = f"stated by {safe_text(by)}" if by else _KINDS[type(price.event)]
    shown = f"{price.event.instrument} at {number(found)}, {kind}, {span(max(age, 0))} old"
    yield Detail("market", shown, name, exact_figures(price=found, age_nanoseconds=str(age)))


_KINDS: dict[type, str] = {
    BarClosed: "the close of the last bar",
    QuoteUpdated: "the middle of the last quote",
    TradePrinted: "the last trade",
    MarkUpdated: "the venue's mark",
}


def _received(
    history: EventHistory, recheck: RiskRecheck, record: Recorded[SignalReceived]
) -> Details:
    yield from _market(history, record)
    if record.event.meta:
        meta = ", ".join(
            f"{safe_text(key)} {safe_text(it)}" for key, it in sorted(record.event.meta.items())
        )
        yield Detail("meta", f"the producer's own: {meta}", record.id, dict(record.event.meta))


def _raised(history: EventHistory, recheck: RiskRecheck, record: Recorded[SignalRaised]) -> Details:
    signal = record.event
    if not signal.producer:
        yield from _market(history, record)
    if signal.features:
        shown = ", ".join(
            f"{safe_text(key)} {safe_text(it)}" for key, it in sorted(signal.features.items())
        )
        yield Detail("features", shown, record.id, dict(signal.features))
    if signal.model_id:
        model = history.models.get(signal.model_id)
        shown = _model(history, signal.model_id, model)
        yield Detail("model", shown, model or record.id, {"model_id": signal.model_id})


def _model(history: EventHistory, model_id: str, fitted: str | None) -> str:
    if fitted is None:
        return f"{safe_text(model_id)}: its settings are all of it, nothing was fitted"
    model = history.facts[fitted].event
    return (
        f"{safe_text(history.names.shorten(model_id))}, {model.states} states "
        f"({', '.join(model.labels)}) fitted on {model.samples} bars"
    )


def _approved(
    history: EventHistory, recheck: RiskRecheck, record: Recorded[OrderApproved]
) -> Details:
    yield from _market(history, record)
    yield from rule_details(history, recheck, record)


def _position(
    history: EventHistory, recheck: RiskRecheck, record: Recorded[PositionChanged]
) -> Details:
    it = record.event
    totals = history.totals[it.strategy, it.instrument]
    index = totals.index(record.id)
    if not index:
        yield Detail("before", f"{it.strategy} had never traded {it.instrument}", record.id)
        return
    before = history.facts[totals[index - 1]]
    old = before.event
    changes = {
        name: EXACT.subtract(getattr(it, name), getattr(old, name))
        for name in ("quantity", "realised", "fees", "funding")
    }
    moved = ", ".join(f"{name} {_signed(by)}" for name, by in changes.items() if by)
    held = holding_text(PositionFigures(old.quantity, old.average_price, old.realised))
    shown = f"{held}; changed: {moved or 'nothing'}"
    figures = {name: text(by) for name, by in changes.items()}
    yield Detail("before", shown, before.id, figures)


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{number(amount)}"


def _marked(history: EventHistory, recheck: RiskRecheck, record: Recorded[EquityMarked]) -> Details:
    before = last_mark(history, record)
    if before is None:
        yield Detail("before", "equity had never been marked", record.id)
        return
    yield equity_detail("before", before)
    names = ("equity", "realised", "unrealised", "fees", "funding")
    changes = {
        name: EXACT.subtract(getattr(record.event, name), getattr(before.event, name))
        for name in names
    }
    moved = ", ".join(f"{name} {_signed(by)}" for name, by in changes.items() if by)
    figures = {name: text(by) for name, by in changes.items()}
    yield Detail("changed", moved or "nothing", record.id, figures)


Writer = Callable[[EventHistory, RiskRecheck, Recorded[Any]], Details]

_WRITERS: dict[type, Writer] = {
    SignalReceived: _received,
    SignalRaised: _raised,
    SignalRefused: refusal_details,
    MessagesRefused: refusal_details,
    OrderApproved: _approved,
    OrderRouted: routing_details,
    OrderFilled: fill_details,
    PositionChanged: _position,
    EquityMarked: _marked,
}
