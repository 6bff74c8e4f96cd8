"""Requests to a real venue and its answers, as its edge records them in a domain of its own.

An edge never decides: it sends what `fill` intended and records what came back; `fill` answers with
the order's own events. Each request is recorded before it leaves, and each answer, or the lack of
one, after it.
"""

from decimal import Decimal
from typing import Annotated, Literal

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import (
    ClientOrderId,
    Fee,
    FeeCurrency,
    Liquidity,
    OrderId,
    Price,
    Quantity,
    Reason,
    Side,
    VenueName,
)
from deadreckon.contracts.subjects import VENUE_EDGES
from deadreckon.contracts.units import described

VenueRequest = Annotated[
    Literal["submit", "cancel"], described("`submit` sends the order, `cancel` cancels it")
]
VenueOutcome = Annotated[
    Literal["cancelled", "expired"], described("how the order ended by the venue's account")
]
EDGES = (VENUE_EDGES,)

TradeId = Annotated[str, described("the venue's own id of the trade, unique at the venue")]
TradedAt = Annotated[
    int, described("the venue's own time of the trade, nanoseconds UTC", "timestamp")
]
TradeNumber = Annotated[
    int, described("number of the trade among those of the venue in this log, from 1")
]
TradeCursor = Annotated[
    str,
    described("where the venue is asked for trades next; set on the last trade of an answer"),
]
ForeignTradeOrigin = Annotated[
    Literal["order", "liquidation", "auto_deleveraging", "settlement", "conversion", "funding"],
    described("what made it: an order that somebody else sent, or the venue's own doing"),
]


class VenueRequestSending(Event, frozen=True, omit_defaults=True):
    """A request leaves for the venue once this is in the log, and not before.

    From here on the venue may know the order, so after a crash it is queried before anything is
    sent again.
    """

    declared = Declaration("venues.venue_request_sending", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    request: VenueRequest
    valid_until: Annotated[
        int | None,
        described(
            "when the venue stops accepting the request, nanoseconds UTC; null: it has no bound",
            "timestamp",
        ),
    ] = None


class VenueOrderNotSent(Event, frozen=True):
    """A request was never sent: nothing of this order can be at the venue."""

    declared = Declaration("venues.venue_order_not_sent", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    rule: Annotated[str, described("why: halted, cancelled_before_send or expired_before_send")]
    reason: Reason


class VenueRequestUnanswered(Event, frozen=True):
    """No answer to a request was seen: a timeout, a broken connection or a 5xx answer.

    The edge queries the venue by the same client order id until it knows.
    """

    declared = Declaration("venues.venue_request_unanswered", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    request: VenueRequest
    reason: Reason


class VenueOrderMissing(Event, frozen=True):
    """The venue does not know an order, and no request for it can arrive there any more."""

    declared = Declaration("venues.venue_order_missing", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId


class VenueOrderAccepted(Event, frozen=True):
    """The venue works the order."""

    declared = Declaration("venues.venue_order_accepted", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    venue_order_id: Annotated[str, described("the venue's own id of the order")]


class VenueOrderRejected(Event, frozen=True):
    """The venue refused the order; it was never in its order book."""

    declared = Declaration("venues.venue_order_rejected", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    rule: Annotated[str, described("the venue's own code of the refusal")]
    reason: Reason


class VenueTradeReported(Event, frozen=True, omit_defaults=True):
    """A trade of one of our orders, recorded once however often the venue reports it."""

    declared = Declaration("venues.venue_trade_reported", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    trade_id: TradeId
    side: Side
    quantity: Quantity
    price: Price
    liquidity: Liquidity
    fee: Fee
    fee_currency: FeeCurrency
    traded_at: TradedAt
    number: TradeNumber
    cursor: TradeCursor = ""


class VenueForeignTradeReported(Event, frozen=True, omit_defaults=True):
    """A trade of the account that no order of this log explains, with all its figures.

    It moves no position here: that takes a decision about whose it is.
    """

    declared = Declaration("venues.venue_foreign_trade_reported", EDGES)

    venue: VenueName
    symbol: Annotated[str, described("the venue's name of the instrument")]
    trade_id: TradeId
    client_order_id: Annotated[
        str, described("client order id of its order; empty for a trade without one")
    ]
    origin: ForeignTradeOrigin
    side: Side
    quantity: Quantity
    price: Price
    liquidity: Liquidity
    fee: Fee
    fee_currency: FeeCurrency
    traded_at: TradedAt
    number: TradeNumber
    cursor: TradeCursor = ""


class VenueOrderEnded(Event, frozen=True):
    """The order has left the venue's order book without trading wholly."""

    declared = Declaration("venues.venue_order_ended", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    outcome: VenueOutcome
    filled: Annotated[
        Decimal,
        described("all that traded of it, reported yet or not, in base units or contracts", "base"),
    ]
    reason: Reason


class VenueCancelRejected(Event, frozen=True):
    """The venue did not cancel because the order had ended; its end is reported separately."""

    declared = Declaration("venues.venue_cancel_rejected", EDGES, of_order=True)

    venue: VenueName
    order_id: OrderId
    client_order_id: ClientOrderId
    reason: Reason


class VenueReportRefused(Event, frozen=True, omit_defaults=True):
    """A report of the venue cannot be right; nothing changed."""

    declared = Declaration("venues.venue_report_refused", EDGES)

    venue: VenueName
    rule: Annotated[str, described("why: malformed, unknown_order or impossible_amount")]
    reason: Reason
    evidence: Annotated[str, described("at most 512 characters of the report")]
    number: Annotated[
        int, described("number of a refused trade, as of other trades; 0 for other reports")
    ] = 0
    trade_id: Annotated[
        str, described("the venue's own id of a refused trade; empty for other reports")
    ] = ""
    cursor: TradeCursor = ""


class VenueReconciled(Event, frozen=True, omit_defaults=True):
    """The venue was queried about every open and unknown order; new ones may be sent again."""

    declared = Declaration("venues.venue_reconciled", EDGES)

    venue: VenueName
    orders_asked: Annotated[int, described("number of orders that were queried", "count")]
    trades_found: Annotated[int, described("number of trades that the log did not have", "count")]
    strangers: Annotated[
        list[str],
        described("external orders: ids of orders open there that the log never intended"),
    ]
    balances: Annotated[
        dict[str, Decimal],
        described("balance of the account by the venue's own account, by currency", "currency"),
    ]
    positions: Annotated[
        dict[str, Decimal] | None,
        described(
            "signed quantity of each symbol by the venue's own account; null: not queried", "base"
        ),
    ] = None
    cursor: Annotated[
        str, described("the log has every trade of the venue before it; empty: there were none")
    ] = ""


class VenueConnectionChanged(Event, frozen=True):
    """The connection to the venue was made or lost."""

    declared = Declaration("venues.venue_connection_changed", EDGES)

    venue: VenueName
    connected: Annotated[bool, described("true when the venue can be reached")]
    reason: Reason
