"""What every venue's adapter can do for us, in the terms of the log and not of the venue."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from deadreckon.contracts.fields import Liquidity, OrderType, Side, TimeInForce
from deadreckon.contracts.venues import VenueOutcome


class OrderRequest(Struct, frozen=True):
    """An order as the venue shall have it. `at` (nanoseconds UTC) is the decision time of the
    intent; quantities and prices as in OrderSubmitting."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    at: int


class VenueTrade(Struct, frozen=True):
    """A trade as the venue tells it; `place` is its number in the venue's own sequence, from 1."""

    place: int
    trade_id: str
    client_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_currency: str
    traded_at: int


class OrderStatus(Struct, frozen=True):
    """How an order stands at the venue. `filled` is all that traded of it (base units or
    contracts); `outcome` is set once it has left the book without having traded wholly."""

    client_order_id: str
    venue_order_id: str
    filled: Decimal
    open: bool
    outcome: VenueOutcome | None
    reason: str


class RejectedError(Exception):
    """You sent what the venue refuses for good; nothing of this request lives there.

    `rule` is the venue's code.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule = rule
        self.reason = reason


class DuplicateError(Exception):
    """You sent a client order id that the venue has seen; the order behind it is the first one."""


class UnansweredError(Exception):
    """You got no answer that can be believed (timeout, broken connection, 5xx): the outcome is
    unknown, ask with the same client order id."""


class ThrottledError(Exception):
    """You asked too often; nothing was done. `wait` is the seconds to wait before the next try."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"too many requests; wait {wait:g} seconds")
        self.wait = wait


class MalformedReportError(Exception):
    """You received what cannot be a report of this venue; `evidence` is the start of it."""

    def __init__(self, reason: str, evidence: str) -> None:
        super().__init__(reason)
        self.evidence = evidence


class Venue(Protocol):
    """One account at one venue. Every method may raise UnansweredError, ThrottledError and
    MalformedReportError, and none retries by itself: that is the edge's business."""

    async def submit(self, ticket: OrderRequest) -> str:
        """Send an order; the venue's own id of it. Raises RejectedError, DuplicateError."""
        ...

    async def cancel(self, client_order_id: str, at: int) -> OrderStatus:
        """Cancel what is open of an order; how it stands after. Raises RejectedError when there is
        no such order or it had ended."""
        ...

    async def query(self, client_order_id: str) -> OrderStatus | None:
        """How an order stands; null when the venue does not know it."""
        ...

    async def open_orders(self) -> list[OrderStatus]:
        """Every order that is open at the venue."""
        ...

    async def trades_since(self, place: int) -> list[VenueTrade]:
        """The account's trades behind a place of the venue's sequence, oldest first."""
        ...

    async def balances(self) -> dict[str, Decimal]:
        """What the account holds, by currency."""
        ...

    async def advance(self, at: int) -> None:
        """Tell the venue that it is `at` (nanoseconds UTC). Only a simulated one needs to be told,
        so that its market is a function of seed and event time; others do nothing."""
        ...

    def reports(self) -> AsyncIterator[VenueTrade | OrderStatus]:
        """Trades and changed orders as the venue pushes them, from now on; some may be missing,
        doubled or out of order. Ends when the connection does; raises MalformedReportError."""
        ...

    async def close(self) -> None:
        """Give the connection back; idempotent."""
        ...
