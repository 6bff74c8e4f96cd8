"""Reports of a real venue about our orders, and the order events that follow from them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderCancelling,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
)
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueOrderNotSent,
    VenueOrderRejected,
    VenueRequestUnanswered,
    VenueTradeReported,
)
from deadreckon.services.fill import endings, overdue, venue_discrepancies
from deadreckon.services.fill.order_table import answer_to
from deadreckon.services.fill.state import (
    Ending,
    Order,
    State,
    find,
    find_remembered,
    leaves_of,
    status_of,
    trade_of,
)

HALF = Decimal("0.5")

# The columns of the table; the trade of an order that nobody remembers is answered apart.
REPORT_COLUMNS: dict[type[Event], str] = {
    VenueOrderAccepted: "accepted",
    VenueOrderRejected: "rejected",
    VenueOrderNotSent: "not_sent",
    VenueRequestUnanswered: "unanswered",
    VenueOrderMissing: "missing",
    VenueTradeReported: "trade",
    VenueOrderEnded: "ended",
    VenueCancelRejected: "cancel_rejected",
}


def record_ending(state: State, record: Recorded[VenueOrderEnded]) -> None:
    """Remember the end until all trades before it are recorded; the greater count is right."""
    order, report = find(state, record.event.order_id), record.event
    if order is None:
        return
    at, filled = record.at, report.filled
    if order.ending is not None:
        at, filled = order.ending.at, max(filled, order.ending.filled)
    order.ending = Ending(report.outcome, filled, report.reason, at)
    overdue.update_timer(state, order)


def record_cancelling(state: State, record: Recorded[OrderCancelling]) -> None:
    """Note that a cancel was requested at the venue; until it answers, the order may still fill."""
    order = find_remembered(state, record.event.order_id)
    if order is None:
        return
    order.cancelling, order.cancelling_reason = record.event.rule, record.event.reason
    order.cancelling_at = record.at
    order.refused = False
    state.expiring.pop(order.order_id, None)
    if order.order_id in state.instruments:
        overdue.update_timer(state, order)


def record_cancel_answer(state: State, order_id: str, *, refused: bool) -> None:
    """Note that the venue did not cancel: the order had ended, and its end is reported.

    Where it then leaves a cancel unanswered, it is being asked again.
    """
    order = find(state, order_id)
    if order is not None:
        order.refused = refused
        overdue.update_timer(state, order)


def events_of_report(state: State, record: Recorded[Any]) -> list[Event]:
    """Answer a report with the order's own events."""
    report = record.event
    if isinstance(report, VenueRequestUnanswered) and report.request != "submit":
        return []
    word = answer_to(status_of(state, report.order_id), REPORT_COLUMNS[type(report)])
    if word == ".":
        return []
    return _ANSWERS[word](state, record)


def _accept(state: State, record: Recorded[VenueOrderAccepted]) -> list[Event]:
    return [OrderAccepted(record.event.order_id, record.event.venue_order_id)]


def _reject(state: State, record: Recorded[VenueOrderRejected | VenueOrderNotSent]) -> list[Event]:
    return [OrderRejected(record.event.order_id, record.event.rule, record.event.reason)]


def _lose(state: State, record: Recorded[VenueRequestUnanswered]) -> list[Event]:
    order = find(state, record.event.order_id)
    assert order is not None, f"{record.event.order_id} is on its way, and yet not open"
    name, since = order.client_order_id, order.submitted_at
    return [OrderUnknown(order.order_id, name, since, record.event.reason)]


def _end(state: State, record: Recorded[VenueOrderEnded]) -> list[Event]:
    return endings.end_events(find(state, record.event.order_id))


def _recall(state: State, record: Recorded[VenueOrderAccepted]) -> list[Event]:
    """Reinstate an order that counted as rejected but lives at the venue after a late request."""
    order = find_remembered(state, record.event.order_id)
    if order is None:
        return []
    return endings.cancel(order, "resurfaced", "the venue works an order that had been given up")


def _halt(state: State, record: Recorded[VenueTradeReported]) -> list[Event]:
    return venue_discrepancies.halt_for_trade(state, record, None)


def _fill(state: State, record: Recorded[VenueTradeReported]) -> list[Event]:
    """Book a trade that was not counted yet, whatever its order is by now."""
    order = find_remembered(state, record.event.order_id)
    if order is None:  # it was rejected here before there was an intent
        return venue_discrepancies.halt_for_trade(state, record, None)
    fill = _filled(state, order, record.event)
    is_known = dedup.find(state.trades, trade_of(fill)) is not None
    if is_known or trade_of(fill) in order.trades:
        return []
    return [fill, *venue_discrepancies.halt_for_trade(state, record, order)]


def _filled(state: State, order: Order, trade: VenueTradeReported) -> OrderFilled:
    leaves = leaves_of(order)
    if trade.side == order.side:
        leaves = max(ZERO, EXACT.subtract(leaves, trade.quantity))
    return OrderFilled(
        order_id=order.order_id,
        trade_id=trade.trade_id,
        strategy=order.strategy,
        instrument=order.instrument,
        venue=order.venue,
        side=trade.side,
        quantity=trade.quantity,
        price=trade.price,
        leaves=leaves,
        liquidity=trade.liquidity,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        reference_price=_reference(state, order.instrument) or trade.price,
    )


def _reference(state: State, instrument: str) -> Decimal | None:
    """Return the middle of the last price seen, in quote currency."""
    market = state.markets.get(instrument)
    if market is None:
        return None
    return EXACT.multiply(EXACT.add(market.last.bid, market.last.ask), HALF)


_ANSWERS: dict[str, Callable[[State, Recorded[Any]], list[Event]]] = {
    "accepted": _accept,
    "rejected": _reject,
    "unknown": _lose,
    "filled": _fill,
    "end": _end,
    "cancelling": _recall,
    "halt": _halt,
}
