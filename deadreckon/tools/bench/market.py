"""Market of the bench: one deep quote, repeated, so that every order fills."""

import asyncio
import time
from decimal import Decimal

from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.fields import Side
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import QuoteUpdated
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import CashDeposited, ReportingConfigured
from deadreckon.contracts.subjects import SHARED
from deadreckon.node.facts import publish_fact
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain

INSTRUMENT = "BTCUSDT.PAPER"
ACTOR = "bench"
OPERATOR = "demo"  # one of those that a stack may use
QUOTE = QuoteUpdated(INSTRUMENT, Decimal(50_000), Decimal(50_001), Decimal(10**6), Decimal(10**6))


class Quotes:
    """Market edge that repeats one quote."""

    def __init__(self, bus: Bus) -> None:
        self._domain = Domain(bus, SHARED, "market", "bench")

    async def replay(self) -> None:
        """Recover the market's domain up to its last quote."""
        await self._domain.recover()

    async def run(self, every: float = 0.1) -> None:
        """Append a quote at a fixed interval (seconds) until cancelled."""
        while True:
            await self.say(time.time_ns())
            await asyncio.sleep(every)

    async def say(self, at: int) -> None:
        """Append one quote at a time in nanoseconds UTC."""
        name = derive_id("quote", SHARED, at)
        record = Recorded(name, at, SHARED, "paper", "market", None, name, QUOTE)
        last = self._domain.sequence
        await self._domain.append((last + 1, last, 0), [], [wrap(record)])


async def set_up_bench(bus: Bus, book: str) -> None:
    """Publish the instrument, venue, cash and limits that let every signal of the bench pass."""
    for number, event in enumerate(_facts()):
        await publish_fact(bus, book, OPERATOR, f"bench-{number}", event)


def listing() -> InstrumentListed:
    """Return the instrument that the bench trades."""
    return InstrumentListed(
        instrument=INSTRUMENT,
        symbol="BTCUSDT",
        venue="PAPER",
        kind="perpetual",
        base_currency="BTC",
        quote_currency="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        minimum_quantity=Decimal("0.001"),
        minimum_notional=Decimal(1),
        contract_size=Decimal(1),
        market="perpetual",
        actor=ACTOR,
        reason=ACTOR,
    )


def filled(
    number: int,
    trade_id: str,
    strategy: str,
    instrument: str,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
) -> OrderFilled:
    """Make the one fill of a market order, at its reference price."""
    return OrderFilled(
        order_id=f"o{number}",
        trade_id=trade_id,
        strategy=strategy,
        instrument=instrument,
        venue="PAPER",
        side=side,
        quantity=quantity,
        price=price,
        leaves=Decimal(0),
        liquidity="taker",
        fee=fee,
        fee_currency="USDT",
        reference_price=price,
    )


def _facts() -> list[Event]:
    return [
        listing(),
        VenueConfigured(
            "PAPER", Decimal(0), Decimal(0), "", Decimal(0), 0, Decimal(1), ACTOR, ACTOR
        ),
        ReportingConfigured("USDT", 60 * NANOSECONDS, ACTOR, ACTOR),
        CashDeposited("USDT", Decimal(10**9), ACTOR, ACTOR),
        LimitsSet(
            entries_per_minute=None,
            entries_per_minute_instrument=None,
            exits_per_minute=None,
            cancels_per_minute=None,
            exposure_gross_max=Decimal(10**9),
            leverage_max=Decimal(10),
            drawdown_max=Decimal("0.5"),
            actor=ACTOR,
            reason=ACTOR,
        ),
    ]
