"""Short words for long events, so that a test shows only the numbers that matter."""

from decimal import Decimal
from typing import Any, get_type_hints

from deadreckon.contracts import governance, instruments, market, orders, portfolio, signals
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import Liquidity, OrderType, Purpose, Side, TimeInForce
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.timestamps import parse_timestamp

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = parse_timestamp("2026-03-02T00:00:00Z")  # a Monday
INSTRUMENT = "BTCUSDT.PAPER"
Number = int | str | Decimal


def amount(number: Number | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))


def exact(number: Number) -> Decimal:
    return Decimal(str(number))


def at(event: Event, when: int = START, *, id: str = "", book: str = "desk") -> Recorded[Any]:
    """The event as recorded at `when` (nanoseconds); a stable id when none is named."""
    name = id or f"{type(event).__name__}@{when}"
    return Recorded(
        id=name, at=when, book=book, mode="paper", source="test", cause=None, root=name, event=event
    )


def bar(
    close: Number = 100,
    *,
    open: Number | None = None,
    high: Number | None = None,
    low: Number | None = None,
    volume: Number = 1_000,
    unit: market.VolumeUnit = "base",
    instrument: str = INSTRUMENT,
    interval: int = MINUTE,
) -> market.BarClosed:
    first = exact(close if open is None else open)
    last = exact(close)
    return market.BarClosed(
        instrument=instrument,
        interval=interval,
        open=first,
        high=exact(high) if high is not None else max(first, last),
        low=exact(low) if low is not None else min(first, last),
        close=last,
        volume=exact(volume),
        volume_unit=unit,
    )


def quote(
    bid: Number, ask: Number, size: Number = 1_000, instrument: str = INSTRUMENT
) -> market.QuoteUpdated:
    return market.QuoteUpdated(instrument, exact(bid), exact(ask), exact(size), exact(size))


def trade(
    price: Number,
    quantity: Number = 1,
    aggressor: market.Aggressor = "buy",
    instrument: str = INSTRUMENT,
) -> market.TradePrinted:
    return market.TradePrinted(instrument, exact(price), exact(quantity), aggressor, "")


def listed(
    instrument: str = INSTRUMENT,
    *,
    kind: instruments.InstrumentKind = "spot",
    base: str = "BTC",
    quote: str = "USDT",
    tick: Number = "0.01",
    lot: Number = "0.001",
    minimum: Number = "0.001",
    notional: Number = 1,
    contract: Number = 1,
) -> instruments.InstrumentListed:
    symbol, _, venue = instrument.partition(".")
    return instruments.InstrumentListed(
        instrument=instrument,
        symbol=symbol,
        venue=venue,
        kind=kind,
        base_currency=base,
        quote_currency=quote,
        tick_size=exact(tick),
        lot_size=exact(lot),
        minimum_quantity=exact(minimum),
        minimum_notional=exact(notional),
        contract_size=exact(contract),
        actor="test",
        reason="story",
        market=kind,
    )


def venue(
    name: str = "PAPER",
    *,
    maker: Number = 0,
    taker: Number = 0,
    slippage: Number = 0,
    latency: int = 0,
    participation: Number = 1,
    split: Number | None = None,
    fee_currency: str = "",
) -> instruments.VenueConfigured:
    return instruments.VenueConfigured(
        venue=name,
        maker_fee_rate=exact(maker),
        taker_fee_rate=exact(taker),
        fee_currency=fee_currency,
        slippage_bps=exact(slippage),
        latency=latency,
        participation=exact(participation),
        actor="test",
        reason="story",
        split_notional=amount(split),
    )


def limits(**rules: Any) -> LimitsSet:
    """Limits with everything off but what is named; plain numbers become Decimals."""
    hints = get_type_hints(LimitsSet)
    off: dict[str, Any] = {"entries_per_minute": None, "entries_per_minute_instrument": None}
    for name, value in rules.items():
        wants_decimal = hints[name] in (Decimal, Decimal | None)
        rules[name] = exact(value) if wants_decimal and value is not None else value
    return LimitsSet(actor="test", reason="story", **(off | rules))


