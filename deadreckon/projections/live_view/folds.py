"""Folds of each event type into the live view."""

from collections.abc import Callable
from typing import Any

from deadreckon.accounting import ledger
from deadreckon.accounting.halts import acknowledge, impose
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    OperatorRefused,
    ResumeRequested,
)
from deadreckon.contracts.market import BarClosed, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderCancelling,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderSubmitting,
    OrderTriggered,
    OrderUnknown,
    OrderUnroutable,
)
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.contracts.signals import (
    CancelRaised,
    MessagesRefused,
    ReplaceRaised,
    SignalRaised,
    SignalRefused,
)
from deadreckon.contracts.venues import VenueCancelRejected, VenueConnectionChanged
from deadreckon.projections.live_view.downsample import Point
from deadreckon.projections.live_view.lines import (
    RECENT_LINES,
    LiveFill,
    LiveOrder,
    LiveRefusal,
    LiveView,
)

CANCELLING = "cancelling"  # kept until the order has ended, whatever the venue reports meanwhile


def _keep(kept: list[Any], item: Any) -> None:
    kept.append(item)
    if len(kept) > RECENT_LINES:
        del kept[0]


def _market(board: LiveView, record: Recorded[Any]) -> None:
    if not board.curve.is_due(record.at):
        return
    board.instrument = board.instrument or record.event.instrument
    price = ledger.mark(board.book, board.instrument)
    if price is not None:
        equity = ledger.equity(board.book).equity
        board.curve.add(Point(record.at, equity, price.price))


def _marked(board: LiveView, record: Recorded[EquityMarked]) -> None:
    board.marked = record.event


def _signal(board: LiveView, record: Recorded[Any]) -> None:
    board.signals += 1


def _refused(board: LiveView, record: Recorded[Any]) -> None:
    no = record.event
    board.refusals += 1
    board.refusals_by_rule[no.rule] = board.refusals_by_rule.get(no.rule, 0) + 1
    refusal = LiveRefusal(
        at=record.at,
        strategy=getattr(no, "strategy", record.source),
        instrument=getattr(no, "instrument", ""),
        rule=no.rule,
        limit=getattr(no, "limit", None),
        measured=getattr(no, "measured", None),
        reason=no.reason,
    )
    _keep(board.recent_refusals, refusal)


def _submitting(board: LiveView, record: Recorded[OrderSubmitting]) -> None:
    order = record.event
    board.orders += 1
    board.open_orders[order.order_id] = LiveOrder(
        number=board.orders,
        at=record.at,
        order_id=order.order_id,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        purpose=order.purpose,
        order_type=order.order_type,
        quantity=order.quantity,
        leaves=order.quantity,
        price=order.limit_price if order.stop_price is None else order.stop_price,
    )


def _accepted(board: LiveView, record: Recorded[OrderAccepted]) -> None:
    _stand(board, record.event.order_id, "open")


def _triggered(board: LiveView, record: Recorded[OrderTriggered]) -> None:
    _stand(board, record.event.order_id, "triggered")


def _unknown(board: LiveView, record: Recorded[OrderUnknown]) -> None:
    _stand(board, record.event.order_id, "unknown")


def _cancelling(board: LiveView, record: Recorded[OrderCancelling]) -> None:
    _stand(board, record.event.order_id, CANCELLING)


def _cancel_rejected(board: LiveView, record: Recorded[VenueCancelRejected]) -> None:
    order = board.open_orders.get(record.event.order_id)
    if order is not None:
        order.status = "open" if order.leaves == order.quantity else "partly filled"


def _connection(board: LiveView, record: Recorded[VenueConnectionChanged]) -> None:
    board.unreachable.pop(record.event.venue, None)
    if not record.event.connected:
        board.unreachable[record.event.venue] = record.event.reason


def _stand(board: LiveView, order_id: str, status: str) -> None:
    order = board.open_orders.get(order_id)
    if order is not None and order.status != CANCELLING:
        order.status = status


def _replaced(board: LiveView, record: Recorded[OrderReplaced]) -> None:
    change = record.event
    order = board.open_orders.get(change.order_id)
    if order is not None:
        order.quantity = change.quantity
        order.leaves = change.leaves
        order.price = change.limit_price if change.stop_price is None else change.stop_price


def _filled(board: LiveView, record: Recorded[OrderFilled]) -> None:
    fill = record.event
    if not ledger.is_new_fill(board.book, record):
        return
    board.fills += 1
    _keep(board.recent_fills, _fill(record.at, fill))
    order = board.open_orders.get(fill.order_id)
    if order is None:
        return
    order.leaves = fill.leaves
    order.price = fill.price
    _stand(board, fill.order_id, "partly filled")
    if not fill.leaves:
        _end(board, fill.order_id, "filled")


def _fill(at: int, fill: OrderFilled) -> LiveFill:
    return LiveFill(
        at=at,
        strategy=fill.strategy,
        instrument=fill.instrument,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        liquidity=fill.liquidity,
    )


def _cancelled(board: LiveView, record: Recorded[OrderCancelled]) -> None:
    _end(board, record.event.order_id, "cancelled", record.event.rule)


def _rejected(board: LiveView, record: Recorded[OrderRejected]) -> None:
    _end(board, record.event.order_id, "rejected", record.event.rule)


def _expired(board: LiveView, record: Recorded[OrderExpired]) -> None:
    _end(board, record.event.order_id, "expired")


def _end(board: LiveView, order_id: str, status: str, rule: str = "") -> None:
    order = board.open_orders.pop(order_id, None)
    if order is not None:
        order.status = status
        order.rule = rule
        _keep(board.ended_orders, order)


def _halt(board: LiveView, record: Recorded[Any]) -> None:
    impose(board.halts, record)


def _acknowledged(board: LiveView, record: Recorded[HaltAcknowledged]) -> None:
    acknowledge(board.halts, record)


def _resumed(board: LiveView, record: Recorded[ResumeRequested]) -> None:
    board.halts.clear()


FOLDS: dict[type[Event], Callable[[LiveView, Recorded[Any]], None]] = {
    BarClosed: _market,
    QuoteUpdated: _market,
    TradePrinted: _market,
    EquityMarked: _marked,
    SignalRaised: _signal,
    CancelRaised: _signal,
    ReplaceRaised: _signal,
    SignalRefused: _refused,
    MessagesRefused: _refused,
    OrderUnroutable: _refused,
    OperatorRefused: _refused,
    OrderSubmitting: _submitting,
    OrderAccepted: _accepted,
    OrderTriggered: _triggered,
    OrderUnknown: _unknown,
    OrderCancelling: _cancelling,
    VenueCancelRejected: _cancel_rejected,
    VenueConnectionChanged: _connection,
    OrderReplaced: _replaced,
    OrderFilled: _filled,
    OrderCancelled: _cancelled,
    OrderRejected: _rejected,
    OrderExpired: _expired,
    HaltRequested: _halt,
    HaltImposed: _halt,
    LogDamaged: _halt,
    HaltAcknowledged: _acknowledged,
    ResumeRequested: _resumed,
}
