"""What stands beside an event: the market it met, what rules measured, what it did to the book."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, canonical, ratio, text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed, MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import OrderApproved, OrderFilled, OrderRouted
from deadreckon.contracts.portfolio import EquityMarked, PositionChanged
from deadreckon.contracts.signals import SignalRaised, SignalReceived, SignalRefused
from deadreckon.replay.why.chronicle import Chronicle, Held
from deadreckon.replay.why.kinship import last_mark, next_mark
from deadreckon.replay.why.witness import Witness
from deadreckon.replay.words.exactly import SPANS, number, of_rule, percent, plain, span
from deadreckon.services.risk.explaining import Weighed


class Detail(Struct, frozen=True):
    """A line beside an event; `id` is the event it rests on, `figures` are exact texts.

    `is_bad` marks what refused, `is_minor` what may be left out further away from what was asked.
    """

    name: str
    text: str
    id: str
    figures: dict[str, str] = {}
    is_bad: bool = False
    is_minor: bool = False


Details = Iterator[Detail]


def details(chronicle: Chronicle, witness: Witness, said: Recorded[Any]) -> list[Detail]:
    """Everything there is to say beside an event."""
    write = _WRITERS.get(type(said.event))
    return [] if write is None else list(write(chronicle, witness, said))


def _figures(**amounts: Decimal | str | None) -> dict[str, str]:
    return {
        name: text(amount) if isinstance(amount, Decimal) else amount
        for name, amount in amounts.items()
        if amount is not None
    }


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
    yield Detail("market", shown, name, _figures(price=found, age_nanoseconds=str(age)))


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


def _weighed(chronicle: Chronicle, witness: Witness, said: Recorded[Any]) -> Details:
    """The rules that were asked: the one that refused first, then those with a number."""
    rules = witness.rules.get(said.cause or "", [])
    for rule in sorted(rules, key=lambda rule: rule.verdict != "refuses"):
        if rule.verdict == "refuses" or (rule.verdict == "passes" and rule.limit is not None):
            yield _rule(chronicle, said, rule)
    passed = [rule.rule for rule in rules if rule.verdict == "passes" and rule.limit is None]
    if passed:
        yield Detail("passed", f"without a number: {', '.join(passed)}", said.id, is_minor=True)
    for verdict, words in _UNHEARD.items():
        names = [rule.rule for rule in rules if rule.verdict == verdict]
        if names:
            count = f"{len(names)} rule{'s' if len(names) > 1 else ''}"
            figures = {"rules": ", ".join(names)}
            yield Detail(verdict, f"{words} {count}", said.id, figures, is_minor=True)


_UNHEARD = {
    "free": "an exit is not asked by",
    "off": "nothing is set, or there is nothing to say, for",
    "unasked": "not asked any more:",
}


def _rule(chronicle: Chronicle, said: Recorded[Any], rule: Weighed) -> Detail:
    refuses = rule.verdict == "refuses"
    parts = [
        f"limit {of_rule(rule.rule, rule.limit)}" if rule.limit is not None else "",
        f"measured {of_rule(rule.rule, rule.measured)}" if rule.measured is not None else "",
        _left(rule) if not refuses else "",
        plain(chronicle.names.shorten(rule.note)),
        _who_set(chronicle, rule.limit_set_by, why=refuses),
    ]
    figures = _figures(
        rule=rule.rule, limit=rule.limit, measured=rule.measured, limit_set_by=rule.limit_set_by
    )
    name = f"{'refused by' if refuses else 'passes'} {rule.rule}"
    shown = "; ".join(part for part in parts if part)
    return Detail(name, shown, rule.limit_set_by or said.id, figures, refuses, not refuses)


def _left(rule: Weighed) -> str:
    """What is left up to a limit that is a most, in the unit of the rule."""
    if rule.limit is None or rule.measured is None or not rule.rule.endswith("_max"):
        return ""
    left = EXACT.subtract(rule.limit, rule.measured)
    shown = span(int(left)) if rule.rule in SPANS else number(left)
    return f"{shown} left" if left >= 0 else ""


def _who_set(chronicle: Chronicle, name: str | None, *, why: bool) -> str:
    """`set by ann in limits-1: because`, for a limit or a halt."""
    fact = chronicle.facts.get(name or "")
    if fact is None:
        return f"set by {name}, which this part of the log does not hold" if name else ""
    actor = getattr(fact.event, "actor", "") or fact.source
    reason = getattr(fact.event, "reason", "")
    shown = f"set by {plain(actor)} in {chronicle.names.of('fact', fact.id)}"
    return f"{shown}: {plain(chronicle.names.shorten(reason))}" if reason and why else shown


def _refused(chronicle: Chronicle, witness: Witness, said: Recorded[SignalRefused]) -> Details:
    if said.cause in witness.rules:
        yield from _weighed(chronicle, witness, said)
        return
    no = said.event
    rule = Weighed(no.rule, "refuses", no.limit, no.measured, no.reason, no.limit_set_by)
    yield _rule(chronicle, said, rule)


def _approved(chronicle: Chronicle, witness: Witness, said: Recorded[OrderApproved]) -> Details:
    yield from _market(chronicle, said)
    yield from _weighed(chronicle, witness, said)


def _routed(chronicle: Chronicle, witness: Witness, said: Recorded[OrderRouted]) -> Details:
    """How the wish became whole lots."""
    routed = said.event
    approval = chronicle.facts.get(said.cause or "")
    if approval is None or not isinstance(approval.event, OrderApproved):
        return
    it = approval.event
    if it.notional is not None:
        worth = EXACT.multiply(routed.quantity, it.reference_price)
        shown = (
            f"{number(it.notional)} at {number(it.reference_price)} became "
            f"{number(routed.quantity)}, worth {number(worth)} there"
        )
        figures = _figures(notional=it.notional, quantity=routed.quantity, worth=worth)
        yield Detail("rounding", shown, said.id, figures)
    elif it.quantity is not None and it.quantity != routed.quantity:
        shown = f"{number(it.quantity)} became {number(routed.quantity)}"
        figures = _figures(wished=it.quantity, quantity=routed.quantity)
        yield Detail("rounding", shown, said.id, figures)


def _filled(chronicle: Chronicle, witness: Witness, said: Recorded[OrderFilled]) -> Details:
    fill = said.event
    yield _slippage("slippage", fill, fill.reference_price, "the market then", said.id)
    approval = _approval(chronicle, said)
    if approval is not None:
        mark = approval.event.reference_price
        yield _slippage("since the signal", fill, mark, "the mark of the decision", approval.id)
    move = chronicle.moves[said.id]
    if not move.is_new:
        yield Detail("repeated", "the venue told this trade before: it counts once", said.id)
        return
    yield Detail(
        "position",
        f"{fill.strategy} in {fill.instrument}: {_held(move.before)} became {_held(move.after)}",
        said.id,
        _figures(before=move.before.quantity, after=move.after.quantity),
    )
    realised = EXACT.subtract(move.after.realised, move.before.realised)
    net = EXACT.subtract(realised, fill.fee)
    shown = f"realised {number(realised)}, fee {number(fill.fee)} {fill.fee_currency}"
    figures = _figures(realised=canonical(realised), fee=fill.fee, fee_currency=fill.fee_currency)
    if fill.fee_currency == _quote_currency(chronicle, fill.instrument):
        shown, figures["net"] = f"{shown}, net {number(net)}", text(net)
    yield Detail("profit", shown, said.id, figures)
    yield from _equity_around(chronicle, said)
    for rule in witness.rooms.get(said.id, ()):
        yield _room(chronicle, said, rule)


def _quote_currency(chronicle: Chronicle, instrument: str) -> str:
    listing = chronicle.ledger.listings.get(instrument)
    return "" if listing is None else listing.quote_currency


def _approval(chronicle: Chronicle, said: Recorded[OrderFilled]) -> Recorded[OrderApproved] | None:
    """The approval of a fill's order; None for the legs of a bracket, which have none."""
    for name in chronicle.lives.get(said.event.order_id, ()):
        fact = chronicle.facts[name]
        if isinstance(fact.event, OrderApproved):
            return fact
        cause = chronicle.facts.get(fact.cause or "")
        if isinstance(fact.event, OrderRouted) and cause is not None:
            return cause
    return None