def deposit(number: Number = 100_000, currency: str = "USDT") -> portfolio.CashDeposited:
    return portfolio.CashDeposited(currency, exact(number), actor="test", reason="story")


def reporting(currency: str = "USDT", every: int = HOUR) -> portfolio.ReportingConfigured:
    return portfolio.ReportingConfigured(currency, every, actor="test", reason="story")


def signal(
    side: Side = "buy",
    quantity: Number | None = None,
    *,
    notional: Number | None = None,
    id: str = "s1",
    producer: str = "",
    strategy: str = "ext",
    instrument: str = INSTRUMENT,
    **more: Any,
) -> signals.SignalRaised:
    """A raised signal; prices and confidence may be plain numbers."""
    prices = ("limit_price", "stop_price", "confidence", "stop_loss", "take_profit")
    for name in prices:
        if name in more:
            more[name] = amount(more[name])
    return signals.SignalRaised(
        signal_id=id,
        producer=producer,
        strategy=strategy,
        instrument=instrument,
        side=side,
        quantity=amount(quantity),
        notional=amount(notional),
        **more,
    )


def filled(
    side: Side,
    quantity: Number,
    price: Number,
    *,
    order: str = "o1",
    id: str = "t1",
    strategy: str = "ext",
    instrument: str = INSTRUMENT,
    leaves: Number = 0,
    fee: Number = 0,
    fee_currency: str = "USDT",
    reference: Number | None = None,
    liquidity: Liquidity = "taker",
) -> orders.OrderFilled:
    return orders.OrderFilled(
        order_id=order,
        trade_id=id,
        strategy=strategy,
        instrument=instrument,
        venue=instrument.partition(".")[2],
        side=side,
        quantity=exact(quantity),
        price=exact(price),
        leaves=exact(leaves),
        liquidity=liquidity,
        fee=exact(fee),
        fee_currency=fee_currency,
        reference_price=exact(price if reference is None else reference),
    )


def withdraw(number: Number, currency: str = "USDT") -> portfolio.CashWithdrawn:
    return portfolio.CashWithdrawn(currency, exact(number), actor="test", reason="story")


def late_fee(
    number: Number, currency: str = "USDT", *, strategy: str = "ext", instrument: str = INSTRUMENT
) -> portfolio.FeeCharged:
    return portfolio.FeeCharged(strategy, instrument, exact(number), currency, "test", "story")


def stated(price: Number, instrument: str = INSTRUMENT) -> market.MarkUpdated:
    return market.MarkUpdated(instrument, exact(price), "ann", "by hand")


def marked(price: Number, instrument: str = INSTRUMENT) -> market.MarkUpdated:
    return market.MarkUpdated(instrument, exact(price))


def funding_rate(
    rate: Number, mark: Number, instrument: str = INSTRUMENT
) -> market.FundingRatePublished:
    return market.FundingRatePublished(instrument, exact(rate), exact(mark))


def currency_rate(
    currency: str, rate: Number, reporting: str = "USDT"
) -> market.CurrencyRateUpdated:
    """One unit of `currency` is worth `rate` of `reporting`."""
    return market.CurrencyRateUpdated(currency, reporting, exact(rate))


def strategy(
    kind: str = "moving_average_cross",
    *,
    name: str = "cross",
    instrument: str = INSTRUMENT,
    enabled: bool = True,
    notional: Number = 1_000,
    **parameters: Number | bool,
) -> governance.StrategyConfigured:
    """A strategy with its parameters; plain values become the texts that an operator writes."""
    texts = {key: str(value).lower() for key, value in parameters.items()}
    return governance.StrategyConfigured(
        name, kind, instrument, enabled, exact(notional), texts, actor="test", reason="story"
    )


