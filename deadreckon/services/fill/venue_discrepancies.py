"""Halts where a real venue contradicts the log: its positions may not be what the log says."""

from decimal import Decimal

from deadreckon.accounting.halts import holds
from deadreckon.contracts.amounts import EXACT
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import HaltImposed
from deadreckon.contracts.venues import (
    VenueForeignTradeReported,
    VenueReconciled,
    VenueReportRefused,
    VenueTradeReported,
)
from deadreckon.services.fill.state import Order, State, leaves_of

NAMED = 3  # external orders that the reason names; all of them stand in the report


def halt_for_trade(
    state: State, record: Recorded[VenueTradeReported], order: Order | None
) -> list[Event]:
    """Halt for a trade that its order cannot have had, or whose order is unknown."""
    trade = record.event
    what = f"{trade.side} {trade.quantity} at {trade.price} ({trade.venue} trade {trade.trade_id})"
    if order is None:
        reason = f"{what} is of the order {trade.order_id}, which nobody remembers"
        return _halt(state, record.at, "all", "venue_unknown_order", None, trade.quantity, reason)
    if trade.side != order.side:
        reason = f"{what} is on the other side than its order {order.order_id}"
        return _halt(state, record.at, "all", "venue_wrong_side", None, trade.quantity, reason)
    if trade.quantity > leaves_of(order):
        measured = EXACT.add(order.filled, trade.quantity)
        reason = f"{what} is more than was left of the order {order.order_id}"
        return _halt(state, record.at, "all", "venue_overfill", order.quantity, measured, reason)
    return []


def halt_for_external_orders(state: State, record: Recorded[VenueReconciled]) -> list[Event]:
    """Halt for orders at the venue that this log never intended: others trade the account."""
    external = record.event.strangers
    if not external:
        return []
    names = ", ".join(external[:NAMED]) + (", ..." if len(external) > NAMED else "")
    reason = f"{record.event.venue} works orders that this log never intended: {names}"
    count = Decimal(len(external))
    return _halt(state, record.at, "close_only", "venue_strangers", None, count, reason)


def halt_for_refused_report(state: State, record: Recorded[VenueReportRefused]) -> list[Event]:
    """Halt for a trade that its edge refused: no position here will ever include it."""
    no = record.event
    if not no.number:
        return []
    reason = f"trade {no.number} of {no.venue} is not believed ({no.rule}): {no.reason}"
    if no.rule == "unknown_order":
        return _halt(state, record.at, "close_only", "venue_strangers", None, None, reason)
    return _halt(state, record.at, "all", "venue_unbelievable_trade", None, None, reason)


def halt_for_foreign_trade(
    state: State, record: Recorded[VenueForeignTradeReported]
) -> list[Event]:
    """Halt entries: the account holds what no position here shows."""
    trade = record.event
    figures = f"{trade.side} {trade.quantity} {trade.symbol} at {trade.price}"
    reason = f"trade {trade.trade_id} of {trade.venue} ({figures}) is of no order here"
    return _halt(state, record.at, "close_only", "venue_strangers", None, None, reason)


def _halt(
    state: State,
    at: int,
    scope: HaltScope,
    rule: str,
    limit: Decimal | None,
    measured: Decimal | None,
    reason: str,
) -> list[Event]:
    """Return the halt, unless one by the same rule is in force."""
    if any(halt.rule == rule and holds(halt, at) for halt in state.halts.values()):
        return []
    return [HaltImposed(scope, rule, limit, measured, limit_set_by=None, reason=reason)]
