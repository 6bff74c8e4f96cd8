"""Match of an order with one market event on paper, as if there were volume enough."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.amounts import ZERO
from deadreckon.contracts.fields import Liquidity
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.services.fill import prices
from deadreckon.services.fill.market import PriceSpan
from deadreckon.services.fill.state import Order

# In which order the orders of one event trade. What trades at the open goes first; a stop goes
# before what rests, so that of a bracket's legs the stop wins. An entry whose bracket is armed
# goes last: its legs meet the event as they were before it grew them.
AT_OPEN, STOPS, RESTING, GROWING = range(4)


class Terms(Struct, frozen=True):
    """Terms of an instrument and of its venue."""

    listing: InstrumentListed
    venue: VenueConfigured

    def at_stated_price(self) -> "Terms":
        """Return the terms of a price that a person states: all of an order trades there."""
        return Terms(self.listing, replace(self.venue, participation=ZERO, slippage_bps=ZERO))


class PaperMatch(Struct, frozen=True):
    """Effect of an event on an order: a trigger, a trade, or an end without a trade.

    `price` is None when it trades nothing; `reference` is the undisturbed price (quote currency).
    """

    order: Order
    phase: int
    price: Decimal | None = None
    reference: Decimal = Decimal(0)
    liquidity: Liquidity = "taker"
    trigger: Decimal | None = None


def propose_match(order: Order, span: PriceSpan, terms: Terms) -> PaperMatch | None:
    """Propose the match of an order; None when the event does not affect it.

    What can trade at the market trades at the first price that it meets, as a taker. What that
    left for want of volume waits for the next first price: the open of the next bar.
    """
    match order.order_type:
        case "market":
            return None if span.met else _take(order, span.first, terms, AT_OPEN)
        case "limit":
            return _limit(order, span, terms)
        case "stop":
            return _stop(order, span, terms)
        case "stop_limit":
            return _stop_limit(order, span, terms)


def end_unmatched(order: Order) -> PaperMatch | None:
    """End an IOC or FOK order that cannot trade in an event."""
    waits = order.time_in_force == "gtc" or order.order_type in ("stop", "stop_limit")
    return None if waits else PaperMatch(order, AT_OPEN)


def _limit(order: Order, span: PriceSpan, terms: Terms) -> PaperMatch | None:
    """A market that comes to a resting limit trades there with a maker. One that jumps over it, or
    that is there already, trades at its own price with a taker."""
    assert order.limit_price is not None, f"limit order {order.order_id} without a limit"
    limit = order.limit_price
    rests = order.resting and not span.stated
    if rests and order.time_in_force != "gtc":
        return end_unmatched(order)
    meets = prices.beyond if rests else prices.within
    if meets(order.side, span.first, limit):
        return None if span.met else _take(order, span.first, terms, AT_OPEN)
    if order.time_in_force != "gtc":
        return end_unmatched(order)
    through = prices.within if span.touches else prices.beyond
    if not through(order.side, span.best, limit):
        return None
    return PaperMatch(order, GROWING if order.guarded else RESTING, limit, limit, "maker")


def _stop(order: Order, span: PriceSpan, terms: Terms) -> PaperMatch | None:
    assert order.stop_price is not None, f"stop order {order.order_id} without a stop"
    if not prices.reached(order.side, span.worst, order.stop_price):
        return None
    # The market may have jumped over the stop: then its first price is what there is.
    price = prices.worse(order.side, order.stop_price, span.first)
    return _take(order, price, terms, STOPS, trigger=price)


def _stop_limit(order: Order, span: PriceSpan, terms: Terms) -> PaperMatch | None:
    """Match a triggered stop-limit at the last price of the event, since that came after."""
    assert order.stop_price is not None, f"stop order {order.order_id} without a stop"
    assert order.limit_price is not None, f"limit order {order.order_id} without a limit"
    if not prices.reached(order.side, span.worst, order.stop_price):
        return None
    trigger = prices.worse(order.side, order.stop_price, span.first)
    if prices.within(order.side, span.last, order.limit_price):
        return _take(order, span.last, terms, STOPS, trigger=trigger)
    return PaperMatch(order, STOPS, trigger=trigger)


def _take(
    order: Order, price: Decimal, terms: Terms, phase: int, trigger: Decimal | None = None
) -> PaperMatch | None:
    tick, basis_points = terms.listing.tick_size, terms.venue.slippage_bps
    paid = prices.slipped(order.side, price, basis_points, tick)
    if order.limit_price is not None and prices.within(order.side, price, order.limit_price):
        paid = prices.better(order.side, paid, order.limit_price)
    if paid > 0:
        return PaperMatch(order, GROWING if order.guarded else phase, paid, price, "taker", trigger)
    return end_unmatched(order) if trigger is None else PaperMatch(order, phase, trigger=trigger)
