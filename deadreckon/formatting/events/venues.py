"""The words of what real venues are sent and what they say."""

from deadreckon.contracts import venues
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import Names
from deadreckon.formatting.exact import clock, listed, number, plain

REQUESTS = {"submit": "", "cancel": "the cancel of "}


def short(text: str, names: Names) -> str:
    """A venue's own text, with our ids in it by their names."""
    return plain(names.shorten(text))


def sending(said: Recorded[venues.VenueRequestSending], names: Names) -> str:
    """What leaves for the venue."""
    it = said.event
    return f"{REQUESTS[it.request]}{names.order(it.order_id)} leaves for {it.venue}"


def not_sent(said: Recorded[venues.VenueOrderNotSent], names: Names) -> str:
    """What never left, and by which rule."""
    it = said.event
    reason = short(it.reason, names)
    return f"{names.order(it.order_id)} is not sent to {it.venue} by {it.rule}: {reason}"


def unanswered(said: Recorded[venues.VenueRequestUnanswered], names: Names) -> str:
    """A request whose answer nobody saw."""
    it = said.event
    what = f"{REQUESTS[it.request]}{names.order(it.order_id)}"
    return f"{it.venue} leaves {what} unanswered: {short(it.reason, names)}"


def missing(said: Recorded[venues.VenueOrderMissing], names: Names) -> str:
    """An order that the venue does not know."""
    return f"{said.event.venue} knows no {names.order(said.event.order_id)}"


def accepted(said: Recorded[venues.VenueOrderAccepted], names: Names) -> str:
    """An order that the venue works."""
    it = said.event
    return f"{it.venue} works {names.order(it.order_id)} as {short(it.venue_order_id, names)}"


def rejected(said: Recorded[venues.VenueOrderRejected], names: Names) -> str:
    """An order that the venue refused, by its own code."""
    it = said.event
    rule, reason = short(it.rule, names), short(it.reason, names)
    return f"{it.venue} refuses {names.order(it.order_id)} by {rule}: {reason}"


def trade(said: Recorded[venues.VenueTradeReported], names: Names) -> str:
    """A trade as the venue tells it."""
    it = said.event
    traded = "bought" if it.side == "buy" else "sold"
    return (
        f"{it.venue} tells trade {short(it.trade_id, names)} of {names.order(it.order_id)}: "
        + listed(
            f"{traded} {number(it.quantity)} at {number(it.price)}",
            f"{it.liquidity} fee {number(it.fee)} {it.fee_currency}",
            f"traded at {clock(it.traded_at)}",
        )
    )


def ended(said: Recorded[venues.VenueOrderEnded], names: Names) -> str:
    """An order that the venue works no more, and what it counts as traded."""
    it = said.event
    order, reason = names.order(it.order_id), short(it.reason, names)
    return f"{it.venue} works {order} no more ({it.outcome}), {number(it.filled)} traded: {reason}"


def cancel_rejected(said: Recorded[venues.VenueCancelRejected], names: Names) -> str:
    """A cancel that found nothing to cancel."""
    it = said.event
    return f"{it.venue} does not cancel {names.order(it.order_id)}: {short(it.reason, names)}"


def refused(said: Recorded[venues.VenueReportRefused], names: Names) -> str:
    """What could not be believed."""
    it = said.event
    return f"a report of {it.venue} is refused by {it.rule}: {short(it.reason, names)}"


def reconciled(said: Recorded[venues.VenueReconciled], names: Names) -> str:
    """What a venue was asked at the start, and what came of it."""
    it = said.event
    strangers = ", ".join(short(name, names) for name in it.strangers)
    held = [f"{number(amount)} {currency}" for currency, amount in it.balances.items()]
    return f"{it.venue} was asked about {it.orders_asked} orders: " + listed(
        f"{it.trades_found} trades unheard of",
        f"strangers {strangers}" if strangers else "no strangers",
        f"the account holds {' and '.join(held)}" if held else "",
    )


def connection(said: Recorded[venues.VenueConnectionChanged], names: Names) -> str:
    """Whether the venue can be reached."""
    it = said.event
    if it.connected:
        return f"{it.venue} can be reached"
    return f"{it.venue} cannot be reached: {short(it.reason, names)}"
