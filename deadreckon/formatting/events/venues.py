"""Descriptions of venue messages."""

from deadreckon.contracts import venues
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import ShortNames
from deadreckon.formatting.exact import clock, join_parts, number, safe_text

REQUESTS = {"submit": "", "cancel": "the cancel of "}


def short(text: str, names: ShortNames) -> str:
    """Make a venue's text printable, with our ids replaced by their names."""
    return safe_text(names.shorten(text))


def sending(record: Recorded[venues.VenueRequestSending], names: ShortNames) -> str:
    """Describe a request about to be sent to a venue."""
    it = record.event
    return f"{REQUESTS[it.request]}{names.order(it.order_id)} leaves for {it.venue}"


def not_sent(record: Recorded[venues.VenueOrderNotSent], names: ShortNames) -> str:
    """Describe an order that was never sent, with the rule."""
    it = record.event
    reason = short(it.reason, names)
    return f"{names.order(it.order_id)} is not sent to {it.venue} by {it.rule}: {reason}"


def unanswered(record: Recorded[venues.VenueRequestUnanswered], names: ShortNames) -> str:
    """Describe a request without an answer."""
    it = record.event
    what = f"{REQUESTS[it.request]}{names.order(it.order_id)}"
    return f"{it.venue} leaves {what} unanswered: {short(it.reason, names)}"


def missing(record: Recorded[venues.VenueOrderMissing], names: ShortNames) -> str:
    """Describe an order that the venue does not know."""
    return f"{record.event.venue} knows no {names.order(record.event.order_id)}"


def accepted(record: Recorded[venues.VenueOrderAccepted], names: ShortNames) -> str:
    """Describe an order that the venue has accepted."""
    it = record.event
    return f"{it.venue} works {names.order(it.order_id)} as {short(it.venue_order_id, names)}"


def rejected(record: Recorded[venues.VenueOrderRejected], names: ShortNames) -> str:
    """Describe an order that the venue refused, with the venue's code."""
    it = record.event
    rule, reason = short(it.rule, names), short(it.reason, names)
    return f"{it.venue} refuses {names.order(it.order_id)} by {rule}: {reason}"


def trade(record: Recorded[venues.VenueTradeReported], names: ShortNames) -> str:
    """Describe a trade as the venue reported it."""
    it = record.event
    traded = "bought" if it.side == "buy" else "sold"
    return (
        f"{it.venue} tells trade {short(it.trade_id, names)} of {names.order(it.order_id)}: "
        + join_parts(
            f"{traded} {number(it.quantity)} at {number(it.price)}",
            f"{it.liquidity} fee {number(it.fee)} {it.fee_currency}",
            f"traded at {clock(it.traded_at)}",
        )
    )


def ended(record: Recorded[venues.VenueOrderEnded], names: ShortNames) -> str:
    """Describe an order that ended at the venue, and what the venue counts as traded."""
    it = record.event
    order, reason = names.order(it.order_id), short(it.reason, names)
    return f"{it.venue} works {order} no more ({it.outcome}), {number(it.filled)} traded: {reason}"


def cancel_rejected(record: Recorded[venues.VenueCancelRejected], names: ShortNames) -> str:
    """Describe a cancel that the venue rejected."""
    it = record.event
    return f"{it.venue} does not cancel {names.order(it.order_id)}: {short(it.reason, names)}"


def refused(record: Recorded[venues.VenueReportRefused], names: ShortNames) -> str:
    """Describe a venue's report that was refused."""
    it = record.event
    return f"a report of {it.venue} is refused by {it.rule}: {short(it.reason, names)}"


def reconciled(record: Recorded[venues.VenueReconciled], names: ShortNames) -> str:
    """Describe a reconciliation: what was queried and what was found."""
    it = record.event
    strangers = ", ".join(short(name, names) for name in it.strangers)
    held = [f"{number(amount)} {currency}" for currency, amount in it.balances.items()]
    return f"{it.venue} was asked about {it.orders_asked} orders: " + join_parts(
        f"{it.trades_found} trades unheard of",
        f"strangers {strangers}" if strangers else "no strangers",
        f"the account holds {' and '.join(held)}" if held else "",
    )


def connection(record: Recorded[venues.VenueConnectionChanged], names: ShortNames) -> str:
    """Describe a change of a venue's connection."""
    it = record.event
    if it.connected:
        return f"{it.venue} can be reached"
    return f"{it.venue} cannot be reached: {short(it.reason, names)}"
