"""Every event of an order, in log order; a fill that is reported twice has two rows."""

from decimal import Decimal
from typing import Annotated, Any

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.orders import (
    BracketArmed,
    BracketClosed,
    CancelApproved,
    CancelMissed,
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
    ReplaceApproved,
    ReplaceRouted,
)
from deadreckon.projections.columns import TableRow, origin

# Fields of events that have a column of the same name.
_SAME = ("quantity", "price", "limit_price", "stop_price", "leaves", "rule", "reason")


class OrderEventRow(TableRow, frozen=True, array_like=True, gc=False):
    """One event of an order. Quantities in base units or contracts, prices in quote currency."""

    order_id: Annotated[str, "the order; of a bracket, its entry order"] = ""
    kind: Annotated[str, "the event's name, e.g. order_filled"] = ""
    source: Annotated[str, "the service that published it"] = ""
    cause_id: Annotated[str | None, "event_id of what it answers"] = None
    quantity: Annotated[Decimal | None, "approved, routed, filled or replaced"] = None
    price: Annotated[Decimal | None, "at which it filled or triggered"] = None
    limit_price: Annotated[Decimal | None, "as approved, routed or replaced"] = None
    stop_price: Annotated[Decimal | None, "as approved, routed or replaced"] = None
    leaves: Annotated[Decimal | None, "still open of the order"] = None
    rule: Annotated[str | None, "why it was refused or cancelled; a bracket's outcome"] = None
    reason: Annotated[str | None, "the same, for people; a bracket's legs"] = None


_KINDS: dict[type[Event], str] = {
    OrderApproved: "order_approved",
    OrderUnroutable: "order_unroutable",
    OrderRouted: "order_routed",
    OrderSubmitting: "order_submitting",
    OrderAccepted: "order_accepted",
    OrderRejected: "order_rejected",
    OrderTriggered: "order_triggered",
    OrderFilled: "order_filled",
    OrderCancelled: "order_cancelled",
    OrderExpired: "order_expired",
    OrderUnknown: "order_unknown",
    OrderOverdue: "order_overdue",
    OrderCancelling: "order_cancelling",
    CancelApproved: "cancel_approved",
    CancelMissed: "cancel_missed",
    ReplaceApproved: "replace_approved",
    ReplaceRouted: "replace_routed",
    OrderReplaced: "order_replaced",
    BracketArmed: "bracket_armed",
    BracketClosed: "bracket_closed",
}
READS = tuple(_KINDS)
_COMMON = {
    shape: tuple(name for name in _SAME if name in shape.__struct_fields__) for shape in READS
}


def initial() -> OrderEventRow:
    """Return the blank row."""
    return _BLANK


def evolve(row: OrderEventRow, record: Recorded[Any]) -> OrderEventRow:
    """Return the row of an order event."""
    event = record.event
    shape = type(event)
    columns = {name: getattr(event, name) for name in _COMMON[shape]}
    if shape is OrderTriggered:
        columns["price"] = event.trigger_price
    elif shape is BracketArmed:
        columns["reason"] = _legs(event)
    elif shape is BracketClosed:
        columns["rule"] = event.outcome
    bracket = shape is BracketArmed or shape is BracketClosed
    return OrderEventRow(
        *origin(record),
        order_id=event.entry_order_id if bracket else event.order_id,
        kind=_KINDS[shape],
        source=record.source,
        cause_id=record.cause,
        **columns,
    )


def _legs(armed: BracketArmed) -> str:
    legs = (("stop loss", armed.stop_order_id), ("take profit", armed.take_profit_order_id))
    return ", ".join(f"{leg} {order_id}" for leg, order_id in legs if order_id)


_BLANK = OrderEventRow()
