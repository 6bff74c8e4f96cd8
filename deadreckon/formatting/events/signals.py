"""The words of wishes: who wants what, and which rule forbids it."""

from decimal import Decimal
from typing import Protocol

from deadreckon.contracts import signals
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.signals import OrderType, Side, TimeInForce
from deadreckon.formatting.events.short_names import Names
from deadreckon.formatting.exact import listed, moment, number, of_rule, plain, priced, span


class Terms(Protocol):
    """What wishes and orders have in common."""

    @property
    def side(self) -> Side: ...
    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def order_type(self) -> OrderType: ...
    @property
    def limit_price(self) -> Decimal | None: ...
    @property
    def stop_price(self) -> Decimal | None: ...
    @property
    def time_in_force(self) -> TimeInForce: ...
    @property
    def post_only(self) -> bool: ...
    @property
    def reduce_only(self) -> bool: ...


def terms(order: Terms, what: str) -> str:
    """What is to trade and how: `buy 1 BTCUSDT.PAPER at market, stop loss 95`."""
    expires_at = getattr(order, "expires_at", None)
    return listed(
        f"{order.side} {_size(order, what)} {_way(order)}",
        "" if order.time_in_force == "gtc" else order.time_in_force,
        "post-only" if order.post_only else "",
        "reduce-only" if order.reduce_only else "",
        priced("stop loss", getattr(order, "stop_loss", None)),
        priced("take profit", getattr(order, "take_profit", None)),
        f"until {moment(expires_at)}" if expires_at is not None else "",
    )


def _size(order: Terms, what: str) -> str:
    if order.quantity is not None:
        return f"{number(order.quantity)} {what}"
    worth: Decimal | None = getattr(order, "notional", None)
    return what if worth is None else f"{what} for {number(worth)}"


def _way(order: Terms) -> str:
    match order.order_type:
        case "market":
            return "at market"
        case "limit":
            return priced("at limit", order.limit_price)
        case "stop":
            return priced("at stop", order.stop_price)
        case "stop_limit":
            return f"{priced('at stop', order.stop_price)} {priced('limit', order.limit_price)}"


def received(said: Recorded[signals.SignalReceived], names: Names) -> str:
    """A wish as it came through the door, with the producer's own id of it."""
    wish = said.event
    return listed(
        f"{_named(wish, names)} for {plain(wish.strategy)}: {terms(wish, plain(wish.instrument))}",
        priced("confidence", wish.confidence),
        "" if wish.ttl_seconds is None else f"good for {span(wish.ttl_seconds * NANOSECONDS)}",
    )


class Asking(Protocol):
    """What came through a producer's door under an id of the producer's own."""

    @property
    def signal_id(self) -> str: ...
    @property
    def producer(self) -> str: ...


def _named(wish: Asking, names: Names) -> str:
    return f'{names.signal(wish.producer, wish.signal_id)} "{plain(wish.signal_id)}"'


def raised(said: Recorded[signals.SignalRaised], names: Names) -> str:
    """A wish that risk is to weigh; in full where no door has told it."""
    wish = said.event
    name = f"{names.signal(wish.producer, wish.signal_id)} raised"
    if wish.producer:
        return name
    figures = ", ".join(f"{key} {value}" for key, value in sorted(wish.features.items()))
    return listed(
        f"{name} for {plain(wish.strategy)}: {terms(wish, plain(wish.instrument))}",
        priced("confidence", wish.confidence),
        f"by {plain(names.shorten(wish.model_id))}" if wish.model_id else "",
        plain(figures),
    )


def cancel_received(said: Recorded[signals.CancelReceived], names: Names) -> str:
    """Which earlier signal's order is to go."""
    it = said.event
    return f"{_named(it, names)}: cancel {names.signal(it.producer, it.target)}"


def replace_received(said: Recorded[signals.ReplaceReceived], names: Names) -> str:
    """Which earlier signal's order is to be another."""
    it = said.event
    target = names.signal(it.producer, it.target)
    return f"{_named(it, names)}: change {target} to {change(it)}"


def cancel_raised(said: Recorded[signals.CancelRaised], names: Names) -> str:
    """A cancel that risk is to let pass."""
    it = said.event
    target = names.signal(it.producer, it.target)
    return f"{names.signal(it.producer, it.signal_id)} raised: cancel {target}"


def replace_raised(said: Recorded[signals.ReplaceRaised], names: Names) -> str:
    """A change that risk is to weigh."""
    it = said.event
    target = names.signal(it.producer, it.target)
    return f"{names.signal(it.producer, it.signal_id)} raised: change {target} to {change(it)}"


class Change(Protocol):
    """What may be changed of an order; null leaves it."""

    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def limit_price(self) -> Decimal | None: ...
    @property
    def stop_price(self) -> Decimal | None: ...


def change(wanted: Change) -> str:
    """The new terms alone."""
    return listed(
        priced("quantity", wanted.quantity),
        priced("limit", wanted.limit_price),
        priced("stop", wanted.stop_price),
    )


def malformed(said: Recorded[signals.SignalMalformed], names: Names) -> str:
    """What came through the door is no signal."""
    it = said.event
    name = _named(it, names) if it.signal_id else "something"
    return f'{name} that is no signal: "{plain(it.evidence)}"'


def refused(said: Recorded[signals.SignalRefused], names: Names) -> str:
    """The rule with both its numbers, and who set the limit."""
    no = said.event
    who = plain(no.strategy or no.producer)
    about = names.signal(no.producer, no.signal_id) if no.signal_id else f"what {who} sent"
    return f"{about} refused by {breach(no, names)}"


class Refusal(Protocol):
    """A rule that says no, with its figures where it has some."""

    @property
    def rule(self) -> str: ...
    @property
    def limit(self) -> Decimal | None: ...
    @property
    def measured(self) -> Decimal | None: ...
    @property
    def limit_set_by(self) -> str | None: ...
    @property
    def reason(self) -> str: ...


def breach(no: Refusal, names: Names) -> str:
    """`rule (limits-1): limit 100, measured 101; the reason`."""
    set_by = f" ({names.of('fact', no.limit_set_by)})" if no.limit_set_by else ""
    figures = listed(
        "" if no.limit is None else f"limit {of_rule(no.rule, no.limit)}",
        "" if no.measured is None else f"measured {of_rule(no.rule, no.measured)}",
    )
    reason = plain(names.shorten(no.reason))
    return f"{no.rule}{set_by}: " + "; ".join(part for part in (figures, reason) if part)
