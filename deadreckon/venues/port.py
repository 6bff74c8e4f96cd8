"""Port of a venue: the requests an adapter answers and the types it answers in."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Protocol, runtime_checkable

from msgspec import Struct

from deadreckon.contracts.fields import Liquidity, OrderType, Side, TimeInForce
from deadreckon.contracts.venues import ForeignTradeOrigin, VenueOutcome


class Guarantees(Struct, frozen=True):
    """Promises of a venue that decide when its "no such order" ends the search for an order.

    `unique_ids`: it refuses a client order id it has ever seen, so that a request sent again can
    never make a second order. `validity` (nanoseconds) is how long after it was sent a request may
    still be accepted, null where the venue has no such bound; `settling` (nanoseconds) is how long
    after that an accepted order may still be missing from its answers.
    """

    unique_ids: bool = False
    validity: int | None = None
    settling: int = 0


class OrderRequest(Struct, frozen=True):
    """An order to submit. Quantities (base units or contracts) and prices (quote currency) are
    those of OrderSubmitting; `at` (nanoseconds UTC) is the decision time of the intent, and the
    venue must not accept the request after `valid_until` (nanoseconds UTC, null: no bound)."""

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
    valid_until: int | None = None


class OrderHandle(Struct, frozen=True):
    """Names of an order in a cancel or a query: venues differ in which of them they need.

    `venue_order_id` is empty until the venue has acknowledged the order.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str


class VenueTrade(Struct, frozen=True):
    """A trade of the account as the venue reports it.

    `trade_id` is unique at the venue: an adapter whose venue counts trades by symbol puts the
    symbol into it. `client_order_id` is empty for a trade without an order of a client, whose
    `origin` says what made it.
    """

    trade_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_currency: str
    traded_at: int
    origin: ForeignTradeOrigin = "order"


class TradePage(Struct, frozen=True):
    """Trades behind a cursor, oldest first, and the cursor behind the last of them.

    A cursor is text that only the adapter reads. `complete` says that there was nothing more when
    the venue answered.
    """

    trades: list[VenueTrade]
    cursor: str
    complete: bool


class OrderStatus(Struct, frozen=True):
    """State of an order at the venue. `filled` is all that traded of it (base units or contracts);
    `outcome` is set once it has left the venue's book without having traded wholly."""

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
    """You sent a client order id that the venue has seen; the order of that id is the first one."""


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
    """Account at a venue, as an adapter presents it to the edge.

    Every method may raise UnansweredError, ThrottledError and MalformedReportError, and none
    retries by itself: that is the edge's task.
    """

    @property
    def guarantees(self) -> Guarantees:
        """Promises of the venue about requests whose outcome is unknown."""
        ...

    async def submit(self, order: OrderRequest) -> str:
        """Send an order; return the venue's own id of it. Raises RejectedError, DuplicateError."""
        ...

    async def cancel(self, order: OrderHandle, at: int) -> OrderStatus:
        """Cancel what is open of an order, decided at `at` (nanoseconds UTC); return its state
        after that. Raises RejectedError when there is no such order or it had ended."""
        ...

    async def query(self, order: OrderHandle) -> OrderStatus | None:
        """Return the state of an order, None when the venue does not know it now.

        A venue that forgets orders needs an adapter that joins its status, its open orders, its
        trades and its history before it answers None.
        """
        ...

    async def open_orders(self) -> list[OrderStatus]:
        """List every order that is open at the venue, conditional ones included."""
        ...

    async def trades_since(self, cursor: str) -> TradePage:
        """Return the account's trades behind a cursor, oldest first; the empty one is the start."""
        ...

    async def balances(self) -> dict[str, Decimal]:
        """Return what the account holds, by currency."""
        ...

    async def positions(self) -> dict[str, Decimal]:
        """Return the signed quantity (base units or contracts) of each symbol that is not flat."""
        ...

    def reports(self) -> AsyncIterator[VenueTrade | OrderStatus]:
        """Yield trades and changed orders as the venue pushes them, from now on.

        Some may be missing, doubled or out of order. Ends when the connection does; raises
        MalformedReportError.
        """
        ...

    async def close(self) -> None:
        """Give the connection back; idempotent."""
        ...


@runtime_checkable
class FollowsLogTime(Protocol):
    """A venue whose market moves by the time of the log and not by itself: a simulated one."""

    async def advance(self, at: int) -> None:
        """Play the market up to `at` (nanoseconds UTC). Raises as the methods of Venue do."""
        ...
