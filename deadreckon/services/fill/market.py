"""Prices that an order meets: the one known when it arrives, and those that come after it.

An order meets only prices that were not yet past when it arrived. A bar's open, high and low
count for it when the bar opened at or after the arrival; otherwise only the close does.
"""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ROUNDING, product
from deadreckon.contracts.fields import Side
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.market import BarClosed, QuoteUpdated, TradePrinted
from deadreckon.services.fill.state import MarketState, Order, State, TakerPrices

PriceEvent = BarClosed | QuoteUpdated | TradePrinted


class PriceSpan(Struct, frozen=True):
    """The prices that one market event shows to an order of one side, in quote currency.

    `first` is the earliest that counts, `last` the latest; `worst` and `best` lie between them,
    as the order's side sees it. `touches` says that meeting a limit fills it, as a quote does
    whose other side has come to us; a trade at our price may have been another's.
    """

    first: Decimal
    worst: Decimal
    best: Decimal
    last: Decimal
    touches: bool = False


def record_price(state: State, event: PriceEvent, at: int) -> None:
    """Keep the newest price of an instrument, and the one before it."""
    quote = _quote_of(event)
    market = state.markets.get(event.instrument)
    if market is None:
        state.markets[event.instrument] = MarketState(quote, at)
        return
    market.before = market.last
    market.last = quote
    market.at = at
    market.events += 1


def _quote_of(event: PriceEvent) -> TakerPrices:
    match event:
        case BarClosed():
            return TakerPrices(event.close, event.close)
        case TradePrinted():
            return TakerPrices(event.price, event.price)
        case QuoteUpdated():
            return TakerPrices(event.bid, event.ask)


def known_at(market: MarketState | None, at: int) -> TakerPrices | None:
    """Return the newest price that was known at a time; None when there was none."""
    if market is None:
        return None
    return market.last if market.at <= at else market.before


def price_span(event: PriceEvent, at: int, order: Order) -> PriceSpan:
    """Return the prices that this event shows to this order."""
    match event:
        case BarClosed(interval=interval, close=close):
            if at - interval < order.arrives_at:
                return PriceSpan(close, close, close, close)
            if order.side == "buy":
                return PriceSpan(event.open, event.high, event.low, close)
            return PriceSpan(event.open, event.low, event.high, close)
        case TradePrinted(price=price):
            return PriceSpan(price, price, price, price)
        case QuoteUpdated(bid=bid, ask=ask):
            price = ask if order.side == "buy" else bid
            return PriceSpan(price, price, price, price, touches=True)


def available(
    event: PriceEvent, side: Side, listing: InstrumentListed, venue: VenueConfigured
) -> Decimal:
    """Return the quantity (base units or contracts) that our orders may take of an event, in whole
    lots.

    Participation x what traded, or x what a quote offers to this side.
    """
    if isinstance(event, BarClosed):
        lots = _lots_of_bar(event, listing, venue)
    elif isinstance(event, TradePrinted):
        lots = _lots_of(event.quantity, listing, venue)
    else:
        lots = _lots_of(event.ask_size if side == "buy" else event.bid_size, listing, venue)
    return product(lots, listing.lot_size)


def _lots_of(quantity: Decimal, listing: InstrumentListed, venue: VenueConfigured) -> Decimal:
    return ROUNDING.divide_int(EXACT.multiply(quantity, venue.participation), listing.lot_size)


def _lots_of_bar(bar: BarClosed, listing: InstrumentListed, venue: VenueConfigured) -> Decimal:
    """Quote volume is turned into a quantity at the high, where it is least.

    An unknown unit counts as the smaller of what it would be in base and in quote.
    """
    volume = EXACT.multiply(bar.volume, venue.participation)
    lot_of_base = EXACT.multiply(listing.lot_size, listing.contract_size)
    lot_of_quote = EXACT.multiply(lot_of_base, bar.high)
    match bar.volume_unit:
        case "contracts":
            return ROUNDING.divide_int(volume, listing.lot_size)
        case "base":
            return ROUNDING.divide_int(volume, lot_of_base)
        case "quote":
            return ROUNDING.divide_int(volume, lot_of_quote)
        case "unknown":
            return ROUNDING.divide_int(volume, max(lot_of_base, lot_of_quote))
