"""What lies at a place of the log, in a line of its own figures; exact, and without short names."""

from decimal import Decimal
from typing import Any

from deadreckon.contracts import governance, market, orders, portfolio, signals
from deadreckon.contracts.amounts import text
from deadreckon.contracts.event import Event, Recorded

ID_SHOWN = 8


def tell(record: Recorded[Any]) -> str:
    """The event in short."""
    return f"{type(record.event).__name__}: {_words(record.event)}"


def _words(event: Event) -> str:
    match event:
        case orders.OrderFilled():
            return (
                f"{event.strategy} {event.side} {text(event.quantity)} {event.instrument} at "
                f"{text(event.price)}, fee {text(event.fee)} {event.fee_currency}"
            )
        case orders.OrderSubmitting():
            return (
                f"{event.strategy} {event.side} {text(event.quantity)} {event.instrument} "
                f"{event.order_type}{_at(event)} ({event.purpose}), order {_short(event.order_id)}"
            )
        case signals.SignalRaised():
            size = event.quantity or event.notional
            return f"{event.strategy} {event.side} {_amount(size)} {event.instrument}"
        case signals.SignalRefused() | orders.OrderUnroutable() | governance.HaltImposed():
            return _refused(event)
        case orders.OrderCancelled():
            return f"{event.rule}, {text(event.leaves)} left, order {_short(event.order_id)}"
        case orders.OrderRejected():
            return f"{event.rule}: {event.reason}, order {_short(event.order_id)}"
        case orders.OrderExpired():
            return f"{text(event.leaves)} left, order {_short(event.order_id)}"
        case market.BarClosed():
            return f"{event.instrument} closed at {text(event.close)}"
        case market.QuoteUpdated():
            return f"{event.instrument} {text(event.bid)} / {text(event.ask)}"
        case market.TradePrinted() | market.MarkUpdated():
            return f"{event.instrument} at {text(event.price)}"
        case portfolio.EquityMarked():
            return f"equity {text(event.equity)} {event.currency}, drawdown {text(event.drawdown)}"
        case _:
            return _fields(event)


def _refused(no: signals.SignalRefused | orders.OrderUnroutable | governance.HaltImposed) -> str:
    whose = "" if isinstance(no, governance.HaltImposed) else f"{no.strategy} {no.instrument} "
    numbers = f"measured {_amount(no.measured)} against {_amount(no.limit)}"
    if no.measured is None and no.limit is None:
        numbers = "no number"
    by = f", limit set by {_short(no.limit_set_by)}" if no.limit_set_by else ""
    return f"{whose}{no.rule}: {numbers}{by}; {no.reason}"


def _fields(event: Event) -> str:
    """What is not empty, field by field."""
    named = ((name, getattr(event, name)) for name in event.__struct_fields__)
    return ", ".join(f"{name} {_value(value)}" for name, value in named if value not in ("", None))


def _value(value: Any) -> str:
    if isinstance(value, Decimal):
        return text(value)
    told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return told if len(told) <= 80 else f"{told[:79]}…"


def _at(order: orders.OrderSubmitting) -> str:
    price = order.limit_price if order.stop_price is None else order.stop_price
    return "" if price is None else f" at {text(price)}"


def _amount(amount: Decimal | None) -> str:
    return "-" if amount is None else text(amount)


def _short(id: str) -> str:
    return id[:ID_SHOWN]
