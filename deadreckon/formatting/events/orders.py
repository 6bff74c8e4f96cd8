"""The words of an order's life, from an approved wish to every end it can have."""

from deadreckon.contracts import orders
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import Names
from deadreckon.formatting.events.signals import breach, change, terms
from deadreckon.formatting.exact import listed, moment, number, plain, span


def approved(said: Recorded[orders.OrderApproved], names: Names) -> str:
    """The order that risk lets pass, and the mark it was weighed with."""
    it = said.event
    signal = names.signal(it.producer, it.signal_id)
    what = terms(it, it.instrument)
    return (
        f"{names.order(it.order_id)} approved for {it.strategy} on {signal}: {what}, "
        f"mark {number(it.reference_price)}"
    )


def unroutable(said: Recorded[orders.OrderUnroutable], names: Names) -> str:
    """The rule that keeps an approved order from the venue."""
    return f"{names.order(said.event.order_id)} cannot be routed by {breach(said.event, names)}"


def routed(said: Recorded[orders.OrderRouted], names: Names) -> str:
    """The order in the venue's own terms."""
    it = said.event
    part = f" (part {it.child + 1} of {it.children})" if it.children > 1 else ""
    name = names.child(it.order_id, it.parent_id, it.child)
    return f"{name}{part} routed to {it.venue}: {terms(it, it.symbol)}"


def submitting(said: Recorded[orders.OrderSubmitting], names: Names) -> str:
    """The intent; in full for a leg, which no router has told."""
    it = said.event
    name = names.leg(it.order_id, it.parent_id, it.purpose)
    is_leg = it.purpose in ("stop_loss", "take_profit")
    return f"{name} submitted" + (f": {terms(it, it.symbol)}" if is_leg else "")


def accepted(said: Recorded[orders.OrderAccepted], names: Names) -> str:
    """The venue has it."""
    return f"{names.order(said.event.order_id)} accepted"


def rejected(said: Recorded[orders.OrderRejected], names: Names) -> str:
    """The rule under which it was not taken."""
    it = said.event
    reason = plain(names.shorten(it.reason))
    return f"{names.order(it.order_id)} rejected by {it.rule}: {reason}"


def triggered(said: Recorded[orders.OrderTriggered], names: Names) -> str:
    """The price that set it off."""
    it = said.event
    return f"{names.order(it.order_id)} triggered at {number(it.trigger_price)}"


def filled(said: Recorded[orders.OrderFilled], names: Names) -> str:
    """What traded at which price, what it cost, and what is left."""
    it = said.event
    traded = "bought" if it.side == "buy" else "sold"
    market = "" if it.price == it.reference_price else f"market {number(it.reference_price)}"
    return f"{names.order(it.order_id)} {traded} " + listed(
        f"{number(it.quantity)} {it.instrument} at {number(it.price)}",
        market,
        f"{it.liquidity} fee {number(it.fee)} {it.fee_currency}",
        f"{number(it.leaves)} left" if it.leaves else "nothing left",
    )


def cancelled(said: Recorded[orders.OrderCancelled], names: Names) -> str:
    """The rule, and what never traded."""
    it = said.event
    name, reason = names.order(it.order_id), plain(names.shorten(it.reason))
    return f"{name} cancelled by {it.rule} with {number(it.leaves)} left: {reason}"


def expired(said: Recorded[orders.OrderExpired], names: Names) -> str:
    """What never traded in its time."""
    return f"{names.order(said.event.order_id)} expired with {number(said.event.leaves)} left"


def unknown(said: Recorded[orders.OrderUnknown], names: Names) -> str:
    """Nobody saw what became of it."""
    it = said.event
    return (
        f"{names.order(it.order_id)} has an unknown fate since {moment(it.since)}: "
        f"{plain(names.shorten(it.reason))}"
    )


def overdue(said: Recorded[orders.OrderOverdue], names: Names) -> str:
    """How long the venue has owed an answer, and how long is borne."""
    it = said.event
    return (
        f"{names.order(it.order_id)} waits for its venue since {moment(it.since, said.at)}: "
        f"{span(it.age)}, and {span(it.limit)} are borne"
    )


def cancelling(said: Recorded[orders.OrderCancelling], names: Names) -> str:
    """The rule by which a real venue is asked to cancel."""
    it = said.event
    reason = plain(names.shorten(it.reason))
    return f"{names.order(it.order_id)} to be cancelled at {it.venue} by {it.rule}: {reason}"


def cancel_approved(said: Recorded[orders.CancelApproved], names: Names) -> str:
    """A cancel that may pass."""
    it = said.event
    return f"{names.order(it.order_id)} may be cancelled: {plain(names.shorten(it.reason))}"


def cancel_missed(said: Recorded[orders.CancelMissed], names: Names) -> str:
    """A cancel or change that came too late, or for nothing."""
    it = said.event
    reason = plain(names.shorten(it.reason))
    if not it.order_id:
        return f"nothing to cancel or change: {reason}"
    return f"{names.order(it.order_id)} cannot be cancelled or changed: {reason}"


def replace_approved(said: Recorded[orders.ReplaceApproved], names: Names) -> str:
    """A change that may pass."""
    return f"{names.order(said.event.order_id)} may change to {change(said.event)}"


def replace_routed(said: Recorded[orders.ReplaceRouted], names: Names) -> str:
    """The change in the venue's own terms."""
    return f"{names.order(said.event.order_id)} to be changed to {change(said.event)}"


def replaced(said: Recorded[orders.OrderReplaced], names: Names) -> str:
    """The order as it stands now."""
    it = said.event
    return f"{names.order(it.order_id)} stands at {change(it)}, {number(it.leaves)} left"


def bracket_armed(said: Recorded[orders.BracketArmed], names: Names) -> str:
    """What is protected, by which orders."""
    it = said.event
    legs = [leg for leg in (it.stop_order_id, it.take_profit_order_id) if leg is not None]
    by = " and ".join(names.order(leg) for leg in legs)
    entry = names.order(it.entry_order_id)
    what = f"{number(it.quantity)} {it.instrument} of {entry}"
    return f"{names.of('bracket', it.bracket_id)} protects {what}: {by}"


def bracket_closed(said: Recorded[orders.BracketClosed], names: Names) -> str:
    """How the protection ended."""
    it = said.event
    entry = names.order(it.entry_order_id)
    return f"{names.of('bracket', it.bracket_id)} of {entry} closed: {it.outcome}"
