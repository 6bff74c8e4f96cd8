"""Detection of late events: a fee, a funding or a venue's trade recorded after the time it
concerns.

Nothing edits the past. "As known then" folds the log up to a point; "as known now" adds the events
that came later and were due by then, in log order. At the end of the log both are equal.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.accounting import average_cost
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.postings import book_funding
from deadreckon.contracts import dedup
from deadreckon.contracts.amounts import ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import FundingRatePublished
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import FeeCharged
from deadreckon.contracts.venues import VenueTradeReported
from deadreckon.replay.asof.fold import BookState, apply_event


class Late(Struct, frozen=True, array_like=True):
    """An event at (`sequence`, `index`), recorded at `at` and due earlier, at `effective_at`
    (nanoseconds UTC). For a funding, `booked` is what each strategy received (quote currency),
    computed from the positions when it was recorded."""

    sequence: int
    index: int
    at: int
    effective_at: int
    booked: dict[str, Decimal] = {}

    def concerns(self, state: BookState) -> bool:
        """Return True when it was due by the state's time and not known yet."""
        is_after = (self.sequence, self.index) > (state.sequence, state.index)
        return is_after and self.effective_at <= state.now


class LatenessDetector:
    """Detector of late events; it reads events in log order.

    `reported` are the venue's times of trades without a fill yet.
    """

    def __init__(self, reported: dict[str, int] | None = None) -> None:
        self.reported = dict(reported or {})

    def judge(self, state: BookState, record: Recorded[Any]) -> Late | None:
        """Return the event as a late one; None when it is on time. Call it before folding the
        event."""
        match record.event:
            case FeeCharged(effective_at=effective_at) if 0 < effective_at < record.at:
                return Late(record.sequence, record.index, record.at, effective_at)
            case FundingRatePublished(effective_at=effective_at) if 0 < effective_at < record.at:
                booked = _funding(state.ledger, record.event)
                return Late(record.sequence, record.index, record.at, effective_at, booked)
            case VenueTradeReported(traded_at=traded_at) as trade:
                if not _is_filled(state.ledger, trade.venue, trade.trade_id):
                    self.reported.setdefault(_trade(trade), traded_at)
            case OrderFilled() as fill:
                return self._filled(state, record, fill)
        return None

    def _filled(self, state: BookState, record: Recorded[Any], fill: OrderFilled) -> Late | None:
        """Judge a fill; a trade is never due before its order, since a venue's clock may be
        wrong."""
        traded_at = self.reported.pop(_trade(fill), record.at)
        order = state.orders.get(fill.order_id)
        due = max(traded_at, order.submitted_at or 0) if order else traded_at
        return Late(record.sequence, record.index, record.at, due) if due < record.at else None


def add_late(state: BookState, record: Recorded[Any], late: Late) -> None:
    """Apply a late event to a state as of an earlier point."""
    if isinstance(record.event, FundingRatePublished):
        for strategy, amount in late.booked.items():
            book_funding(state.ledger, record.event.instrument, strategy, amount)
    elif (
        not isinstance(record.event, OrderFilled)
        or record.event.instrument in state.ledger.listings
    ):
        apply_event(state, record)


def late_for(lates: Iterable[Late], state: BookState) -> list[Late]:
    """Return the late events that were due by then and not known yet, in log order."""
    return [late for late in lates if late.concerns(state)]


def _trade(event: VenueTradeReported | OrderFilled) -> str:
    return f"{event.venue}|{event.trade_id}"


def _is_filled(book: Ledger, venue: str, trade_id: str) -> bool:
    seen = book.trades.get(venue)
    return seen is not None and dedup.find(seen, trade_id) is not None


def _funding(book: Ledger, published: FundingRatePublished) -> dict[str, Decimal]:
    listing = book.listings.get(published.instrument)
    if listing is None or listing.kind != "perpetual":
        return {}
    held = book.holdings.get(published.instrument, {})
    amounts = {
        strategy: average_cost.funding(found.position, published.mark, published.rate)
        for strategy, found in sorted(held.items())
    }
    return {strategy: amount for strategy, amount in amounts.items() if amount != ZERO}