def received(
    side: Side = "buy",
    quantity: Number | None = 1,
    *,
    id: str = "s1",
    body: str = "",
    producer: str = "alice",
    claimed_at: int | None = START,
    ttl_seconds: int | None = None,
    **more: Any,
) -> signals.SignalReceived:
    """A signal as it comes through a producer's door; the same id has the same body by default."""
    fields: dict[str, Any] = {
        "strategy": "ext",
        "instrument": INSTRUMENT,
        "notional": None,
        "order_type": "market",
        "limit_price": None,
        "stop_price": None,
        "time_in_force": "gtc",
        "post_only": False,
        "reduce_only": False,
        "confidence": None,
        "stop_loss": None,
        "take_profit": None,
        "meta": {},
    }
    return signals.SignalReceived(
        signal_id=id,
        producer=producer,
        body=body or f"body of {id}",
        claimed_at=claimed_at,
        side=side,
        quantity=amount(quantity),
        ttl_seconds=ttl_seconds,
        **(fields | more),
    )


def approved(
    side: Side = "buy",
    quantity: Number | None = None,
    *,
    notional: Number | None = None,
    id: str = "o1",
    reference: Number = 100,
    strategy: str = "ext",
    instrument: str = INSTRUMENT,
    order_type: OrderType = "market",
    limit_price: Number | None = None,
    stop_price: Number | None = None,
    time_in_force: TimeInForce = "gtc",
    post_only: bool = False,
    reduce_only: bool = False,
    stop_loss: Number | None = None,
    take_profit: Number | None = None,
    expires_at: int | None = None,
    purpose: Purpose = "entry",
) -> orders.OrderApproved:
    """An order that risk let through, before the router has rounded it."""
    return orders.OrderApproved(
        order_id=id,
        signal_id=f"signal of {id}",
        producer="",
        strategy=strategy,
        instrument=instrument,
        side=side,
        quantity=amount(quantity),
        notional=amount(notional),
        reference_price=exact(reference),
        order_type=order_type,
        limit_price=amount(limit_price),
        stop_price=amount(stop_price),
        time_in_force=time_in_force,
        post_only=post_only,
        reduce_only=reduce_only,
        stop_loss=amount(stop_loss),
        take_profit=amount(take_profit),
        expires_at=expires_at,
        purpose=purpose,
    )


def routed(
    side: Side = "buy",
    quantity: Number = 1,
    *,
    id: str = "o1",
    parent: str = "",
    child: int = 0,
    children: int = 1,
    strategy: str = "ext",
    instrument: str = INSTRUMENT,
    order_type: OrderType | None = None,
    limit_price: Number | None = None,
    stop_price: Number | None = None,
    time_in_force: TimeInForce = "gtc",
    post_only: bool = False,
    reduce_only: bool = False,
    stop_loss: Number | None = None,
    take_profit: Number | None = None,
    expires_at: int | None = None,
    purpose: Purpose = "entry",
    producer: str = "alice",
) -> orders.OrderRouted:
    """An order in the venue's terms; its type follows from the prices it has."""
    parts = ("stop" if stop_price is not None else "", "limit" if limit_price is not None else "")
    shape: Any = order_type or "_".join(part for part in parts if part) or "market"
    symbol, _, venue_name = instrument.partition(".")
    return orders.OrderRouted(
        order_id=id,
        parent_id=parent or id,
        child=child,
        children=children,
        client_order_id=f"client of {id}",
        signal_id=f"signal of {parent or id}",
        producer=producer,
        strategy=strategy,
        instrument=instrument,
        venue=venue_name,
        symbol=symbol,
        side=side,
        quantity=exact(quantity),
        order_type=shape,
        limit_price=amount(limit_price),
        stop_price=amount(stop_price),
        time_in_force=time_in_force,
        post_only=post_only,
        reduce_only=reduce_only,
        stop_loss=amount(stop_loss),
        take_profit=amount(take_profit),
        expires_at=expires_at,
        purpose=purpose,
    )
