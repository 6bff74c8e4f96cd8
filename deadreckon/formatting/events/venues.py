"""Descriptions of venue messages."""

from deadreckon.contracts import venues
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.text import join_parts, safe_text

REQUESTS = {"submit": "", "cancel": "the cancel of "}


def short(text: str, style: Style) -> str:
    """Make a venue's text printable, with our ids replaced by their names."""
    return safe_text(style.shorten(text))


def sending(record: Recorded[venues.VenueRequestSending], style: Style) -> str:
    """Describe a request about to be sent to a venue."""
    it = record.event
    return f"{REQUESTS[it.request]}{style.order(it.order_id)} leaves for {it.venue}"


def not_sent(record: Recorded[venues.VenueOrderNotSent], style: Style) -> str:
    """Describe an order that was never sent, with the rule."""
    it = record.event
    reason = short(it.reason, style)
    return f"{style.order(it.order_id)} is not sent to {it.venue} by {it.rule}: {reason}"


def unanswered(record: Recorded[venues.VenueRequestUnanswered], style: Style) -> str:
    """Describe a request without an answer."""
    it = record.event
    what = f"{REQUESTS[it.request]}{style.order(it.order_id)}"
    return f"{it.venue} leaves {what} unanswered: {short(it.reason, style)}"


def missing(record: Recorded[venues.VenueOrderMissing], style: Style) -> str:
    """Describe an order that the venue does not know."""
    return f"{record.event.venue} knows no {style.order(record.event.order_id)}"


def accepted(record: Recorded[venues.VenueOrderAccepted], style: Style) -> str:
    """Describe an order that the venue has accepted."""
    it = record.event
    return f"{it.venue} works {style.order(it.order_id)} as {short(it.venue_order_id, style)}"


def rejected(record: Recorded[venues.VenueOrderRejected], style: Style) -> str:
    """Describe an order that the venue refused, with the venue's code."""
    it = record.event
    rule, reason = short(it.rule, style), short(it.reason, style)
    return f"{it.venue} refuses {style.order(it.order_id)} by {rule}: {reason}"


def trade(record: Recorded[venues.VenueTradeReported], style: Style) -> str:
    """Describe a trade as the venue reported it."""
    it = record.event
    traded = "bought" if it.side == "buy" else "sold"
    return (
        f"{it.venue} tells trade {short(it.trade_id, style)} of {style.order(it.order_id)}: "
        + join_parts(
            f"{traded} {style.number(it.quantity)} at {style.number(it.price)}",
            f"{it.liquidity} fee {style.number(it.fee)} {it.fee_currency}",
            style.detail(f"traded at {style.clock(it.traded_at)}"),
        )
    )


def foreign_trade(record: Recorded[venues.VenueForeignTradeReported], style: Style) -> str:
    """Describe a trade of the account that no order of the log explains."""
    it = record.event
    traded = "bought" if it.side == "buy" else "sold"
    whose = it.client_order_id or it.origin
    return f"{it.venue} has a foreign trade {short(it.trade_id, style)}: " + join_parts(
        f"{traded} {style.number(it.quantity)} {it.symbol} at {style.number(it.price)}",
        f"{it.liquidity} fee {style.number(it.fee)} {it.fee_currency}",
        f"of {short(whose, style)}",
    )


def ended(record: Recorded[venues.VenueOrderEnded], style: Style) -> str:
    """Describe an order that ended at the venue, and what the venue counts as traded."""
    it = record.event
    order, reason = style.order(it.order_id), short(it.reason, style)
    traded = f"{style.number(it.filled)} traded"
    return f"{it.venue} works {order} no more ({it.outcome}), {traded}: {reason}"


def cancel_rejected(record: Recorded[venues.VenueCancelRejected], style: Style) -> str:
    """Describe a cancel that the venue rejected."""
    it = record.event
    return f"{it.venue} does not cancel {style.order(it.order_id)}: {short(it.reason, style)}"


def refused(record: Recorded[venues.VenueReportRefused], style: Style) -> str:
    """Describe a venue's report that was refused."""
    it = record.event
    return f"a report of {it.venue} is refused by {it.rule}: {short(it.reason, style)}"


def reconciled(record: Recorded[venues.VenueReconciled], style: Style) -> str:
    """Describe a reconciliation: what was queried and what was found."""
    it = record.event
    external = ", ".join(short(name, style) for name in it.strangers)
    held = [f"{style.number(amount)} {currency}" for currency, amount in it.balances.items()]
    return f"{it.venue} was asked about {it.orders_asked} orders: " + join_parts(
        f"{it.trades_found} trades unheard of",
        f"strangers {external}" if external else "no strangers",
        f"the account holds {' and '.join(held)}" if held else "",
    )


def connection(record: Recorded[venues.VenueConnectionChanged], style: Style) -> str:
    """Describe a change of a venue's connection."""
    it = record.event
    if it.connected:
        return f"{it.venue} can be reached"
    return f"{it.venue} cannot be reached: {short(it.reason, style)}"
