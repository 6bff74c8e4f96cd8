"""Setup that a folder lacks before anything can be traded, each with the command that mends it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from deadreckon.node.readiness import Readiness
from deadreckon.node.trading_status import trading
from deadreckon.projections.trading_state import TradingState
from deadreckon.runtime.process.cancellation import cancel_all

LOOK = 0.1  # seconds between two looks whether the views know the log
SIGNED = "--reason opening"  # facts that the log keeps for ever want one
# By condition, the command that mends it; null: that of its remedy.
COMMANDS = {
    "no_limits": "dr limits set order_notional_max=1000",
    "no_instrument": "dr instruments add BTCUSDT.PAPER base_currency=BTC quote_currency=USDT "
    "tick_size=0.01 lot_size=0.0001",
    "venue_unknown": None,
    "no_rate": None,
}


@asynccontextmanager
async def missing_shown(
    vitals: Readiness, has_market: bool, show: Callable[[list[str]], None]
) -> AsyncIterator[None]:
    """Show what is missing, if anything is, as soon as the views have read the log."""
    waiting = asyncio.create_task(_show(vitals, has_market, show), name="missing setup")
    try:
        yield
    finally:
        await cancel_all([waiting])


async def _show(vitals: Readiness, has_market: bool, show: Callable[[list[str]], None]) -> None:
    while vitals.unready() or vitals.lag:  # noqa: ASYNC110  # nobody says when they have caught up
        await asyncio.sleep(LOOK)
    found = list(missing(vitals.views.trading.state, has_market))
    if found:
        show(found)


def missing(state: TradingState, has_market: bool) -> Iterator[str]:
    """Yield each thing that is missing, with the command that mends it; `has_market` says that this
    stack plays a market."""
    for finding in trading(state, []).conditions:
        if finding.condition in COMMANDS:
            command = COMMANDS[finding.condition] or finding.remedy.split("`")[1]
            yield f"{finding.reason}: `{command} {SIGNED}`"
    if not state.deposited:
        yield f"no cash was ever deposited: `dr cash deposit USDT 10000 {SIGNED}`"
    if not has_market and not state.prices.marks:
        yield (
            "no price was ever seen, and no market plays: `dr mark INSTRUMENT PRICE`, a program "
            "that publishes prices, or `market` in settings.toml"
        )
