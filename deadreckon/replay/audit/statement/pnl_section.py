"""Earnings and costs of the book, event by event, in the order portfolio handled them."""

from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.money import worth
from deadreckon.accounting.pnl import PositionKey
from deadreckon.contracts.amounts import EXACT, ZERO, text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import (
    BarClosed,
    FundingRatePublished,
    MarkUpdated,
    QuoteUpdated,
    TradePrinted,
)
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn, FeeCharged
from deadreckon.replay.audit.statement.evidence import Evidence, event_line

PRICE_EVENTS = (BarClosed, QuoteUpdated, TradePrinted, MarkUpdated)
SEPARATE_FEE = "charged apart"  # the kind of a fee that came with no fill


class Sources(Struct):
    """Sources of the figures of one key, each in the currency it was earned or paid in."""

    realised: Evidence = field(default_factory=Evidence)
    fees: Evidence = field(default_factory=Evidence)
    funding: Evidence = field(default_factory=Evidence)


class RealisedFill(Struct, frozen=True):
    """A fill with what it realised, in quote currency."""

    record: Recorded[OrderFilled]
    realised: Decimal


class PnlSources(Struct):
    """`building` are the fills that an open position was made of since it was last flat; `prices`
    the facts that instruments were last priced by. Copies of both are taken at either end."""

    sources: dict[PositionKey, Sources] = field(default_factory=dict)
    fees: dict[tuple[str, str, str], Evidence] = field(default_factory=dict)  # venue, kind, unit
    deposits: Evidence = field(default_factory=Evidence)
    building: dict[PositionKey, Evidence] = field(default_factory=dict)
    prices: dict[str, Recorded[Any]] = field(default_factory=dict)
    realised: dict[PositionKey, Decimal] = field(default_factory=dict)
    funded: dict[PositionKey, Decimal] = field(default_factory=dict)

    def fold(self, record: Recorded[Any], book: Ledger, *, counts: bool) -> RealisedFill | None:
        """Take a fact that the ledger has just taken; a fill that is new is answered."""
        match record.event:
            case OrderFilled() if ledger.is_new_fill(book, record):
                return self._fill(record, book, counts=counts)
            case FeeCharged() if counts:
                self._charge(record, book)
            case FundingRatePublished():
                self._fund(record, book, counts=counts)
            case CashDeposited(amount=amount, currency=currency) if counts:
                self.deposits.add(record, partial(event_line, record), amount, currency)
            case CashWithdrawn(amount=amount, currency=currency) if counts:
                self.deposits.add(
                    record, partial(event_line, record), EXACT.minus(amount), currency
                )
            case event if isinstance(event, PRICE_EVENTS):
                self.prices[event.instrument] = record
        return None

    def of(self, key: PositionKey) -> Sources:
        """Return the sources of a key, created if there are none yet."""
        return self.sources.setdefault(key, Sources())

    def _fill(self, record: Recorded[OrderFilled], book: Ledger, *, counts: bool) -> RealisedFill:
        fill = record.event
        key = (fill.strategy, fill.venue, fill.instrument)
        held = ledger.position(book, fill.strategy, fill.instrument)
        assert held is not None
        realised = average_cost.realised(held)
        gained = EXACT.subtract(realised, self.realised.get(key, ZERO))
        self.realised[key] = realised
        self._build(key, record, held.quantity)
        if counts:
            quote = book.listings[fill.instrument].quote_currency
            sources = self.of(key)
            if gained:
                sources.realised.add(record, partial(event_line, record), gained, quote)
            sources.fees.add(record, partial(_fee, record), fill.fee, fill.fee_currency)
            self._pay(fill.venue, fill.liquidity, record, fill.fee, fill.fee_currency)
        return RealisedFill(record, gained)

    def _build(self, key: PositionKey, record: Recorded[OrderFilled], quantity: int) -> None:
        """Collect a position's fills; a fill that turns the position starts a new collection."""
        bought = record.event.side == "buy"
        made = self.building.get(key)
        signed = record.event.quantity if bought else EXACT.minus(record.event.quantity)
        before = made.sums.get("", ZERO) if made else ZERO
        if made is None or not before or (before > 0) != (quantity > 0):
            made = self.building[key] = Evidence()
            if before:
                signed = EXACT.add(before, signed)
        made.add(record, partial(event_line, record), signed)
        if not quantity:
            del self.building[key]

    def _charge(self, record: Recorded[FeeCharged], book: Ledger) -> None:
        fee = record.event
        listing = book.listings.get(fee.instrument)
        venue = listing.venue if listing else ""
        if listing:
            fees = self.of((fee.strategy, venue, fee.instrument)).fees
            fees.add(record, partial(event_line, record), fee.amount, fee.currency)
        self._pay(venue, SEPARATE_FEE, record, fee.amount, fee.currency)

    def _pay(self, venue: str, kind: str, record: Any, amount: Decimal, currency: str) -> None:
        found = self.fees.setdefault((venue, kind, currency), Evidence())
        found.add(record, partial(_fee, record), amount, currency)

    def _fund(self, record: Recorded[Any], book: Ledger, *, counts: bool) -> None:
        listing = book.listings.get(record.event.instrument)
        if listing is None:
            return
        for strategy, held in sorted(book.holdings.get(record.event.instrument, {}).items()):
            key = (strategy, listing.venue, record.event.instrument)
            received = worth(held.funding)
            amount = EXACT.subtract(received, self.funded.get(key, ZERO))
            self.funded[key] = received
            if amount and counts:
                what = partial(_funding, record, strategy)
                self.of(key).funding.add(record, what, amount, listing.quote_currency)


def _fee(record: Recorded[Any]) -> str:
    event = record.event
    if isinstance(event, OrderFilled):
        return f"{event.strategy} {event.liquidity} fill of trade {event.trade_id[:16]}"
    return event_line(record)


def _funding(record: Recorded[FundingRatePublished], strategy: str) -> str:
    return f"{strategy} at rate {text(record.event.rate)} on mark {text(record.event.mark)}"
