"""What the book earned and paid, event by event, in the order in which portfolio lived it."""

from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.money import worth
from deadreckon.accounting.pnl import Key
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
from deadreckon.replay.audit.statement.event_lines import tell
from deadreckon.replay.audit.statement.evidence import Evidence

PRICED = (BarClosed, QuoteUpdated, TradePrinted, MarkUpdated)
APART = "charged apart"  # the kind of a fee that came with no fill


class Sources(Struct):
    """Where the figures of one key come from, each in the currency it was earned or paid in."""

    realised: Evidence = field(default_factory=Evidence)
    fees: Evidence = field(default_factory=Evidence)
    funding: Evidence = field(default_factory=Evidence)


class Earned(Struct, frozen=True):
    """A fill with what it realised, in quote currency."""

    said: Recorded[OrderFilled]
    realised: Decimal


class Earning(Struct):
    """`building` are the fills that an open position was made of since it was last flat; `prices`
    the facts that instruments were last priced by. Copies of both are taken at either end."""

    sources: dict[Key, Sources] = field(default_factory=dict)
    fees: dict[tuple[str, str, str], Evidence] = field(default_factory=dict)  # venue, kind, unit
    deposits: Evidence = field(default_factory=Evidence)
    building: dict[Key, Evidence] = field(default_factory=dict)
    prices: dict[str, Recorded[Any]] = field(default_factory=dict)
    realised: dict[Key, Decimal] = field(default_factory=dict)
    funded: dict[Key, Decimal] = field(default_factory=dict)

    def fold(self, said: Recorded[Any], book: Ledger, *, counts: bool) -> Earned | None:
        """Take a fact that the ledger has just taken; a fill that is new is answered."""
        match said.event:
            case OrderFilled() if ledger.is_new(book, said):
                return self._fill(said, book, counts=counts)
            case FeeCharged() if counts:
                self._charge(said, book)
            case FundingRatePublished():
                self._fund(said, book, counts=counts)
            case CashDeposited(amount=amount, currency=currency) if counts:
                self.deposits.add(said, partial(tell, said), amount, currency)
            case CashWithdrawn(amount=amount, currency=currency) if counts:
                self.deposits.add(said, partial(tell, said), EXACT.minus(amount), currency)
            case event if isinstance(event, PRICED):
                self.prices[event.instrument] = said
        return None

    def of(self, key: Key) -> Sources:
        """The sources of a key, made where there are none yet."""
        return self.sources.setdefault(key, Sources())

    def _fill(self, said: Recorded[OrderFilled], book: Ledger, *, counts: bool) -> Earned:
        fill = said.event
        key = (fill.strategy, fill.venue, fill.instrument)
        held = ledger.position(book, fill.strategy, fill.instrument)
        assert held is not None
        realised = average_cost.realised(held)
        gained = EXACT.subtract(realised, self.realised.get(key, ZERO))
        self.realised[key] = realised
        self._build(key, said, held.quantity)
        if counts:
            quote = book.listings[fill.instrument].quote_currency
            sources = self.of(key)
            if gained:
                sources.realised.add(said, partial(tell, said), gained, quote)
            sources.fees.add(said, partial(_fee, said), fill.fee, fill.fee_currency)
            self._pay(fill.venue, fill.liquidity, said, fill.fee, fill.fee_currency)
        return Earned(said, gained)

    def _build(self, key: Key, said: Recorded[OrderFilled], quantity: int) -> None:
        """A position that turns begins anew with the fill that turned it."""
        bought = said.event.side == "buy"
        made = self.building.get(key)
        signed = said.event.quantity if bought else EXACT.minus(said.event.quantity)
        before = made.sums.get("", ZERO) if made else ZERO
        if made is None or not before or (before > 0) != (quantity > 0):
            made = self.building[key] = Evidence()
            if before:
                signed = EXACT.add(before, signed)
        made.add(said, partial(tell, said), signed)
        if not quantity:
            del self.building[key]

    def _charge(self, said: Recorded[FeeCharged], book: Ledger) -> None:
        fee = said.event
        listing = book.listings.get(fee.instrument)
        venue = listing.venue if listing else ""
        if listing:
            fees = self.of((fee.strategy, venue, fee.instrument)).fees
            fees.add(said, partial(tell, said), fee.amount, fee.currency)
        self._pay(venue, APART, said, fee.amount, fee.currency)

    def _pay(self, venue: str, kind: str, said: Any, amount: Decimal, currency: str) -> None:
        found = self.fees.setdefault((venue, kind, currency), Evidence())
        found.add(said, partial(_fee, said), amount, currency)

    def _fund(self, said: Recorded[Any], book: Ledger, *, counts: bool) -> None:
        listing = book.listings.get(said.event.instrument)
        if listing is None:
            return
        for strategy, held in sorted(book.holdings.get(said.event.instrument, {}).items()):
            key = (strategy, listing.venue, said.event.instrument)
            received = worth(held.funding)
            amount = EXACT.subtract(received, self.funded.get(key, ZERO))
            self.funded[key] = received
            if amount and counts:
                what = partial(_funding, said, strategy)
                self.of(key).funding.add(said, what, amount, listing.quote_currency)


def _fee(said: Recorded[Any]) -> str:
    event = said.event
    if isinstance(event, OrderFilled):
        return f"{event.strategy} {event.liquidity} fill of trade {event.trade_id[:16]}"
    return tell(said)


def _funding(said: Recorded[FundingRatePublished], strategy: str) -> str:
    return f"{strategy} at rate {text(said.event.rate)} on mark {text(said.event.mark)}"
