"""Descriptions of order events, from approval to every possible end."""

from deadreckon.contracts import orders
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.signals import changed_terms, order_terms, refusal_text
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.text import join_parts, safe_text


def approved(record: Recorded[orders.OrderApproved], style: Style) -> str:
    """Describe an approved order and the mark it was checked with."""
    it = record.event
    signal = style.signal(it.producer, it.signal_id)
    what = order_terms(it, it.instrument, style)
    name = f"{style.order(it.order_id)} approved for {it.strategy} on {signal}"
    return f"{name}: {what}, mark {style.number(it.reference_price)}"


def unroutable(record: Recorded[orders.OrderUnroutable], style: Style) -> str:
    """Describe an order that cannot be routed, with the rule."""
    order, refusal = style.order(record.event.order_id), refusal_text(record.event, style)
    return f"{order} cannot be routed by {refusal}"


def routed(record: Recorded[orders.OrderRouted], style: Style) -> str:
    """Describe a routed order in the venue's own terms."""
    it = record.event
    part = f" (part {it.child + 1} of {it.children})" if it.children > 1 else ""
    name = style.child(it.order_id, it.parent_id, it.child)
    return f"{name}{part} routed to {it.venue}: {order_terms(it, it.symbol, style)}"


def submitting(record: Recorded[orders.OrderSubmitting], style: Style) -> str:
    """Describe an order intent; in full for a bracket's leg, which was never routed."""
    it = record.event
    name = style.leg(it.order_id, it.parent_id, it.purpose)
    is_new = style.is_short or it.purpose in ("stop_loss", "take_profit")
    return f"{name} submitted" + (f": {order_terms(it, it.symbol, style)}" if is_new else "")


def accepted(record: Recorded[orders.OrderAccepted], style: Style) -> str:
    """Describe an order that the venue has accepted."""
    return f"{style.order(record.event.order_id)} accepted"


def rejected(record: Recorded[orders.OrderRejected], style: Style) -> str:
    """Describe a rejected order, with the rule."""
    it = record.event
    reason = safe_text(style.shorten(it.reason))
    return f"{style.order(it.order_id)} rejected by {it.rule}: {reason}"


def triggered(record: Recorded[orders.OrderTriggered], style: Style) -> str:
    """Describe a triggered order and the price that triggered it."""
    it = record.event
    return f"{style.order(it.order_id)} triggered at {style.number(it.trigger_price)}"


def filled(record: Recorded[orders.OrderFilled], style: Style) -> str:
    """Describe a fill: quantity, price, fee and what is left."""
    it = record.event
    traded = "bought" if it.side == "buy" else "sold"
    moved = it.price != it.reference_price
    return f"{style.order(it.order_id)} {traded} " + join_parts(
        f"{style.number(it.quantity)} {it.instrument} at {style.number(it.price)}",
        style.detail(f"market {style.number(it.reference_price)}") if moved else "",
        f"{it.liquidity} fee {style.number(it.fee)} {it.fee_currency}",
        f"{style.number(it.leaves)} left" if it.leaves else "nothing left",
    )


def cancelled(record: Recorded[orders.OrderCancelled], style: Style) -> str:
    """Describe a cancelled order, with the rule and the quantity that never traded."""
    it = record.event
    name, reason = style.order(it.order_id), safe_text(style.shorten(it.reason))
    return f"{name} cancelled by {it.rule} with {style.number(it.leaves)} left: {reason}"


def expired(record: Recorded[orders.OrderExpired], style: Style) -> str:
    """Describe an expired order and the quantity that never traded."""
    it = record.event
    return f"{style.order(it.order_id)} expired with {style.number(it.leaves)} left"


def unknown(record: Recorded[orders.OrderUnknown], style: Style) -> str:
    """Describe an order whose state at the venue is unknown."""
    it = record.event
    return (
        f"{style.order(it.order_id)} has an unknown fate since {style.moment(it.since)}: "
        f"{safe_text(style.shorten(it.reason))}"
    )


def overdue(record: Recorded[orders.OrderOverdue], style: Style) -> str:
    """Describe an overdue order: how long it has waited, and the time allowed."""
    it = record.event
    since = style.moment(it.since, record.at)
    waited = f"{style.span(it.age)}, and {style.span(it.limit)} are borne"
    return f"{style.order(it.order_id)} waits for its venue since {since}: {waited}"


def cancelling(record: Recorded[orders.OrderCancelling], style: Style) -> str:
    """Describe a cancel sent to a venue, with the rule."""
    it = record.event
    reason = safe_text(style.shorten(it.reason))
    return f"{style.order(it.order_id)} to be cancelled at {it.venue} by {it.rule}: {reason}"


def cancel_approved(record: Recorded[orders.CancelApproved], style: Style) -> str:
    """Describe an approved cancel."""
    it = record.event
    return f"{style.order(it.order_id)} may be cancelled: {safe_text(style.shorten(it.reason))}"


def cancel_missed(record: Recorded[orders.CancelMissed], style: Style) -> str:
    """Describe a cancel or change that came too late, or for no order."""
    it = record.event
    reason = safe_text(style.shorten(it.reason))
    if not it.order_id:
        return f"nothing to cancel or change: {reason}"
    return f"{style.order(it.order_id)} cannot be cancelled or changed: {reason}"


def replace_approved(record: Recorded[orders.ReplaceApproved], style: Style) -> str:
    """Describe an approved change."""
    it = record.event
    return f"{style.order(it.order_id)} may change to {changed_terms(it, style)}"


def replace_routed(record: Recorded[orders.ReplaceRouted], style: Style) -> str:
    """Describe a routed change in the venue's own terms."""
    it = record.event
    return f"{style.order(it.order_id)} to be changed to {changed_terms(it, style)}"


def replaced(record: Recorded[orders.OrderReplaced], style: Style) -> str:
    """Describe an order's terms after a replacement."""
    it = record.event
    left = style.number(it.leaves)
    return f"{style.order(it.order_id)} stands at {changed_terms(it, style)}, {left} left"


def bracket_armed(record: Recorded[orders.BracketArmed], style: Style) -> str:
    """Describe an armed bracket: the entry and its protecting orders."""
    it = record.event
    legs = [leg for leg in (it.stop_order_id, it.take_profit_order_id) if leg is not None]
    by = " and ".join(style.order(leg) for leg in legs)
    entry = style.order(it.entry_order_id)
    what = f"{style.number(it.quantity)} {it.instrument} of {entry}"
    return f"{style.of('bracket', it.bracket_id)} protects {what}: {by}"


def bracket_closed(record: Recorded[orders.BracketClosed], style: Style) -> str:
    """Describe how a bracket ended."""
    it = record.event
    entry = style.order(it.entry_order_id)
    return f"{style.of('bracket', it.bracket_id)} of {entry} closed: {it.outcome}"


def bar_settled(record: Recorded[orders.BarSettled], style: Style) -> str:
    """Describe that a bar has no more fills to come."""
    return f"{record.event.instrument}: every fill of the bar is recorded"
