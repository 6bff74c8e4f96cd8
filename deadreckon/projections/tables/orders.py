"""Every order from approval to its end: one row an order, as of its last event."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any

from msgspec.structs import replace

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import (
    OrderAccepted,
    OrderApproved,
    OrderCancelled,
    OrderCancelling,
    OrderExpired,
    OrderFilled,
    OrderOverdue,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSubmitting,
    OrderTriggered,
    OrderUnknown,
    OrderUnroutable,
)
from deadreckon.contracts.venues import VenueCancelRejected
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import rounded_product, rounded_quotient, total

# Events for a finished order are rare: a late fill, a late report of the venue.
ENDED = frozenset({"unroutable", "split", "filled", "cancelled", "rejected", "expired"})
BEGINS = (OrderApproved, OrderRouted, OrderSubmitting)


class OrderRow(TableRow, frozen=True, array_like=True, gc=False):
    """One order. Prices in quote currency, times in decision time (nanoseconds UTC)."""

    order_id: Annotated[str, "id for all its life"] = ""
    parent_id: Annotated[str, "the approved order, or the filled entry of a bracket's leg"] = ""
    status: Annotated[
        str,
        "approved, unroutable, split, routed, submitting, accepted, triggered, "
        "partially_filled, filled, cancelled, rejected, expired or unknown",
    ] = ""
    signal_id: Annotated[str, "the signal it came from"] = ""
    producer: Annotated[str, "who sent the signal; empty for built-in strategies"] = ""
    strategy: Annotated[str, "strategy that owns the order"] = ""
    instrument: Annotated[str, "SYMBOL.VENUE"] = ""
    venue: Annotated[str, "where it was routed; empty before"] = ""
    client_order_id: Annotated[str, "what the venue knows it by"] = ""
    venue_order_id: Annotated[str, "the venue's own name of it"] = ""
    side: Annotated[str, "buy or sell"] = ""
    purpose: Annotated[
        str, "entry, exit (an entry that may only reduce), stop_loss, take_profit or flatten"
    ] = ""
    order_type: Annotated[str, "market, limit, stop or stop_limit"] = ""
    time_in_force: Annotated[str, "gtc, ioc or fok"] = ""
    post_only: Annotated[bool, "only as a maker"] = False
    reduce_only: Annotated[bool, "only to make a position smaller"] = False
    quantity: Annotated[Decimal | None, "base units or contracts, as routed or replaced"] = None
    notional: Annotated[Decimal | None, "quote currency, where approved so"] = None
    limit_price: Annotated[Decimal | None, "quote currency"] = None
    stop_price: Annotated[Decimal | None, "quote currency"] = None
    stop_loss: Annotated[Decimal | None, "price that protects it when filled"] = None
    take_profit: Annotated[Decimal | None, "price at which its profit is taken"] = None
    reference_price: Annotated[Decimal | None, "the mark that risk weighed with"] = None
    expires_at: Annotated[int | None, "when it is void"] = None
    filled_quantity: Annotated[Decimal, "traded so far"] = Decimal(0)
    filled_value: Annotated[Decimal, "sum of quantity x price so far"] = Decimal(0)
    average_price: Annotated[Decimal | None, "filled_value / filled_quantity, 18 decimals"] = None
    leaves: Annotated[Decimal | None, "still open; what was untraded at its end"] = None
    fills: Annotated[int, "how many fills it had"] = 0
    children: Annotated[int, "how many orders it was split into; 1: not split"] = 1
    cancelling: Annotated[str, "the rule by which a real venue is asked to cancel it"] = ""
    rule: Annotated[str, "why it was refused or cancelled, for machines"] = ""
    reason: Annotated[str, "the same, for people"] = ""
    approved_at: Annotated[int | None, "risk let it pass"] = None
    routed_at: Annotated[int | None, "the router named its venue"] = None
    submitted_at: Annotated[int | None, "its intent was recorded"] = None
    accepted_at: Annotated[int | None, "the venue took it"] = None
    triggered_at: Annotated[int | None, "its stop was reached"] = None
    overdue_at: Annotated[int | None, "the alarm that its venue owes an answer for too long"] = None
    first_filled_at: Annotated[int | None, "it traded first"] = None
    ended_at: Annotated[int | None, "nothing of it was open any more"] = None


def keys(record: Recorded[Any]) -> Sequence[tuple[str, ...]]:
    """Return the keys of the orders an event concerns; the first child of a split also marks its
    parent."""
    event = record.event
    if type(event) is OrderRouted and event.children > 1 and event.child == 0:
        return ((event.order_id,), (event.parent_id,))
    return ((event.order_id,),)


def initial() -> OrderRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    """Return the order's row after an event."""
    fold = _FOLDS.get(type(record.event))
    return fold(row, record) if fold else row


