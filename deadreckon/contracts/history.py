"""Retired event shapes, each with its upcast; the only module that knows old versions."""

from typing import Annotated

from deadreckon.contracts.event import Retired, carried
from deadreckon.contracts.fields import (
    Actor,
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
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.units import described
from deadreckon.contracts.venues import (
    TradedAt,
    TradeId,
    VenueReportRefused,
    VenueTradeReported,
)

AccountTradeNumber = Annotated[
    int, described("number of the trade in the venue's sequence of the account's trades, from 1")
]


class HaltRequestedV1(Retired, frozen=True):
    """Halt request until 2026-11: `close_only` was a flag, and every other halt was total."""

    actor: Actor
    reason: Reason
    close_only: Annotated[bool, described("true: exits pass; false: everything is stopped")]

    def upcast(self) -> HaltRequested:
        """Return the halt with its scope by name."""
        return HaltRequested(
            actor=self.actor, reason=self.reason, scope="close_only" if self.close_only else "all"
        )


class VenueTradeReportedV1(Retired, frozen=True):
    """Venue trade until 2026-12: `place` was its index in the venue's own gapless sequence.

    Only the simulated venue has such a sequence; there the index is both number and cursor.
    """

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
    place: AccountTradeNumber = 0

    def upcast(self) -> VenueTradeReported:
        """Return the trade with its index as number and cursor."""
        cursor = str(self.place) if self.place else ""
        return carried(VenueTradeReported, self, number=self.place, cursor=cursor)


class VenueReportRefusedV1(Retired, frozen=True):
    """Refused venue report until 2026-12: `place` was its index in the venue's own sequence."""

    venue: VenueName
    rule: Annotated[str, described("why: malformed, unknown_order or impossible_amount")]
    reason: Reason
    evidence: Annotated[str, described("at most 512 characters of the report")]
    place: AccountTradeNumber = 0

    def upcast(self) -> VenueReportRefused:
        """Return the refusal with the trade's index as number and cursor."""
        cursor = str(self.place) if self.place else ""
        return carried(VenueReportRefused, self, number=self.place, cursor=cursor)


# (type, version) -> retired shape. The newest version of a type is one more than its last here.
RETIRED: dict[tuple[str, int], type[Retired]] = {
    ("governance.halt_requested", 1): HaltRequestedV1,
    ("venues.venue_trade_reported", 1): VenueTradeReportedV1,
    ("venues.venue_report_refused", 1): VenueReportRefusedV1,
}
