"""What an event says, in half a line for people."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts import governance, market, orders, portfolio, signals, venues
from deadreckon.contracts.event import NANOSECONDS, Event
from deadreckon.formatting.rounded import clean, figure, gain, measured, moment, money, share, span

# Fields that help machines more than people.
_SKIPPED = frozenset({"body", "features", "meta", "evidence", "producer", "signal_id", "symbol"})
_EMPTY: tuple[Any, ...] = (None, "", [], {}, ())
_VALUE_MAX = 60  # characters of one value


def tell(event: Event) -> str:
    """The event in short; what has no words of its own is told field by field."""
    words = _WORDS.get(type(event))
    return clean(words(event) if words else _fields(event))


def _fields(event: Event) -> str:
    """What is not empty and not as it is by default."""
    record = []
    for field in msgspec.structs.fields(event):
        value = getattr(event, field.name)
        if field.name not in _SKIPPED and value not in (*_EMPTY, field.default):
            record.append(f"{field.name} {_value(value)}")
    return ", ".join(record)


def _value(value: Any) -> str:
    text = figure(value) if isinstance(value, Decimal) else str(value)
    return text if len(text) <= _VALUE_MAX else text[: _VALUE_MAX - 1] + "…"


def _bar(bar: market.BarClosed) -> str:
    prices = " ".join(figure(price) for price in (bar.open, bar.high, bar.low, bar.close))
    length = span(bar.interval / NANOSECONDS)
    return f"{bar.instrument} {length}: {prices}, volume {figure(bar.volume)} {bar.volume_unit}"


def _quote(quote: market.QuoteUpdated) -> str:
    sizes = f"{figure(quote.bid_size)} x {figure(quote.ask_size)}"
    return f"{quote.instrument} {figure(quote.bid)} / {figure(quote.ask)}, {sizes}"


def _trade(trade: market.TradePrinted) -> str:
    side = f" {trade.aggressor}" if trade.aggressor else ""
    return f"{trade.instrument}{side} {figure(trade.quantity)} at {figure(trade.price)}"


def _wish(wish: signals.SignalRaised | signals.SignalReceived) -> str:
    size = f"{figure(wish.quantity)}" if wish.quantity else f"{money(wish.notional)} worth of"
    record = [f"{wish.strategy}: {wish.side} {size} {wish.instrument} {wish.order_type}"]
    for name in ("limit_price", "stop_price", "stop_loss", "take_profit", "confidence"):
        amount = getattr(wish, name)
        if amount is not None:
            record.append(f"{name.replace('_', ' ')} {figure(amount)}")
    return ", ".join(record)


def _refused(no: signals.SignalRefused | orders.OrderUnroutable) -> str:
    numbers = ""
    if no.measured is not None or no.limit is not None:
        numbers = f" {measured(no.rule, no.measured)} against {measured(no.rule, no.limit)}"
    return f"{no.rule}{numbers}: {no.reason} ({no.strategy} {no.instrument})"


def _approved(order: orders.OrderApproved) -> str:
    size = figure(order.quantity) if order.quantity else f"{money(order.notional)} worth of"
    return (
        f"{order.strategy}: {order.side} {size} {order.instrument} {order.order_type}, "
        f"reference {figure(order.reference_price)}, order {order.order_id}"
    )


def _order(order: orders.OrderRouted | orders.OrderSubmitting) -> str:
    price = order.stop_price if order.limit_price is None else order.limit_price
    at = f" at {figure(price)}" if price is not None else ""
    return (
        f"{order.strategy}: {order.side} {figure(order.quantity)} {order.instrument} "
        f"{order.order_type}{at} ({order.purpose}), order {order.order_id}"
    )


def _filled(fill: orders.OrderFilled) -> str:
    rest = f", {figure(fill.leaves)} left" if fill.leaves else ""
    return (
        f"{fill.strategy}: {fill.side} {figure(fill.quantity)} {fill.instrument} at "
        f"{figure(fill.price)}, fee {figure(fill.fee)} {fill.fee_currency} ({fill.liquidity})"
        f"{rest}, order {fill.order_id}"
    )


def _overdue(order: orders.OrderOverdue) -> str:
    waited, borne = span(order.age / NANOSECONDS), span(order.limit / NANOSECONDS)
    return f"unanswered for {waited}, {borne} are borne, order {order.order_id}"


def _cancelling(order: orders.OrderCancelling) -> str:
    return f"by {order.rule} at {order.venue}: {order.reason}, order {order.order_id}"


def _traded(trade: venues.VenueTradeReported) -> str:
    return (
        f"{trade.venue} trade {trade.trade_id}: {trade.side} {figure(trade.quantity)} at "
        f"{figure(trade.price)}, fee {figure(trade.fee)} {trade.fee_currency} "
        f"({trade.liquidity}), order {trade.order_id}"
    )


def _position(position: portfolio.PositionChanged) -> str:
    held = (
        f"{figure(position.quantity)} at {figure(position.average_price)}"
        if position.quantity
        else "flat"
    )
    return (
        f"{position.strategy} {position.instrument}: {held}, realised {gain(position.realised)}, "
        f"fees {money(position.fees)} {position.currency}"
    )


def _equity(mark: portfolio.EquityMarked) -> str:
    return (
        f"{money(mark.equity)} {mark.currency}, cash {money(mark.cash)}, drawdown "
        f"{share(mark.drawdown)}, exposure {money(mark.exposure_gross)}"
    )


def _halted(halt: governance.HaltRequested) -> str:
    return f"{halt.scope} by {halt.actor}: {halt.reason}"


def _imposed(halt: governance.HaltImposed) -> str:
    until = f" until {moment(halt.until)}" if halt.until else ""
    numbers = f"{measured(halt.rule, halt.measured)} against {measured(halt.rule, halt.limit)}"
    return f"{halt.scope}{until} by {halt.rule} {numbers}: {halt.reason}"


_WORDS: dict[type[Event], Callable[[Any], str]] = {
    market.BarClosed: _bar,
    market.QuoteUpdated: _quote,
    market.TradePrinted: _trade,
    signals.SignalRaised: _wish,
    signals.SignalReceived: _wish,
    signals.SignalRefused: _refused,
    orders.OrderUnroutable: _refused,
    orders.OrderApproved: _approved,
    orders.OrderRouted: _order,
    orders.OrderSubmitting: _order,
    orders.OrderFilled: _filled,
    orders.OrderOverdue: _overdue,
    orders.OrderCancelling: _cancelling,
    venues.VenueTradeReported: _traded,
    portfolio.PositionChanged: _position,
    portfolio.EquityMarked: _equity,
    governance.HaltRequested: _halted,
    governance.HaltImposed: _imposed,
}
