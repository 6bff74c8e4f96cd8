"""Bounds that a market sets to a paper fill."""

from decimal import Decimal

from deadreckon.contracts.event import Event
from deadreckon.contracts.market import BarClosed, BarOpened, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import OrderFilled


def lies_within(fill: OrderFilled, event: Event, slippage: Decimal, tick: Decimal) -> bool:
    """True for a fill within the market event that made it. A taker may be worse off by `slippage`
    (basis points) and a tick; nobody is better off."""
    lowest, highest = _range(event, fill.side)
    worse = Decimal(0)
    if fill.liquidity == "taker":
        worse = (highest if fill.side == "buy" else lowest) * slippage / 10_000 + tick
    if fill.side == "buy":
        return lowest <= fill.price <= highest + worse
    return lowest - worse <= fill.price <= highest


def _range(event: Event, side: str) -> tuple[Decimal, Decimal]:
    match event:
        case BarOpened():
            return event.open, event.open
        case BarClosed():
            return event.low, event.high
        case TradePrinted():
            return event.price, event.price
        case QuoteUpdated():
            price = event.ask if side == "buy" else event.bid
            return price, price
    raise AssertionError(f"only the market fills, not {event}")
