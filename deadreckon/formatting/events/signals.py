"""Descriptions of signals and their refusals, and the texts shared with orders."""

from decimal import Decimal
from typing import Protocol

from deadreckon.contracts import signals
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.fields import OrderType, Side, TimeInForce
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.text import join_parts, safe_text


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


def order_terms(order: OrderTerms, what: str, style: Style) -> str:
    """Describe what is to trade and how: `buy 1 BTCUSDT.PAPER at market, stop loss 95`."""
    expires_at = getattr(order, "expires_at", None)
    return join_parts(
        f"{order.side} {_size(order, what, style)} {_way(order, style)}",
        "" if order.time_in_force == "gtc" else order.time_in_force,
        "post-only" if order.post_only else "",
        "reduce-only" if order.reduce_only else "",
        style.named_price("stop loss", getattr(order, "stop_loss", None)),
        style.named_price("take profit", getattr(order, "take_profit", None)),
        f"until {style.moment(expires_at)}" if expires_at is not None else "",
    )


def _size(order: OrderTerms, what: str, style: Style) -> str:
    if order.quantity is not None:
        return f"{style.number(order.quantity)} {what}"
    worth: Decimal | None = getattr(order, "notional", None)
    return what if worth is None else f"{what} for {style.number(worth)}"


def _way(order: OrderTerms, style: Style) -> str:
    match order.order_type:
        case "market":
            return "at market"
        case "limit":
            return style.named_price("at limit", order.limit_price)
        case "stop":
            return style.named_price("at stop", order.stop_price)
        case "stop_limit":
            stop = style.named_price("at stop", order.stop_price)
            return f"{stop} {style.named_price('limit', order.limit_price)}"


def received(record: Recorded[signals.SignalReceived], style: Style) -> str:
    """Describe a producer's signal, with the producer's own id."""
    signal = record.event
    terms = order_terms(signal, safe_text(signal.instrument), style)
    return join_parts(
        f"{_named(signal, style)} for {safe_text(signal.strategy)}: {terms}",
        style.named_price("confidence", signal.confidence),
        _time_to_live(signal.ttl_seconds, style),
    )


def _time_to_live(seconds: int | None, style: Style) -> str:
    return "" if seconds is None else f"good for {style.span(seconds * NANOSECONDS)}"


class ProducerRequest(Protocol):
    """A producer's message with the producer's own id."""

    @property
    def signal_id(self) -> str: ...
    @property
    def producer(self) -> str: ...


def _named(request: ProducerRequest, style: Style) -> str:
    name = style.signal(request.producer, request.signal_id)
    return name + style.detail(f' "{safe_text(request.signal_id)}"')


def raised(record: Recorded[signals.SignalRaised], style: Style) -> str:
    """Describe a raised signal; in full where no `SignalReceived` came before."""
    signal = record.event
    name = f"{style.signal(signal.producer, signal.signal_id)} raised"
    if signal.producer and not style.is_short:
        return name
    figures = ", ".join(f"{key} {value}" for key, value in sorted(signal.features.items()))
    terms = order_terms(signal, safe_text(signal.instrument), style)
    return join_parts(
        f"{name} for {safe_text(signal.strategy)}: {terms}",
        style.named_price("confidence", signal.confidence),
        style.detail(f"by {safe_text(style.shorten(signal.model_id))}") if signal.model_id else "",
        style.detail(safe_text(figures)),
    )


def cancel_received(record: Recorded[signals.CancelReceived], style: Style) -> str:
    """Describe a producer's cancel of an earlier signal."""
    it = record.event
    return f"{_named(it, style)}: cancel {style.signal(it.producer, it.target)}"


def replace_received(record: Recorded[signals.ReplaceReceived], style: Style) -> str:
    """Describe a producer's change of an earlier signal."""
    it = record.event
    target = style.signal(it.producer, it.target)
    return f"{_named(it, style)}: change {target} to {changed_terms(it, style)}"


def cancel_raised(record: Recorded[signals.CancelRaised], style: Style) -> str:
    """Describe a raised cancel."""
    it = record.event
    target = style.signal(it.producer, it.target)
    return f"{style.signal(it.producer, it.signal_id)} raised: cancel {target}"


def replace_raised(record: Recorded[signals.ReplaceRaised], style: Style) -> str:
    """Describe a raised change."""
    it = record.event
    target = style.signal(it.producer, it.target)
    name = style.signal(it.producer, it.signal_id)
    return f"{name} raised: change {target} to {changed_terms(it, style)}"


class ChangedTerms(Protocol):
    """Terms of an order that may be changed; None leaves them as they are."""

    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def limit_price(self) -> Decimal | None: ...
    @property
    def stop_price(self) -> Decimal | None: ...


def changed_terms(wanted: ChangedTerms, style: Style) -> str:
    """Describe the changed terms only."""
    return join_parts(
        style.named_price("quantity", wanted.quantity),
        style.named_price("limit", wanted.limit_price),
        style.named_price("stop", wanted.stop_price),
    )


def malformed(record: Recorded[signals.SignalMalformed], style: Style) -> str:
    """Describe a message that is not a signal."""
    it = record.event
    name = _named(it, style) if it.signal_id else "something"
    return f'{name} that is no signal: "{safe_text(it.evidence)}"'


def refused(record: Recorded[signals.SignalRefused], style: Style) -> str:
    """Describe a refused signal: the rule with limit and measured value, and who set the limit."""
    no = record.event
    who = safe_text(no.strategy or no.producer)
    about = style.signal(no.producer, no.signal_id) if no.signal_id else f"what {who} sent"
    return f"{about} refused by {refusal_text(no, style)}"


def over_quota(record: Recorded[signals.MessageOverQuota], style: Style) -> str:
    """Describe a message that was not read."""
    it = record.event
    return f"{it.bytes} bytes of {safe_text(it.producer)}, beyond its quota and not read"


def messages_refused(record: Recorded[signals.MessagesRefused], style: Style) -> str:
    """Describe the messages that were not read, with the quota that was used up."""
    no = record.event
    return f"what {safe_text(no.producer)} sent refused by {refusal_text(no, style)}"


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


def refusal_text(no: RuleRefusal, style: Style) -> str:
    """Describe a refusal: `rule (limits-1): limit 100, measured 101; the reason`."""
    set_by = f" ({style.of('fact', no.limit_set_by)})" if no.limit_set_by else ""
    figures = join_parts(
        "" if no.limit is None else f"limit {style.rule_amount(no.rule, no.limit)}",
        "" if no.measured is None else f"measured {style.rule_amount(no.rule, no.measured)}",
    )
    reason = safe_text(style.shorten(no.reason))
    return f"{no.rule}{set_by}: " + "; ".join(part for part in (figures, reason) if part)


def deferred(record: Recorded[signals.DecisionDeferred], style: Style) -> str:
    """Describe which strategies wait for the fills of a bar."""
    it = record.event
    return f"{', '.join(it.strategies)} on {it.instrument}: decided once the bar's fills are known"
