"""Prices that an order meets: the one known when it arrives, and those that come after it.

An order meets only prices that were not yet past when it arrived. A bar's open, high and low
count for it when the bar opened at or after the arrival; otherwise only the close does. Where
`BarOpened` came before the close, the open was met then. A mark that a person states is a price of
an instrument that has no other.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ROUNDING, ZERO, product
from deadreckon.contracts.fields import Side
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.market import (
    BarClosed,
    BarOpened,
    MarkUpdated,
    QuoteUpdated,
    TradePrinted,
)
from deadreckon.services.fill import prices
from deadreckon.services.fill.state import MarketState, Order, State, TakerPrices

PriceEvent = BarOpened | BarClosed | QuoteUpdated | TradePrinted | MarkUpdated


class PriceSpan(Struct, frozen=True):
    """The prices that one market event shows to an order of one side, in quote currency.

    `first` is the earliest that counts, `last` the latest; `worst` and `best` lie between them,
    as the order's side sees it. `touches` says that meeting a limit fills it, as a quote does
    whose other side has come to us; a trade at our price may have been another's. `met` says that
    the order has met the first price before, when `BarOpened` came. `stated` is a price by hand, at
    which everything trades that may: nothing rests there.
    """

    first: Decimal
    worst: Decimal
    best: Decimal
    last: Decimal
    touches: bool = False
    met: bool = False
    stated: bool = False


def is_stated_price(state: State, mark: MarkUpdated) -> bool:
    """Tell whether a mark is a price to trade at: a person states it, and its instrument has
    neither bars, quotes nor prints."""
    market = state.markets.get(mark.instrument)
    return (
        bool(mark.actor) and mark.instrument in state.listings and (market is None or market.stated)
    )


def record_price(state: State, event: PriceEvent, at: int) -> None:
    """Keep the newest price of an instrument, and the one before it."""
    quote = _quote_of(event)
    market = state.markets.get(event.instrument)
    if market is None:
        market = state.markets[event.instrument] = MarketState(quote, at)
    else:
        _rest_away_from(market.last, state.orders.get(event.instrument, {}).values())
        market.before = market.last
        market.last = quote
        market.at = at
    market.stated = isinstance(event, MarkUpdated)
    _meet(state.orders.get(event.instrument, {}).values(), at)
    if isinstance(event, BarOpened):
        market.opened_at, market.taken = at, ZERO
    elif isinstance(event, BarClosed):
        market.bar = event


def _meet(orders: Iterable[Order], at: int) -> None:
    for order in orders:
        if order.own_strategy and order.met_at is None and order.arrives_at <= at:
            order.met_at = at


def _rest_away_from(quote: TakerPrices, orders: Iterable[Order]) -> None:
    """Mark the limit orders that the market has left behind: they rest until it comes back."""
    for order in orders:
        if order.order_type == "limit" and order.limit_price is not None and not order.resting:
            price = prices.taker_price(order.side, quote)
            order.resting = not prices.within(order.side, price, order.limit_price)


def _quote_of(event: PriceEvent) -> TakerPrices:
    match event:
        case BarOpened():
            return TakerPrices(event.open, event.open)
        case BarClosed():
            return TakerPrices(event.close, event.close)
        case TradePrinted() | MarkUpdated():
            return TakerPrices(event.price, event.price)
        case QuoteUpdated():
            return TakerPrices(event.bid, event.ask)


def known_at(market: MarketState | None, at: int) -> TakerPrices | None:
    """Return the newest price that was known at a time; None when there was none."""
    if market is None:
        return None
    return market.last if market.at <= at else market.before


def price_span(event: PriceEvent, at: int, order: Order, market: MarketState) -> PriceSpan:
    """Return the prices that this event shows to this order."""
    match event:
        case BarOpened(open=price):
            return PriceSpan(price, price, price, price)
        case BarClosed(interval=interval, close=close):
            if at - interval < order.arrives_at:
                return PriceSpan(close, close, close, close)
            met = was_opened(event, at, market)
            if order.side == "buy":
                return PriceSpan(event.open, event.high, event.low, close, met=met)
            return PriceSpan(event.open, event.low, event.high, close, met=met)
        case TradePrinted(price=price):
            return PriceSpan(price, price, price, price)
        case QuoteUpdated(bid=bid, ask=ask):
            price = ask if order.side == "buy" else bid
            return PriceSpan(price, price, price, price, touches=True)
        case MarkUpdated(price=price):
            return PriceSpan(price, price, price, price, stated=True)


def was_opened(bar: BarClosed, at: int, market: MarketState) -> bool:
    """Tell whether `BarOpened` came before this close."""
    return market.opened_at == at - bar.interval


def available(
    event: PriceEvent,
    at: int,
    side: Side,
    market: MarketState,
    listing: InstrumentListed,
    venue: VenueConfigured,
) -> Decimal:
    """Return the quantity (base units or contracts) that our orders may take of an event, in whole
    lots.

    Participation x what traded, or x what a quote offers to this side. When a bar opens nobody
    knows its volume: that of the bar before counts, and what was taken then counts at the close.
    """
    match event:
        case BarOpened():
            lots = ZERO if market.bar is None else _lots_of_bar(market.bar, listing, venue)
        case BarClosed():
            lots = _lots_of_bar(event, listing, venue)
            if was_opened(event, at, market):
                left = EXACT.subtract(product(lots, listing.lot_size), market.taken)
                return max(ZERO, left)
        case TradePrinted():
            lots = _lots_of(event.quantity, listing, venue)
        case MarkUpdated():
            return ZERO  # it has no volume; by its terms nobody asks
        case _:
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
