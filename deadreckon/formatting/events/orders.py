"""Descriptions of order events, from approval to every possible end."""

from deadreckon.contracts import orders
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import ShortNames
from deadreckon.formatting.events.signals import changed_terms, order_terms, refusal_text
from deadreckon.formatting.exact import join_parts, moment, number, safe_text, span


def approved(record: Recorded[orders.OrderApproved], names: ShortNames) -> str:
    """Describe an approved order and the mark it was checked with."""
    it = record.event
    signal = names.signal(it.producer, it.signal_id)
    what = order_terms(it, it.instrument)
    return (
        f"{names.order(it.order_id)} approved for {it.strategy} on {signal}: {what}, "
        f"mark {number(it.reference_price)}"
    )


def unroutable(record: Recorded[orders.OrderUnroutable], names: ShortNames) -> str:
    """Describe an order that cannot be routed, with the rule."""
    order, refusal = names.order(record.event.order_id), refusal_text(record.event, names)
    return f"{order} cannot be routed by {refusal}"


def routed(record: Recorded[orders.OrderRouted], names: ShortNames) -> str:
    """Describe a routed order in the venue's own terms."""
    it = record.event
    part = f" (part {it.child + 1} of {it.children})" if it.children > 1 else ""
    name = names.child(it.order_id, it.parent_id, it.child)
    return f"{name}{part} routed to {it.venue}: {order_terms(it, it.symbol)}"


def submitting(record: Recorded[orders.OrderSubmitting], names: ShortNames) -> str:
    """Describe an order intent; in full for a bracket's leg, which was never routed."""
    it = record.event
    name = names.leg(it.order_id, it.parent_id, it.purpose)
    is_leg = it.purpose in ("stop_loss", "take_profit")
    return f"{name} submitted" + (f": {order_terms(it, it.symbol)}" if is_leg else "")


def accepted(record: Recorded[orders.OrderAccepted], names: ShortNames) -> str:
    """Describe an order that the venue has accepted."""
    return f"{names.order(record.event.order_id)} accepted"


def rejected(record: Recorded[orders.OrderRejected], names: ShortNames) -> str:
    """Describe a rejected order, with the rule."""
    it = record.event
    reason = safe_text(names.shorten(it.reason))
    return f"{names.order(it.order_id)} rejected by {it.rule}: {reason}"


def triggered(record: Recorded[orders.OrderTriggered], names: ShortNames) -> str:
    """Describe a triggered order and the price that triggered it."""
    it = record.event
    return f"{names.order(it.order_id)} triggered at {number(it.trigger_price)}"


def filled(record: Recorded[orders.OrderFilled], names: ShortNames) -> str:
    """Describe a fill: quantity, price, fee and what is left."""
    it = record.event
    traded = "bought" if it.side == "buy" else "sold"
    market = "" if it.price == it.reference_price else f"market {number(it.reference_price)}"
    return f"{names.order(it.order_id)} {traded} " + join_parts(
        f"{number(it.quantity)} {it.instrument} at {number(it.price)}",
        market,
        f"{it.liquidity} fee {number(it.fee)} {it.fee_currency}",
        f"{number(it.leaves)} left" if it.leaves else "nothing left",
    )


def cancelled(record: Recorded[orders.OrderCancelled], names: ShortNames) -> str:
    """Describe a cancelled order, with the rule and the quantity that never traded."""
    it = record.event
    name, reason = names.order(it.order_id), safe_text(names.shorten(it.reason))
    return f"{name} cancelled by {it.rule} with {number(it.leaves)} left: {reason}"


def expired(record: Recorded[orders.OrderExpired], names: ShortNames) -> str:
    """Describe an expired order and the quantity that never traded."""
    return f"{names.order(record.event.order_id)} expired with {number(record.event.leaves)} left"


def unknown(record: Recorded[orders.OrderUnknown], names: ShortNames) -> str:
    """Describe an order whose state at the venue is unknown."""
    it = record.event
    return (
        f"{names.order(it.order_id)} has an unknown fate since {moment(it.since)}: "
        f"{safe_text(names.shorten(it.reason))}"
    )


def overdue(record: Recorded[orders.OrderOverdue], names: ShortNames) -> str:
    """Describe an overdue order: how long it has waited, and the time allowed."""
    it = record.event
    return (
        f"{names.order(it.order_id)} waits for its venue since {moment(it.since, record.at)}: "
        f"{span(it.age)}, and {span(it.limit)} are borne"
    )


def cancelling(record: Recorded[orders.OrderCancelling], names: ShortNames) -> str:
    """Describe a cancel sent to a venue, with the rule."""
    it = record.event
    reason = safe_text(names.shorten(it.reason))
    return f"{names.order(it.order_id)} to be cancelled at {it.venue} by {it.rule}: {reason}"


def cancel_approved(record: Recorded[orders.CancelApproved], names: ShortNames) -> str:
    """Describe an approved cancel."""
    it = record.event
    return f"{names.order(it.order_id)} may be cancelled: {safe_text(names.shorten(it.reason))}"


def cancel_missed(record: Recorded[orders.CancelMissed], names: ShortNames) -> str:
    """A cancel or change that came too late, or for nothing."""
    it = record.event
    reason = safe_text(names.shorten(it.reason))
    if not it.order_id:
        return f"nothing to cancel or change: {reason}"
    return f"{names.order(it.order_id)} cannot be cancelled or changed: {reason}"


def replace_approved(record: Recorded[orders.ReplaceApproved], names: ShortNames) -> str:
    """A change that may pass."""
    return f"{names.order(record.event.order_id)} may change to {changed_terms(record.event)}"


def replace_routed(record: Recorded[orders.ReplaceRouted], names: ShortNames) -> str:
    """The change in the venue's own terms."""
    return f"{names.order(record.event.order_id)} to be changed to {changed_terms(record.event)}"


def replaced(record: Recorded[orders.OrderReplaced], names: ShortNames) -> str:
    """Describe an order's terms after a replacement."""
    it = record.event
    return f"{names.order(it.order_id)} stands at {changed_terms(it)}, {number(it.leaves)} left"


def bracket_armed(record: Recorded[orders.BracketArmed], names: ShortNames) -> str:
    """Describe an armed bracket: the entry and its protecting orders."""
    it = record.event
    legs = [leg for leg in (it.stop_order_id, it.take_profit_order_id) if leg is not None]
    by = " and ".join(names.order(leg) for leg in legs)
    entry = names.order(it.entry_order_id)
    what = f"{number(it.quantity)} {it.instrument} of {entry}"
    return f"{names.of('bracket', it.bracket_id)} protects {what}: {by}"


def bracket_closed(record: Recorded[orders.BracketClosed], names: ShortNames) -> str:
    """How the protection ended."""
    it = record.event
    entry = names.order(it.entry_order_id)
    return f"{names.of('bracket', it.bracket_id)} of {entry} closed: {it.outcome}"
