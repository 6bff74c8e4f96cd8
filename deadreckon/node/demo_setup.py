"""Facts that a demo begins with, published as an operator's."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from deadreckon.contracts.amounts import canonical
from deadreckon.contracts.event import NANOSECONDS, Event
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.inbound import read_fact
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.portfolio import CashDeposited, ReportingConfigured
from deadreckon.contracts.subjects import operator_subject
from deadreckon.marketdata.tapes.tape import TapeHeader
from deadreckon.node.demo_sizes import PARTICIPATION, DemoSizes, usual_sizes
from deadreckon.node.facts import publish_fact
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.domain import retry
from deadreckon.strategies.loading import stamped

ACTOR = "demo"
REASON = "demo setup"
QUOTES = ("USDT", "USDC", "BUSD", "USD", "EUR", "BTC", "ETH")


async def set_up(
    bus: Bus,
    book: str,
    header: TapeHeader,
    edge: str = "",
    more: Sequence[str] = (),
    sizes: DemoSizes | None = None,
) -> None:
    """Publish the demo's setup, or the rest of it after a start that was cut short."""
    tail = await retry(lambda: bus.tail(operator_subject(book, ACTOR)))
    events = setup_facts(header, edge, more, sizes)
    names = [f"setup-{number}" for number in range(len(events))]
    for name, event in list(zip(names, events, strict=True))[_published_count(tail, names) :]:
        await publish_fact(bus, book, ACTOR, name, event)


def _published_count(tail: Stored | None, names: list[str]) -> int:
    """Count the setup's facts in the log: they are written in order, before any other."""
    if tail is None:
        return 0
    fact_id, _, _ = read_fact(ACTOR, tail.payload)
    return names.index(fact_id) + 1 if fact_id in names else len(names)


def setup_facts(
    header: TapeHeader,
    edge: str = "",
    more: Sequence[str] = (),
    sizes: DemoSizes | None = None,
) -> list[Event]:
    """Return instrument, venue, reporting, cash, limits and strategies for one tape.

    `sizes` are those of the tape; without them the quote currency alone gives the amounts.
    `edge` is the service that talks to the venue, empty for the paper venue. `more` names further
    strategies, by kind or file. Raises StrategyLoadError.
    """
    listing = instrument(header)
    quote = listing.quote_currency
    sizes = sizes or usual_sizes(listing)
    return [
        listing,
        VenueConfigured(
            venue=listing.venue,
            maker_fee_rate=Decimal("0.0002"),
            taker_fee_rate=Decimal("0.0005"),
            fee_currency="",
            slippage_bps=Decimal(1),
            latency=0,
            participation=PARTICIPATION,
            actor=ACTOR,
            reason=REASON,
            edge=edge,
        ),
        ReportingConfigured(quote, 3600 * NANOSECONDS, actor=ACTOR, reason=REASON),
        CashDeposited(quote, sizes.cash, actor=ACTOR, reason=REASON),
        limits(sizes.scale),
        *map(stamped, strategies(header.instrument, sizes.notional)),
        *(further_strategy(kind, header.instrument, sizes.notional) for kind in more),
    ]


def instrument(header: TapeHeader) -> InstrumentListed:
    """Return the tape's instrument, with the steps its prices and sizes were recorded in."""
    symbol, _, venue = header.instrument.partition(".")
    perpetual = "PERP" in symbol.upper()
    pair = symbol.upper().removesuffix("-PERP").replace("_", "").replace("/", "").replace("-", "")
    quote = next((name for name in QUOTES if pair.endswith(name) and pair != name), "USD")
    return InstrumentListed(
        instrument=header.instrument,
        symbol=symbol,
        venue=venue,
        kind="perpetual" if perpetual else "spot",
        base_currency=pair.removesuffix(quote) or pair,
        quote_currency=quote,
        tick_size=Decimal(1).scaleb(-header.price_scale),
        lot_size=Decimal("0.0001"),
        minimum_quantity=Decimal("0.0001"),
        minimum_notional=Decimal(10) if quote.startswith("USD") else Decimal("0.0001"),
        contract_size=Decimal(1),
        actor=ACTOR,
        reason=REASON,
        market="perpetual" if perpetual else "spot",
    )


def limits(scale: Decimal = Decimal(1)) -> LimitsSet:
    """Return limits so tight that a month meets several of them; amounts are times `scale`."""
    return LimitsSet(
        actor=ACTOR,
        reason=REASON,
        order_notional_min=canonical(Decimal(50) * scale),
        order_notional_max=canonical(Decimal(20_000) * scale),
        exposure_instrument_max=canonical(Decimal(7_500) * scale),
        exposure_gross_max=canonical(Decimal(40_000) * scale),
        leverage_max=Decimal(2),
        liability_max=Decimal(0),  # a spot market lends us nothing to sell short
        equity_floor=canonical(Decimal(50_000) * scale),
        drawdown_max=Decimal("0.1"),
        daily_loss_max=canonical(Decimal(150) * scale),
        order_gap_min=60 * NANOSECONDS,
        price_age_max=3600 * NANOSECONDS,
        confidence_min=Decimal("0.25"),
        quarantine_stops=3,
        quarantine_window=6 * 3600 * NANOSECONDS,
    )


def further_strategy(kind: str, instrument: str, notional: Decimal) -> StrategyConfigured:
    """Return a strategy with its defaults, under the name it gives itself."""
    configured = StrategyConfigured(
        strategy="",
        kind=kind,
        instrument=instrument,
        enabled=True,
        notional=notional,
        parameters={},
        actor=ACTOR,
        reason=REASON,
    )
    found = stamped(configured)
    return replace(found, strategy=found.kind)


def strategies(name: str, notional: Decimal) -> list[StrategyConfigured]:
    """Return one moving-average cross and one regime strategy."""
    return [
        StrategyConfigured(
            strategy="cross",
            kind="moving_average_cross",
            instrument=name,
            enabled=True,
            notional=notional,
            parameters={
                "fast": "9",
                "slow": "21",
                "cooldown_seconds": "1800",
                "confidence_min": "0.2",
                "stop_loss_bps": "40",
                "take_profit_bps": "60",
            },
            actor=ACTOR,
            reason=REASON,
        ),
        StrategyConfigured(
            strategy="regime",
            kind="hmm_regime",
            instrument=name,
            enabled=True,
            notional=notional,
            parameters={
                "states": "4",
                "enter": "0.9",
                "leave": "0.2",
                "cooldown_seconds": "7200",
                "stop_loss_bps": "60",
                "take_profit_bps": "90",
            },
            actor=ACTOR,
            reason=REASON,
        ),
    ]
