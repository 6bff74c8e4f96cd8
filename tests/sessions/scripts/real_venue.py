"""A real venue: silence, a fill before its acknowledgement, legs for each fill, and a stranger."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import Side
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.orders import OrderSubmitting
from deadreckon.contracts.venues import (
    VenueCancelRejected,
    VenueConnectionChanged,
    VenueForeignTradeReported,
    VenueOrderAccepted,
    VenueOrderEnded,
    VenueOrderMissing,
    VenueOrderNotSent,
    VenueOrderRejected,
    VenueReconciled,
    VenueReportRefused,
    VenueRequestSending,
    VenueRequestUnanswered,
    VenueTradeReported,
)
from tests.sessions.script import Report, Script, alice, alice_cancels, ann, minute, opening
from tests.stories import SECOND, START, bar, limits, listed, venue

SIM = replace(venue("SIM"), edge="venue-sim", unknown_after=90 * SECOND)
COIN = "BTCUSDT.SIM"


def of(number: int, kind: type[Event], *more: Any) -> Script:
    """The edge says this of an intent; its names come first in every report."""
    return [Report(number, lambda intent: kind(*_names(intent), *more))]


def _names(intent: OrderSubmitting) -> tuple[str, str, str]:
    return intent.venue, intent.order_id, intent.client_order_id


def traded(number: int, name: str, side: Side, quantity: int, price: int) -> Script:
    amounts = Decimal(quantity), Decimal(price), "taker", Decimal("0.1"), "USDT"
    return of(number, VenueTradeReported, name, side, *amounts, START, 0)


FOREIGN = VenueForeignTradeReported(
    venue="SIM",
    symbol="COIN",
    trade_id="t4",
    client_order_id="theirs",
    origin="order",
    side="buy",
    quantity=Decimal(3),
    price=Decimal(100),
    liquidity="maker",
    fee=Decimal("0.1"),
    fee_currency="USDT",
    traded_at=START,
    number=4,
    cursor="4",
)


def says(event: Event) -> Script:
    """The edge says this, which is of no order."""
    return [Report(0, lambda _: event)]


def buys(id: str, quantity: int, **more: Any) -> Script:
    terms: dict[str, Any] = {"order_type": "limit", "limit_price": 100}
    return alice(id, "buy", quantity, instrument=COIN, **(terms | more))


SCRIPT: Script = [
    *opening(limits(), instrument=listed(COIN), at=SIM),
    *minute(bar(100, instrument=COIN)),
    # 0: nobody sees the answer, the venue is asked, it knows nothing; sent again it trades.
    *buys("a1", 3, stop_loss=90, take_profit=120),
    *of(0, VenueRequestSending, "submit"),
    *of(0, VenueRequestUnanswered, "submit", "timed out"),
    *says(VenueConnectionChanged("SIM", connected=False, reason="timed out")),
    *minute(bar(100, instrument=COIN), bar(100, instrument=COIN)),
    *says(VenueConnectionChanged("SIM", connected=True, reason="")),
    *of(0, VenueOrderMissing),
    *of(0, VenueRequestSending, "submit"),
    # The trade is told before the acknowledgement and again after it: one fill, legs 1 and 2.
    *traded(0, "t1", "buy", 1, 100),
    *of(0, VenueOrderAccepted, "sim-1"),
    *traded(0, "t1", "buy", 1, 100),
    *of(1, VenueOrderAccepted, "sim-2"),
    *of(2, VenueOrderAccepted, "sim-3"),
    # A cancel; before the venue ends the order it trades once more: legs 3 and 4 are its own.
    *alice_cancels("a1"),
    *of(0, VenueRequestSending, "cancel"),
    *of(0, VenueOrderEnded, "cancelled", Decimal(2), "cancelled"),
    *traded(0, "t2", "buy", 1, 100),
    *of(3, VenueOrderAccepted, "sim-4"),
    *of(4, VenueOrderRejected, "too_many_orders", "no more than four"),
    # The first stop sells; its take-profit is cancelled, and had ended already.
    *traded(1, "t3", "sell", 1, 90),
    *of(2, VenueCancelRejected, "it is not open"),
    *of(2, VenueOrderEnded, "cancelled", Decimal(0), "reduce-only"),
    # 5: halted before it was sent. A stranger at the venue halts entries too.
    *buys("a2", 1),
    *of(5, VenueOrderNotSent, "halted", "a halt (close_only) waits at the operators' door"),
    *ann(HaltRequested("ann", "enough", "close_only")),
    *says(VenueReportRefused("SIM", "malformed", "not an object", "[")),
    *says(VenueReconciled("SIM", 1, 0, ["theirs"], {"USDT": Decimal(99_900)})),
    *says(FOREIGN),
    *minute(bar(100, instrument=COIN)),
]
