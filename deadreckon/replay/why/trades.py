"""Details of trades: rounding, slippage, position, profit, equity and headroom."""

from decimal import Decimal
from typing import Any

from deadreckon.contracts.amounts import EXACT, canonical, ratio, text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderApproved, OrderFilled, OrderRouted
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.formatting.exact import number, percent
from deadreckon.replay.why.causality import last_mark, next_mark
from deadreckon.replay.why.detail import Detail, Details, exact_figures
from deadreckon.replay.why.event_history import EventHistory, PositionFigures
from deadreckon.replay.why.risk_recheck import RiskRecheck
from deadreckon.replay.why.rule_results import headroom_detail


def routing_details(
    history: EventHistory, recheck: RiskRecheck, record: Recorded[OrderRouted]
) -> Details:
    """Yield how the order was rounded to whole lots."""
    routed = record.event
    approval = history.facts.get(record.cause or "")
    if approval is None or not isinstance(approval.event, OrderApproved):
        return
    it = approval.event
    if it.notional is not None:
        worth = EXACT.multiply(routed.quantity, it.reference_price)
        shown = (
            f"{number(it.notional)} at {number(it.reference_price)} became "
            f"{number(routed.quantity)}, worth {number(worth)} there"
        )
        figures = exact_figures(notional=it.notional, quantity=routed.quantity, worth=worth)
        yield Detail("rounding", shown, record.id, figures)
    elif it.quantity is not None and it.quantity != routed.quantity:
        shown = f"{number(it.quantity)} became {number(routed.quantity)}"
        figures = exact_figures(wished=it.quantity, quantity=routed.quantity)
        yield Detail("rounding", shown, record.id, figures)


def fill_details(
    history: EventHistory, recheck: RiskRecheck, record: Recorded[OrderFilled]
) -> Details:
    """Yield a fill's slippage, and its effect on position, profit, equity and headroom."""
    fill = record.event
    yield _slippage("slippage", fill, fill.reference_price, "the market then", record.id)
    approval = _approval(history, record)
    if approval is not None:
        mark = approval.event.reference_price
        yield _slippage("since the signal", fill, mark, "the mark of the decision", approval.id)
    move = history.moves[record.id]
    if not move.is_new:
        yield Detail("repeated", "the venue reported this trade before: it counts once", record.id)
        return
    became = f"{holding_text(move.before)} became {holding_text(move.after)}"
    yield Detail(
        "position",
        f"{fill.strategy} in {fill.instrument}: {became}",
        record.id,
        exact_figures(before=move.before.quantity, after=move.after.quantity),
    )
    realised = EXACT.subtract(move.after.realised, move.before.realised)
    net = EXACT.subtract(realised, fill.fee)
    shown = f"realised {number(realised)}, fee {number(fill.fee)} {fill.fee_currency}"
    figures = exact_figures(
        realised=canonical(realised), fee=fill.fee, fee_currency=fill.fee_currency
    )
    if fill.fee_currency == _quote_currency(history, fill.instrument):
        shown, figures["net"] = f"{shown}, net {number(net)}", text(net)
    yield Detail("profit", shown, record.id, figures)
    yield from _equity_around(history, record)
    for rule in recheck.rooms.get(record.id, ()):
        yield headroom_detail(record, rule)


def _quote_currency(history: EventHistory, instrument: str) -> str:
    listing = history.ledger.listings.get(instrument)
    return "" if listing is None else listing.quote_currency


def _approval(
    history: EventHistory, record: Recorded[OrderFilled]
) -> Recorded[OrderApproved] | None:
    """Return the approval of a fill's order; None for the legs of a bracket, which have none."""
    for name in history.lifecycles.get(record.event.order_id, ()):
        fact = history.facts[name]
        if isinstance(fact.event, OrderApproved):
            return fact
        cause = history.facts.get(fact.cause or "")
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
    figures = exact_figures(price=fill.price, against=price, basis_points=points)
    return Detail(name, f"{shown}, {number(price)}", at, figures)


def holding_text(held: PositionFigures) -> str:
    """Format a position as `0.5 at 100`, or flat."""
    if not held.quantity:
        return "flat"
    return f"{number(held.quantity)} at {number(held.average_price)}"


def _equity_around(history: EventHistory, record: Recorded[Any]) -> Details:
    for name, mark in (
        ("equity before", last_mark(history, record)),
        ("equity after", next_mark(history, record)),
    ):
        if mark is not None:
            yield equity_detail(name, mark)


def equity_detail(name: str, mark: Recorded[EquityMarked]) -> Detail:
    """Make the detail of an equity mark."""
    it = mark.event
    shown = f"{number(it.equity)} {it.currency}, drawdown {percent(it.drawdown)}"
    figures = exact_figures(equity=it.equity, drawdown=it.drawdown, currency=it.currency)
    return Detail(name, shown, mark.id, figures, is_minor=True)