def _approved(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    order: OrderApproved = record.event
    return OrderRow(
        *origin(record),
        order_id=order.order_id,
        parent_id=order.order_id,
        status="approved",
        signal_id=order.signal_id,
        producer=order.producer,
        strategy=order.strategy,
        instrument=order.instrument,
        side=order.side,
        purpose=_purpose(order),
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        quantity=order.quantity,
        notional=order.notional,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        reference_price=order.reference_price,
        expires_at=order.expires_at,
        approved_at=record.at,
    )


def _routed(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    order: OrderRouted = record.event
    if row.order_id == order.parent_id != order.order_id:
        ended = {"status": "split", "children": order.children, "ended_at": record.at}
        return replace(row, event_id=record.id, at=record.at, **ended)
    return replace(
        _ordered(row, record),
        status="routed",
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        routed_at=record.at,
    )


def _submitting(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return replace(_ordered(row, record), status="submitting", submitted_at=record.at)


def _ordered(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    """Return the row with the fields that `OrderRouted` and `OrderSubmitting` share."""
    order: OrderRouted | OrderSubmitting = record.event
    return replace(
        row,
        event_id=record.id,
        at=record.at,
        book=record.book,
        mode=record.mode,
        order_id=order.order_id,
        parent_id=order.parent_id,
        signal_id=order.signal_id,
        producer=order.producer,
        strategy=order.strategy,
        instrument=order.instrument,
        venue=order.venue,
        client_order_id=order.client_order_id,
        side=order.side,
        purpose=_purpose(order),
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        quantity=order.quantity,
        leaves=order.quantity,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        expires_at=order.expires_at,
    )


def _purpose(order: OrderApproved | OrderRouted | OrderSubmitting) -> str:
    """Return what an order is for; deciders know an exit as an entry that may only reduce."""
    return "exit" if order.purpose == "entry" and order.reduce_only else order.purpose


def _accepted(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _changed(
        row,
        record,
        status=_unless_ended(row, "accepted"),
        venue_order_id=record.event.venue_order_id,
        accepted_at=record.at,
    )


def _triggered(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _changed(row, record, status=_unless_ended(row, "triggered"), triggered_at=record.at)


def _unknown(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    status = _unless_ended(row, "unknown")
    return _changed(row, record, status=status, reason=record.event.reason)


def _overdue(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _changed(row, record, overdue_at=record.at)


def _cancelling(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _changed(row, record, cancelling=record.event.rule, reason=record.event.reason)


def _cancel_rejected(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _changed(row, record, cancelling="")


def _filled(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    fill: OrderFilled = record.event
    quantity = total(row.filled_quantity, fill.quantity)
    value = total(row.filled_value, rounded_product(fill.quantity, fill.price))
    status = "filled" if not fill.leaves else _unless_ended(row, "partially_filled")
    return _changed(
        row,
        record,
        strategy=fill.strategy,
        instrument=fill.instrument,
        venue=fill.venue,
        side=fill.side,
        status=status,
        filled_quantity=quantity,
        filled_value=value,
        average_price=rounded_quotient(value, quantity),
        leaves=fill.leaves,
        cancelling=row.cancelling if fill.leaves else "",
        fills=row.fills + 1,
        first_filled_at=row.first_filled_at or record.at,
        ended_at=record.at if status == "filled" else row.ended_at,
    )


def _replaced(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    change: OrderReplaced = record.event
    return _changed(
        row,
        record,
        quantity=change.quantity,
        leaves=change.leaves,
        limit_price=change.limit_price,
        stop_price=change.stop_price,
    )


def _cancelled(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    end: OrderCancelled = record.event
    return _ended(row, record, "cancelled", leaves=end.leaves, rule=end.rule, reason=end.reason)


def _expired(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _ended(row, record, "expired", leaves=record.event.leaves, rule="time_to_live")


def _rejected(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _ended(row, record, "rejected", rule=record.event.rule, reason=record.event.reason)


def _unroutable(row: OrderRow, record: Recorded[Any]) -> OrderRow:
    return _ended(row, record, "unroutable", rule=record.event.rule, reason=record.event.reason)


def _ended(row: OrderRow, record: Recorded[Any], status: str, **columns: Any) -> OrderRow:
    return _changed(row, record, status=status, cancelling="", ended_at=record.at, **columns)


def _changed(row: OrderRow, record: Recorded[Any], **columns: Any) -> OrderRow:
    """Return the row after an event that names the order by its id only."""
    return replace(
        row,
        event_id=record.id,
        at=record.at,
        book=record.book,
        mode=record.mode,
        order_id=record.event.order_id,
        **columns,
    )


def _unless_ended(row: OrderRow, status: str) -> str:
    return row.status if row.status in ENDED else status


_FOLDS: dict[type[Event], Callable[[OrderRow, Recorded[Any]], OrderRow]] = {
    OrderApproved: _approved,
    OrderUnroutable: _unroutable,
    OrderRouted: _routed,
    OrderSubmitting: _submitting,
    OrderAccepted: _accepted,
    OrderRejected: _rejected,
    OrderTriggered: _triggered,
    OrderFilled: _filled,
    OrderReplaced: _replaced,
    OrderCancelled: _cancelled,
    OrderExpired: _expired,
    OrderUnknown: _unknown,
    OrderOverdue: _overdue,
    OrderCancelling: _cancelling,
    VenueCancelRejected: _cancel_rejected,
}
READS = tuple(_FOLDS)
_BLANK = OrderRow()
