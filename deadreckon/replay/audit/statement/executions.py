"""The slippage of each fill against the price it was meant at, in basis points and in money.

An order that waits for a price of its own (a stop, a limit) is held against that price, all others
against the mark when their intent was recorded. The cost since the signal of an entry, and against
the market at the moment of the fill, is given too.
Positive is worse for us; buys above, sells below.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.contracts.amounts import EXACT, canonical, ratio
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import BarClosed, MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import OrderFilled, OrderReplaced, OrderSubmitting
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.audit.statement.evidence import SequenceIndex

BPS_SCALE = 2  # decimals of a basis point that are given
HALF = Decimal("0.5")


class MarketQuote(Struct, frozen=True):
    """A price and the position in the log that it was known from."""

    price: Decimal
    position: SequenceIndex


class Intent(Struct):
    """An order as it was meant; marks are null where no price was known yet."""

    purpose: str
    signalled: MarketQuote | None
    marked: MarketQuote | None
    own: MarketQuote | None  # the stop or limit price that it waits for
    waits_for: str


class Execution(Struct, frozen=True):
    """One fill with its benchmark; costs in the quote currency of its instrument.

    `against` names the benchmark, `bps` is null where there is none. `since_signal` is null where
    the order follows from a fill rather than from a signal.
    """

    record: Recorded[OrderFilled]
    purpose: str
    against: str
    benchmark: MarketQuote | None
    currency: str
    notional: Decimal  # at the benchmark
    bps: Decimal | None
    cost: Decimal
    since_signal: Decimal | None
    beside_market: Decimal


class Executions(Struct):
    """Fold of a log in its own order; `fold` answers a fill with its costs."""

    listings: dict[str, InstrumentListed] = field(default_factory=dict)
    marks: dict[str, MarketQuote] = field(default_factory=dict)
    signals: dict[tuple[str, str], MarketQuote | None] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)

    def fold(self, record: Recorded[Any]) -> Execution | None:
        """Move on by one fact."""
        match record.event:
            case BarClosed(instrument=instrument, close=price):
                self.marks[instrument] = MarketQuote(price, _position(record))
            case TradePrinted(instrument=instrument, price=price):
                self.marks[instrument] = MarketQuote(price, _position(record))
            case MarkUpdated(instrument=instrument, price=price):
                self.marks[instrument] = MarketQuote(price, _position(record))
            case QuoteUpdated(instrument=instrument, bid=bid, ask=ask):
                middle = EXACT.multiply(EXACT.add(bid, ask), HALF)
                self.marks[instrument] = MarketQuote(canonical(middle), _position(record))
            case InstrumentListed() as listing:
                self.listings[listing.instrument] = listing
            case SignalRaised() as signal:
                known = self.marks.get(signal.instrument)
                self.signals[signal.producer, signal.signal_id] = known
            case OrderSubmitting() as order:
                self.intents[order.order_id] = self._intent(record, order)
            case OrderReplaced() as change:
                self._change(record, change)
            case OrderFilled():
                return self._execution(record)
        return None

    def _intent(self, record: Recorded[Any], order: OrderSubmitting) -> Intent:
        asked = order.purpose in ("entry", "flatten")
        return Intent(
            purpose=order.purpose,
            signalled=self.signals.get((order.producer, order.signal_id)) if asked else None,
            marked=self.marks.get(order.instrument),
            own=_own(record, order),
            waits_for="stop price" if order.stop_price is not None else "limit price",
        )

    def _change(self, record: Recorded[Any], change: OrderReplaced) -> None:
        intent = self.intents.get(change.order_id)
        if intent is not None:
            intent.own = _own(record, change)

    def _execution(self, record: Recorded[OrderFilled]) -> Execution:
        fill = record.event
        intent = self.intents.get(fill.order_id) or Intent("unknown", None, None, None, "")
        benchmark = intent.own or intent.marked
        listing = self.listings.get(fill.instrument)
        size = EXACT.multiply(fill.quantity, listing.contract_size if listing else Decimal(1))
        price = benchmark.price if benchmark else fill.reference_price
        worse = _worse(fill, price)
        signalled = intent.signalled
        return Execution(
            record=record,
            purpose=intent.purpose,
            against=intent.waits_for if intent.own else "mark",
            benchmark=benchmark,
            currency=listing.quote_currency if listing else "",
            notional=canonical(EXACT.multiply(price, size)),
            bps=ratio(worse.scaleb(4), price, BPS_SCALE) if benchmark and price > 0 else None,
            cost=canonical(EXACT.multiply(worse, size)),
            since_signal=canonical(EXACT.multiply(_worse(fill, signalled.price), size))
            if signalled
            else None,
            beside_market=canonical(EXACT.multiply(_worse(fill, fill.reference_price), size)),
        )


def _own(record: Recorded[Any], order: OrderSubmitting | OrderReplaced) -> MarketQuote | None:
    price = order.limit_price if order.stop_price is None else order.stop_price
    return None if price is None else MarketQuote(price, _position(record))


def _worse(fill: OrderFilled, than: Decimal) -> Decimal:
    """Return how much worse the price is, in quote currency per base unit."""
    apart = EXACT.subtract(fill.price, than)
    return apart if fill.side == "buy" else EXACT.minus(apart)


def _position(record: Recorded[Any]) -> SequenceIndex:
    return record.sequence, record.index