def _slippage(name: str, fill: OrderFilled, price: Decimal, what: str, at: str) -> Detail:
    worse = EXACT.subtract(fill.price, price)
    worse = worse if fill.side == "buy" else worse.copy_negate()
    if not price:
        return Detail(name, f"{what} was 0", at)
    points = ratio(worse.scaleb(4), price, 4)
    word = "worse" if worse > 0 else "better"
    shown = f"{number(worse.copy_abs())} ({number(points.copy_abs())} bp) {word} than {what}"
    if not worse:
        shown = f"none against {what}"
    figures = _figures(price=fill.price, against=price, basis_points=points)
    return Detail(name, f"{shown}, {number(price)}", at, figures)


def _held(held: Held) -> str:
    if not held.quantity:
        return "flat"
    return f"{number(held.quantity)} at {number(held.average_price)}"


def _equity_around(chronicle: Chronicle, said: Recorded[Any]) -> Details:
    for name, mark in (
        ("equity before", last_mark(chronicle, said)),
        ("equity after", next_mark(chronicle, said)),
    ):
        if mark is not None:
            yield _equity(name, mark)


def _equity(name: str, mark: Recorded[EquityMarked]) -> Detail:
    it = mark.event
    shown = f"{number(it.equity)} {it.currency}, drawdown {percent(it.drawdown)}"
    figures = _figures(equity=it.equity, drawdown=it.drawdown, currency=it.currency)
    return Detail(name, shown, mark.id, figures, is_minor=True)


def _room(chronicle: Chronicle, said: Recorded[Any], rule: Weighed) -> Detail:
    measured = "unknown" if rule.measured is None else of_rule(rule.rule, rule.measured)
    limit = of_rule(rule.rule, rule.limit) if rule.limit is not None else "none"
    left = _left(rule) or ("beyond it" if rule.verdict == "refuses" else "")
    shown = "; ".join(part for part in (f"limit {limit}", f"now {measured}", left) if part)
    figures = _figures(rule=rule.rule, limit=rule.limit, measured=rule.measured)
    is_bad = rule.verdict == "refuses"
    return Detail(
        f"room {rule.rule}", shown, rule.limit_set_by or said.id, figures, is_bad, not is_bad
    )


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
    held = _held(Held(old.quantity, old.average_price, old.realised))
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
    yield _equity("before", before)
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
    SignalRefused: _refused,
    OrderApproved: _approved,
    OrderRouted: _routed,
    OrderFilled: _filled,
    PositionChanged: _position,
    EquityMarked: _marked,
}
