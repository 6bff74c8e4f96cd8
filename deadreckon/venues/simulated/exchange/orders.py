"""Orders as the exchange keeps them: amounts in lots and ticks, and their outcome so far."""

import hashlib
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from deadreckon.contracts.amounts import decimals, to_units
from deadreckon.contracts.fields import Liquidity, OrderType, Side, TimeInForce

PARTS_MAX = 3  # trades that an order is split into at the most
STEPS_MAX = 10**15  # lots or ticks of any amount
GAP_MAX = 5  # seconds between two of them at the most


class RefusedError(Exception):
    """You asked for what the exchange does not do; `status` and `code` are its answer."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason


class Symbol(Struct, frozen=True, forbid_unknown_fields=True):
    """A symbol that trades here.

    `base_price` is what its path moves around (quote currency), fee rates are fractions of the
    notional, charged in the quote currency. One unit is one of the base.
    """

    symbol: str
    base_price: Decimal
    tick_size: Decimal
    lot_size: Decimal
    quote_currency: str
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal


class ExchangeOrder(Struct):
    """Quantities in lots, prices in ticks, times in nanoseconds UTC. `number` counts the orders in
    their order of arrival, `trades` is how often this one traded, `filled` how much."""

    number: int
    client_order_id: str
    symbol: str
    side: Side
    quantity: int
    type: OrderType
    limit: int | None
    stop: int | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    at: int
    filled: int = 0
    trades: int = 0
    open: bool = True
    outcome: Literal["cancelled", "expired"] | None = None
    reason: str = ""


class ExchangeTrade(Struct, frozen=True):
    """Trade of the account, with the names of the wire."""

    number: int = field(name="place")
    trade_id: str
    client_order_id: str
    side: Side
    quantity: str
    price: str
    liquidity: Liquidity
    fee: str
    fee_currency: str
    traded_at: int
    symbol: str = ""  # empty in files of 0.1.0


def planned_trades(order: ExchangeOrder) -> int:
    """Return into how many trades an order is split: 1 to 3, decided by its client order id."""
    return min(1 + _chance(order, "parts") % PARTS_MAX, order.quantity)


def next_trade_lots(order: ExchangeOrder) -> int:
    """Return the lots of its next trade."""
    number = planned_trades(order)
    if order.trades + 1 >= number:
        return order.quantity - order.filled
    return order.quantity // number


def seconds_between_trades(order: ExchangeOrder) -> int:
    """Return the seconds between two of its trades, decided by its client order id."""
    return 1 + _chance(order, "gap") % GAP_MAX


def trade_id(order: ExchangeOrder) -> str:
    """Return the name of its next trade, from the client order id and how often it traded."""
    return hashlib.sha256(f"{order.client_order_id}|{order.trades}".encode()).hexdigest()[:24]


def venue_order_id(order: ExchangeOrder) -> str:
    """Return the exchange's own name of an order; the same however often it has to be sent."""
    return "X" + hashlib.sha256(f"{order.client_order_id}|venue".encode()).hexdigest()[:16]


def in_steps(amount: Decimal, step: Decimal, code: str) -> int:
    """Return an amount as a multiple of a step. Raises RefusedError with `code` if it is not."""
    scale = max(decimals(amount), decimals(step))
    count, rest = divmod(to_units(amount, scale), to_units(step, scale))
    if rest or not 0 < count < STEPS_MAX:
        raise RefusedError(400, code, f"{amount} is no positive multiple of {step}")
    return count


def _chance(order: ExchangeOrder, of: str) -> int:
    digest = hashlib.sha256(f"{order.client_order_id}|{of}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
