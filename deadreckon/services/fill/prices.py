"""Prices as a side sees them: better or worse, worsened by slippage, charged with a fee."""

from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact

from deadreckon.contracts.amounts import (
    EXACT,
    SCALE_MAX,
    ZERO,
    canonical,
    round_down,
    round_up,
)
from deadreckon.contracts.fields import Liquidity, Side
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.services.fill.state import TakerPrices

ONE = Decimal(1)
FEE_STEP = ONE.scaleb(-SCALE_MAX)  # cash ledgers count in these
_WIDE = Context(prec=200, traps=[Inexact])  # a fee is a product of four amounts
_ROUNDED = Context(prec=200)


def opposite(side: Side) -> Side:
    """Return the side that closes what this one opens."""
    return "sell" if side == "buy" else "buy"


def taker_price(side: Side, quote: TakerPrices) -> Decimal:
    """Return the price that a taker of this side meets."""
    return quote.ask if side == "buy" else quote.bid


def within(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Tell whether a price is the limit or better for this side."""
    return price <= limit if side == "buy" else price >= limit


def beyond(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Tell whether a price is better than the limit: the market traded through it."""
    return price < limit if side == "buy" else price > limit


def reached(side: Side, price: Decimal, stop: Decimal) -> bool:
    """Tell whether a price triggers a stop of this side."""
    return price >= stop if side == "buy" else price <= stop


def worse(side: Side, one: Decimal, other: Decimal) -> Decimal:
    """Return the worse of two prices for this side."""
    return max(one, other) if side == "buy" else min(one, other)


def better(side: Side, one: Decimal, other: Decimal) -> Decimal:
    """The better of two prices for this side."""
    return min(one, other) if side == "buy" else max(one, other)


def slipped(side: Side, price: Decimal, basis_points: Decimal, tick: Decimal) -> Decimal:
    """Return a taker's price: worsened by slippage, then rounded to the tick against the taker.

    Zero or less when a sale has nothing left of the price; nobody trades there.
    """
    share = basis_points.scaleb(-4, EXACT)
    if side == "buy":
        return round_up(EXACT.multiply(price, EXACT.add(ONE, share)), tick)
    return round_down(EXACT.multiply(price, EXACT.subtract(ONE, share)), tick)


def fee(
    listing: InstrumentListed,
    venue: VenueConfigured,
    liquidity: Liquidity,
    side: Side,
    quantity: Decimal,
    price: Decimal,
) -> tuple[Decimal, str]:
    """Return the fee of a fill and its currency: rate x notional, rounded half-even to 18 decimals.

    A spot venue may charge a buyer in the base currency, from what is received: rate x quantity; a
    seller receives quote currency, and pays in that. Any other fee currency would need a rate that
    is not known, so that the fee is in the quote currency then.
    """
    rate = venue.maker_fee_rate if liquidity == "maker" else venue.taker_fee_rate
    size = _WIDE.multiply(quantity, listing.contract_size)
    in_base = venue.fee_currency == listing.base_currency and listing.kind == "spot"
    in_base = in_base and side == "buy"
    amount = _WIDE.multiply(size, rate)
    if not in_base:
        amount = _WIDE.multiply(amount, price)
    rounded = canonical(amount.quantize(FEE_STEP, ROUND_HALF_EVEN, _ROUNDED)) if amount else ZERO
    return rounded, listing.base_currency if in_base else listing.quote_currency
