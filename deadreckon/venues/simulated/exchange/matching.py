"""Next trade of an order, its time and price: a function of the order and the path alone."""

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.fields import Liquidity
from deadreckon.venues.simulated.exchange.market import PricePath
from deadreckon.venues.simulated.exchange.orders import (
    ExchangeOrder,
    planned_trades,
    seconds_between_trades,
)


class TradeStart(Struct, frozen=True):
    """The moment (nanoseconds UTC) at which an order begins to trade. `killed` says that it ends
    then instead, because it was to trade at once or never."""

    at: int
    liquidity: Liquidity = "taker"
    killed: bool = False


def trade_start(order: ExchangeOrder, path: PricePath, until: int) -> TradeStart | None:
    """Return when an order begins to trade, if that is up to `until` (nanoseconds UTC)."""
    released = _released(order, path, until)
    if released is None:
        return None
    if order.limit is None or _reaches(
        order.side, path.price(released // NANOSECONDS), order.limit
    ):
        return TradeStart(released)
    if order.time_in_force != "gtc":
        return TradeStart(released, killed=True)
    reached = _first(path, order.side == "buy", order.limit, released, until)
    return None if reached is None else TradeStart(reached, "maker")


def next_moment(order: ExchangeOrder, begun: TradeStart) -> int:
    """Return when an order that has begun to trade trades next (nanoseconds UTC)."""
    if order.time_in_force == "fok":
        return begun.at
    return begun.at + order.trades * seconds_between_trades(order) * NANOSECONDS


def price(order: ExchangeOrder, begun: TradeStart, path: PricePath, moment: int) -> int:
    """Price a trade in ticks: a maker's own price; a taker's is the path's or better than
    its limit allows."""
    market = path.price(moment // NANOSECONDS)
    if order.limit is None:
        return market
    if begun.liquidity == "maker":
        return order.limit
    return min(market, order.limit) if order.side == "buy" else max(market, order.limit)


def ends_after_trade(order: ExchangeOrder) -> str | None:
    """Find why an order that has just traded ends with something left; None: it goes on."""
    if (
        order.time_in_force == "ioc"
        and order.type != "market"
        and order.trades < planned_trades(order)
    ):
        return "immediate_or_cancel"
    return None


def takes_at_once(order: ExchangeOrder, path: PricePath) -> bool:
    """Tell whether a limit order would trade when it arrives."""
    market = path.price(order.at // NANOSECONDS)
    return order.limit is not None and _reaches(order.side, market, order.limit)


def _released(order: ExchangeOrder, path: PricePath, until: int) -> int | None:
    """Return when an order may begin to trade: at its own time, or when its stop is reached."""
    if order.stop is None:
        return order.at if order.at <= until else None
    market = path.price(order.at // NANOSECONDS)
    beyond = market >= order.stop if order.side == "buy" else market <= order.stop
    if beyond:
        return order.at if order.at <= until else None
    return _first(path, order.side == "sell", order.stop, order.at, until)


def _reaches(side: str, market: int, limit: int) -> bool:
    return market <= limit if side == "buy" else market >= limit


def _first(path: PricePath, downwards: bool, level: int, after: int, until: int) -> int | None:
    """Return the first whole second after `after` and up to `until` at which the path is at the
    level."""
    search = path.first_at_or_below if downwards else path.first_at_or_above
    second = search(level, after // NANOSECONDS + 1, until // NANOSECONDS)
    return None if second is None else second * NANOSECONDS
