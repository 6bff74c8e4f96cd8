"""Descriptions of signals and their refusals, and the texts shared with orders."""

from decimal import Decimal
from typing import Protocol

from deadreckon.contracts import signals
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.fields import OrderType, Side, TimeInForce
from deadreckon.formatting.events.short_names import ShortNames
from deadreckon.formatting.exact import (
    join_parts,
    moment,
    named_price,
    number,
    rule_amount,
    safe_text,
    span,
)


class OrderTerms(Protocol):
    """Terms that signals and orders share."""

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


def order_terms(order: OrderTerms, what: str) -> str:
    """Describe what is to trade and how: `buy 1 BTCUSDT.PAPER at market, stop loss 95`."""
    expires_at = getattr(order, "expires_at", None)
    return join_parts(
        f"{order.side} {_size(order, what)} {_way(order)}",
        "" if order.time_in_force == "gtc" else order.time_in_force,
        "post-only" if order.post_only else "",
        "reduce-only" if order.reduce_only else "",
        named_price("stop loss", getattr(order, "stop_loss", None)),
        named_price("take profit", getattr(order, "take_profit", None)),
        f"until {moment(expires_at)}" if expires_at is not None else "",
    )


def _size(order: OrderTerms, what: str) -> str:
    if order.quantity is not None:
        return f"{number(order.quantity)} {what}"
    worth: Decimal | None = getattr(order, "notional", None)
    return what if worth is None else f"{what} for {number(worth)}"


def _way(order: OrderTerms) -> str:
    match order.order_type:
        case "market":
            return "at market"
        case "limit":
            return named_price("at limit", order.limit_price)
        case "stop":
            return named_price("at stop", order.stop_price)
        case "stop_limit":
            stop = named_price("at stop", order.stop_price)
            return f"{stop} {named_price('limit', order.limit_price)}"


def received(record: Recorded[signals.SignalReceived], names: ShortNames) -> str:
    """Describe a producer's signal, with the producer's own id."""
    wish = record.event
    terms = order_terms(wish, safe_text(wish.instrument))
    return join_parts(
        f"{_named(wish, names)} for {safe_text(wish.strategy)}: {terms}",
        named_price("confidence", wish.confidence),
        "" if wish.ttl_seconds is None else f"good for {span(wish.ttl_seconds * NANOSECONDS)}",
    )


class ProducerRequest(Protocol):
    """A producer's message with the producer's own id."""

    @property
    def signal_id(self) -> str: ...
    @property
    def producer(self) -> str: ...


def _named(wish: ProducerRequest, names: ShortNames) -> str:
    return f'{names.signal(wish.producer, wish.signal_id)} "{safe_text(wish.signal_id)}"'


def raised(record: Recorded[signals.SignalRaised], names: ShortNames) -> str:
    """Describe a raised signal; in full where no `SignalReceived` came before."""
    wish = record.event
    name = f"{names.signal(wish.producer, wish.signal_id)} raised"
    if wish.producer:
        return name
    figures = ", ".join(f"{key} {value}" for key, value in sorted(wish.features.items()))
    return join_parts(
        f"{name} for {safe_text(wish.strategy)}: {order_terms(wish, safe_text(wish.instrument))}",
        named_price("confidence", wish.confidence),
        f"by {safe_text(names.shorten(wish.model_id))}" if wish.model_id else "",
        safe_text(figures),
    )


def cancel_received(record: Recorded[signals.CancelReceived], names: ShortNames) -> str:
    """Describe a producer's cancel of an earlier signal."""
    it = record.event
    return f"{_named(it, names)}: cancel {names.signal(it.producer, it.target)}"


def replace_received(record: Recorded[signals.ReplaceReceived], names: ShortNames) -> str:
    """Describe a producer's change of an earlier signal."""
    it = record.event
    target = names.signal(it.producer, it.target)
    return f"{_named(it, names)}: change {target} to {changed_terms(it)}"


def cancel_raised(record: Recorded[signals.CancelRaised], names: ShortNames) -> str:
    """Describe a raised cancel."""
    it = record.event
    target = names.signal(it.producer, it.target)
    return f"{names.signal(it.producer, it.signal_id)} raised: cancel {target}"


def replace_raised(record: Recorded[signals.ReplaceRaised], names: ShortNames) -> str:
    """Describe a raised change."""
    it = record.event
    target = names.signal(it.producer, it.target)
    return (
        f"{names.signal(it.producer, it.signal_id)} raised: change {target} to {changed_terms(it)}"
    )


class ChangedTerms(Protocol):
    """Terms of an order that may be changed; None leaves them as they are."""

    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def limit_price(self) -> Decimal | None: ...
    @property
    def stop_price(self) -> Decimal | None: ...


def changed_terms(wanted: ChangedTerms) -> str:
    """Describe the changed terms only."""
    return join_parts(
        named_price("quantity", wanted.quantity),
        named_price("limit", wanted.limit_price),
        named_price("stop", wanted.stop_price),
    )


def malformed(record: Recorded[signals.SignalMalformed], names: ShortNames) -> str:
    """Describe a message that is not a signal."""
    it = record.event
    name = _named(it, names) if it.signal_id else "something"
    return f'{name} that is no signal: "{safe_text(it.evidence)}"'


def refused(record: Recorded[signals.SignalRefused], names: ShortNames) -> str:
    """Describe a refused signal: the rule with limit and measured value, and who set the limit."""
    no = record.event
    who = safe_text(no.strategy or no.producer)
    about = names.signal(no.producer, no.signal_id) if no.signal_id else f"what {who} sent"
    return f"{about} refused by {refusal_text(no, names)}"


class RuleRefusal(Protocol):
    """A refusal by a rule, with its figures if it has any."""

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


def refusal_text(no: RuleRefusal, names: ShortNames) -> str:
    """Describe a refusal: `rule (limits-1): limit 100, measured 101; the reason`."""
    set_by = f" ({names.of('fact', no.limit_set_by)})" if no.limit_set_by else ""
    figures = join_parts(
        "" if no.limit is None else f"limit {rule_amount(no.rule, no.limit)}",
        "" if no.measured is None else f"measured {rule_amount(no.rule, no.measured)}",
    )
    reason = safe_text(names.shorten(no.reason))
    return f"{no.rule}{set_by}: " + "; ".join(part for part in (figures, reason) if part)
