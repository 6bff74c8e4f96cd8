"""What a real venue was sent and what it said, as its edge records it in a domain of its own.

An edge never decides: it sends what `fill` intended and writes down what came back; `fill` answers
with the order's own events. Every request is recorded before it leaves, and every answer, silence
included, after it.
"""

from decimal import Decimal
from typing import Literal

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import Liquidity
from deadreckon.contracts.signals import Side

VenueRequest = Literal["submit", "cancel"]
VenueOutcome = Literal["cancelled", "expired"]


class VenueRequestSending(Event, frozen=True):
    """The request leaves for the venue once this is in the log, and not before.

    From here on the venue may know the order, so that after a crash it is asked before anything
    is sent again. `client_order_id` is the order's name there, the same in every attempt;
    `request` is what it asks for.
    """

    venue: str
    order_id: str
    client_order_id: str
    request: VenueRequest


class VenueOrderNotSent(Event, frozen=True):
    """The request never left: nothing of this order can be at the venue.

    `rule`: halted, cancelled_before_send, expired_before_send.
    """

    venue: str
    order_id: str
    client_order_id: str
    rule: str
    reason: str


class VenueRequestUnanswered(Event, frozen=True):
    """Nobody saw what became of a request (a timeout, a broken connection, a 5xx answer).

    The edge asks the venue about the same `client_order_id` until it knows. `request` is what
    was asked for.
    """

    venue: str
    order_id: str
    client_order_id: str
    request: VenueRequest
    reason: str


class VenueOrderMissing(Event, frozen=True):
    """Asked about an order, the venue does not know it: the request never got there."""

    venue: str
    order_id: str
    client_order_id: str


class VenueOrderAccepted(Event, frozen=True):
    """The venue works the order under its own name `venue_order_id`."""

    venue: str
    order_id: str
    client_order_id: str
    venue_order_id: str


class VenueOrderRejected(Event, frozen=True):
    """The venue refused the order; it is not and never was in its book.

    `rule` is the venue's own code of the refusal.
    """

    venue: str
    order_id: str
    client_order_id: str
    rule: str
    reason: str


class VenueTradeReported(Event, frozen=True):
    """A trade of one of our orders, as often as the venue tells it.

    `trade_id` is unique at the venue. `quantity` is in base units or contracts, `price` in quote
    currency per base unit, `fee` in `fee_currency` (negative is a rebate). `liquidity`: a maker
    waited in the book, a taker did not. `traded_at` (nanoseconds UTC) is the venue's own time of
    it. `place` is its number in the venue's own sequence of the account's trades, from 1: what is
    missing before it has to be asked for.
    """

    venue: str
    order_id: str
    client_order_id: str
    trade_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    liquidity: Liquidity
    fee: Decimal
    fee_currency: str
    traded_at: int
    place: int = 0


class VenueOrderEnded(Event, frozen=True):
    """The order is no longer in the venue's book, and did not trade wholly.

    `filled` (base units or contracts) is all that ever traded of it, told so far or not.
    `outcome` is the venue's word for it: somebody cancelled it, or its own time there ran out.
    """

    venue: str
    order_id: str
    client_order_id: str
    outcome: VenueOutcome
    filled: Decimal
    reason: str


class VenueCancelRejected(Event, frozen=True):
    """The venue did not cancel: the order had ended there, and how is told apart from this."""

    venue: str
    order_id: str
    client_order_id: str
    reason: str


class VenueReportRefused(Event, frozen=True):
    """What came from the venue could not be believed; nothing changed.

    `rule`: malformed, unknown_order, impossible_amount. `evidence` is at most 512 characters of
    what was received. `place` is that of a refused trade in the venue's sequence, 0 for all else.
    """

    venue: str
    rule: str
    reason: str
    evidence: str
    place: int = 0


class VenueReconciled(Event, frozen=True):
    """The venue was asked about every open and unknown order; new ones may be sent from here on.

    `orders_asked` is how many, `trades_found` the trades the log had not heard of. `strangers`
    are client order ids open at the venue that this log never intended. `balances` is what the
    venue says the account holds, by currency.
    """

    venue: str
    orders_asked: int
    trades_found: int
    strangers: list[str]
    balances: dict[str, Decimal]


class VenueConnectionChanged(Event, frozen=True):
    """The venue can be reached (`connected`), or cannot any more and why."""

    venue: str
    connected: bool
    reason: str
