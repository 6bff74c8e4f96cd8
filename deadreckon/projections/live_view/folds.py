"""How each event moves the board."""

from collections.abc import Callable
from typing import Any

from deadreckon.accounting import ledger
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
from deadreckon.contracts.signals import CancelRaised, ReplaceRaised, SignalRaised, SignalRefused
from deadreckon.contracts.venues import VenueCancelRejected, VenueConnectionChanged
from deadreckon.projections.live_view.downsample import Point
from deadreckon.projections.live_view.lines import RECENT, Board, Fill, Halt, Order, Refusal

CANCELLING = "cancelling"  # whatever else its venue says of it until it is gone


def _keep(kept: list[Any], item: Any) -> None:
    kept.append(item)
    if len(kept) > RECENT:
        del kept[0]


def _market(board: Board, said: Recorded[Any]) -> None:
    if not board.curve.is_due(said.at):
        return
    board.instrument = board.instrument or said.event.instrument
    price = ledger.mark(board.book, board.instrument)
    if price is not None:
        equity = ledger.equity(board.book).equity
        board.curve.add(Point(said.at, equity, price.price))


def _marked(board: Board, said: Recorded[EquityMarked]) -> None:
    board.marked = said.event


def _signal(board: Board, said: Recorded[Any]) -> None:
    board.signals += 1


def _refused(board: Board, said: Recorded[Any]) -> None:
    no = said.event
    board.refusals += 1
    board.refusals_by_rule[no.rule] = board.refusals_by_rule.get(no.rule, 0) + 1
    refusal = Refusal(
        at=said.at,
        strategy=getattr(no, "strategy", said.source),
        instrument=getattr(no, "instrument", ""),
        rule=no.rule,
        limit=getattr(no, "limit", None),
        measured=getattr(no, "measured", None),
        reason=no.reason,
    )
    _keep(board.recent_refusals, refusal)


def _submitting(board: Board, said: Recorded[OrderSubmitting]) -> None:
    order = said.event
    board.orders += 1
    board.open_orders[order.order_id] = Order(
        number=board.orders,
        at=said.at,
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


def _accepted(board: Board, said: Recorded[OrderAccepted]) -> None:
    _stand(board, said.event.order_id, "open")


def _triggered(board: Board, said: Recorded[OrderTriggered]) -> None:
    _stand(board, said.event.order_id, "triggered")


def _unknown(board: Board, said: Recorded[OrderUnknown]) -> None:
    _stand(board, said.event.order_id, "unknown")


def _cancelling(board: Board, said: Recorded[OrderCancelling]) -> None:
    _stand(board, said.event.order_id, CANCELLING)


def _cancel_rejected(board: Board, said: Recorded[VenueCancelRejected]) -> None:
    order = board.open_orders.get(said.event.order_id)
    if order is not None:
        order.status = "open" if order.leaves == order.quantity else "partly filled"


def _connection(board: Board, said: Recorded[VenueConnectionChanged]) -> None:
    board.unreachable.pop(said.event.venue, None)
    if not said.event.connected:
        board.unreachable[said.event.venue] = said.event.reason


def _stand(board: Board, order_id: str, status: str) -> None:
    order = board.open_orders.get(order_id)
    if order is not None and order.status != CANCELLING:
        order.status = status


def _replaced(board: Board, said: Recorded[OrderReplaced]) -> None:
    change = said.event
    order = board.open_orders.get(change.order_id)
    if order is not None:
        order.quantity = change.quantity
        order.leaves = change.leaves
        order.price = change.limit_price if change.stop_price is None else change.stop_price


def _filled(board: Board, said: Recorded[OrderFilled]) -> None:
    fill = said.event
    if not ledger.is_new(board.book, said):
        return
    board.fills += 1
    _keep(board.recent_fills, _fill(said.at, fill))
    order = board.open_orders.get(fill.order_id)
    if order is None:
        return
    order.leaves = fill.leaves
    order.price = fill.price
    _stand(board, fill.order_id, "partly filled")
    if not fill.leaves:
        _end(board, fill.order_id, "filled")


def _fill(at: int, fill: OrderFilled) -> Fill:
    return Fill(
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


def _cancelled(board: Board, said: Recorded[OrderCancelled]) -> None:
    _end(board, said.event.order_id, "cancelled", said.event.rule)


def _rejected(board: Board, said: Recorded[OrderRejected]) -> None:
    _end(board, said.event.order_id, "rejected", said.event.rule)


def _expired(board: Board, said: Recorded[OrderExpired]) -> None:
    _end(board, said.event.order_id, "expired")


def _end(board: Board, order_id: str, status: str, rule: str = "") -> None:
    order = board.open_orders.pop(order_id, None)
    if order is not None:
        order.status = status
        order.rule = rule
        _keep(board.ended_orders, order)


def _halt(board: Board, said: Recorded[Any]) -> None:
    board.halts = {name: one for name, one in board.halts.items() if not one.is_over(board.at)}
    board.halts[said.id] = _halt_of(said.at, said.event)


def _halt_of(at: int, event: HaltRequested | HaltImposed | LogDamaged) -> Halt:
    match event:
        case HaltRequested(actor=actor, reason=reason, scope=scope):
            return Halt(at, scope, actor, reason)
        case HaltImposed(rule=rule, reason=reason, scope=scope, until=until):
            return Halt(at, scope, rule, reason, until)
        case LogDamaged(subject=subject, reason=reason):
            return Halt(at, "all", "log_damaged", f"{subject}: {reason}")


def _acknowledged(board: Board, said: Recorded[HaltAcknowledged]) -> None:
    halt = board.halts.get(said.event.halt_id)
    if halt is not None and said.source not in halt.acknowledged:
        halt.acknowledged.append(said.source)


def _resumed(board: Board, said: Recorded[ResumeRequested]) -> None:
    board.halts = {}


FOLDS: dict[type[Event], Callable[[Board, Recorded[Any]], None]] = {
    BarClosed: _market,
    QuoteUpdated: _market,
    TradePrinted: _market,
    EquityMarked: _marked,
    SignalRaised: _signal,
    CancelRaised: _signal,
    ReplaceRaised: _signal,
    SignalRefused: _refused,
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
