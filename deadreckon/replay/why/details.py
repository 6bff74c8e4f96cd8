"""What stands beside an event: the market it met, what rules measured, what it did to the book."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from deadreckon.contracts.amounts import EXACT, canonical, text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed, MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import OrderApproved, OrderFilled, OrderRouted
from deadreckon.contracts.portfolio import EquityMarked, PositionChanged
from deadreckon.contracts.signals import SignalRaised, SignalReceived, SignalRefused
from deadreckon.formatting.exact import number, plain, span
from deadreckon.replay.why.causality import last_mark
from deadreckon.replay.why.detail import Detail, Details, exact_figures
from deadreckon.replay.why.event_index import Chronicle, Held
from deadreckon.replay.why.risk_recheck import Witness
from deadreckon.replay.why.rule_results import refused, weighed
from deadreckon.replay.why.trades import as_held, equity, filled, routed


def details(chronicle: Chronicle, witness: Witness, said: Recorded[Any]) -> list[Detail]:
    """Everything there is to say beside an event."""
    write = _WRITERS.get(type(said.event))
    return [] if write is None else list(write(chronicle, witness, said))


def price_of(event: Any) -> Decimal:
    """The one price of a row of the market: a close, a middle, a trade or a mark."""
    match event:
        case BarClosed(close=close):
            return close
        case QuoteUpdated(bid=bid, ask=ask):
            return canonical(EXACT.multiply(EXACT.add(bid, ask), Decimal("0.5")))
        case TradePrinted(price=price) | MarkUpdated(price=price):
            return price
    raise AssertionError(f"{type(event).__name__} has no price")


def _market(chronicle: Chronicle, said: Recorded[Any]) -> Details:
    name = chronicle.prices.get(said.id)
    if name is None:
        yield Detail("market", "no price of the instrument had been seen", said.id)
        return
    price = chronicle.facts[name]
    age = said.at - price.at
    found = price_of(price.event)
    kind = _KINDS[type(price.event)]
    shown = f"{price.event.instrument} at {number(found)}, {kind}, {span(max(age, 0))} old"
    yield Detail("market", shown, name, exact_figures(price=found, age_nanoseconds=str(age)))


_KINDS: dict[type, str] = {
    BarClosed: "the close of the last bar",
    QuoteUpdated: "the middle of the last quote",
    TradePrinted: "the last trade",
    MarkUpdated: "the venue's mark",
}


def _received(chronicle: Chronicle, witness: Witness, said: Recorded[SignalReceived]) -> Details:
    yield from _market(chronicle, said)
    if said.event.meta:
        meta = ", ".join(f"{plain(key)} {plain(it)}" for key, it in sorted(said.event.meta.items()))
        yield Detail("meta", f"the producer's own: {meta}", said.id, dict(said.event.meta))


def _raised(chronicle: Chronicle, witness: Witness, said: Recorded[SignalRaised]) -> Details:
    wish = said.event
    if not wish.producer:
        yield from _market(chronicle, said)
    if wish.features:
        shown = ", ".join(f"{plain(key)} {plain(it)}" for key, it in sorted(wish.features.items()))
        yield Detail("features", shown, said.id, dict(wish.features))
    if wish.model_id:
        model = chronicle.models.get(wish.model_id)
        shown = _model(chronicle, wish.model_id, model)
        yield Detail("model", shown, model or said.id, {"model_id": wish.model_id})


def _model(chronicle: Chronicle, model_id: str, fitted: str | None) -> str:
    if fitted is None:
        return f"{plain(model_id)}: its settings are all of it, nothing was fitted"
    model = chronicle.facts[fitted].event
    return (
        f"{plain(chronicle.names.shorten(model_id))}, {model.states} states "
        f"({', '.join(model.labels)}) fitted on {model.samples} bars"
    )


def _approved(chronicle: Chronicle, witness: Witness, said: Recorded[OrderApproved]) -> Details:
    yield from _market(chronicle, said)
    yield from weighed(chronicle, witness, said)


def _position(chronicle: Chronicle, witness: Witness, said: Recorded[PositionChanged]) -> Details:
    it = said.event
    totals = chronicle.totals[it.strategy, it.instrument]
    place = totals.index(said.id)
    if not place:
        yield Detail("before", f"{it.strategy} had never traded {it.instrument}", said.id)
        return
    before = chronicle.facts[totals[place - 1]]
    old = before.event
    changes = {
        name: EXACT.subtract(getattr(it, name), getattr(old, name))
        for name in ("quantity", "realised", "fees", "funding")
    }
    moved = ", ".join(f"{name} {_signed(by)}" for name, by in changes.items() if by)
    held = as_held(Held(old.quantity, old.average_price, old.realised))
    shown = f"{held}; changed: {moved or 'nothing'}"
    figures = {name: text(by) for name, by in changes.items()}
    yield Detail("before", shown, before.id, figures)


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{number(amount)}"


def _marked(chronicle: Chronicle, witness: Witness, said: Recorded[EquityMarked]) -> Details:
    before = last_mark(chronicle, said)
    if before is None:
        yield Detail("before", "equity had never been marked", said.id)
        return
    yield equity("before", before)
    names = ("equity", "realised", "unrealised", "fees", "funding")
    changes = {
        name: EXACT.subtract(getattr(said.event, name), getattr(before.event, name))
        for name in names
    }
    moved = ", ".join(f"{name} {_signed(by)}" for name, by in changes.items() if by)
    figures = {name: text(by) for name, by in changes.items()}
    yield Detail("changed", moved or "nothing", said.id, figures)


Writer = Callable[[Chronicle, Witness, Recorded[Any]], Details]

_WRITERS: dict[type, Writer] = {
    SignalReceived: _received,
    SignalRaised: _raised,
    SignalRefused: refused,
    OrderApproved: _approved,
    OrderRouted: routed,
    OrderFilled: filled,
    PositionChanged: _position,
    EquityMarked: _marked,
}
