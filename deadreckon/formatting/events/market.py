"""Descriptions of market and instrument events."""

from decimal import Decimal

from deadreckon.contracts import instruments, market
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.text import join_parts, safe_text


def tape_opened(record: Recorded[market.TapeOpened], style: Style) -> str:
    """Describe the start of a tape and its size."""
    tape = record.event
    return (
        f"tape {style.shorten(tape.tape)} opened: {tape.rows} {tape.kind} of {tape.instrument}, "
        f"volume {_unit(tape.volume_unit, 'in ')}"
    )


def tape_ended(record: Recorded[market.TapeEnded], style: Style) -> str:
    """Describe the end of a tape and how much of it was played."""
    return f"tape {style.shorten(record.event.tape)} ended after {record.event.rows} rows"


def bar_opened(record: Recorded[market.BarOpened], style: Style) -> str:
    """Describe the first price of a bar."""
    it = record.event
    return f"{it.instrument} bar of {style.span(it.interval)} opened at {style.number(it.open)}"


def bar(record: Recorded[market.BarClosed], style: Style) -> str:
    """Describe a bar: open, high, low, close, or one price where they are equal."""
    it = record.event
    prices = (it.open, it.high, it.low, it.close)
    if len(set(prices)) == 1:
        path = f"all at {style.number(it.close)}"
    else:
        words = zip(("open", "high", "low", "close"), prices, strict=True)
        path = " ".join(f"{word} {style.number(price)}" for word, price in words)
    volume = f"volume {style.number(it.volume)} {_unit(it.volume_unit)}"
    return f"{it.instrument} bar of {style.span(it.interval)}: {path}, {volume}"


def _unit(unit: market.VolumeUnit, before: str = "") -> str:
    return "of unknown unit" if unit == "unknown" else f"{before}{unit}"


def quote(record: Recorded[market.QuoteUpdated], style: Style) -> str:
    """Describe a quote: bid and ask with their sizes."""
    it = record.event
    bid = f"bid {style.number(it.bid)} for {style.number(it.bid_size)}"
    return f"{it.instrument} {bid}, ask {style.number(it.ask)} for {style.number(it.ask_size)}"


def trade(record: Recorded[market.TradePrinted], style: Style) -> str:
    """Describe a market trade, with the aggressor where it is known."""
    it = record.event
    taker = {"buy": " to a buyer", "sell": " to a seller", "": ""}[it.aggressor]
    return f"{it.instrument} traded {style.number(it.quantity)} at {style.number(it.price)}{taker}"


def mark(record: Recorded[market.MarkUpdated], style: Style) -> str:
    """Describe a mark price, with the person who stated it."""
    it = record.event
    by = f" by {safe_text(it.actor)}: {safe_text(it.reason)}" if it.actor else ""
    return f"{it.instrument} marked at {style.number(it.price)}{by}"


def funding(record: Recorded[market.FundingRatePublished], style: Style) -> str:
    """Describe a funding rate: who pays, and which share of notional."""
    it = record.event
    payer = "longs pay shorts" if it.rate > 0 else "shorts pay longs"
    who = payer if it.rate else "nobody pays"
    due = f", due {style.moment(it.effective_at)}" if it.effective_at else ""
    rate = f"{style.percent(it.rate)} at a mark of {style.number(it.mark)}"
    return f"{it.instrument} funding {rate}{due}: {who}"


def currency(record: Recorded[market.CurrencyRateUpdated], style: Style) -> str:
    """Describe a currency rate."""
    it = record.event
    return f"1 {it.currency} is worth {style.number(it.rate)} {it.reporting}"


def tick(record: Recorded[market.ClockTicked], style: Style) -> str:
    """Describe a clock tick."""
    return "time passed"


def listing(record: Recorded[instruments.InstrumentListed], style: Style) -> str:
    """Describe a listing: steps, minima and contract size."""
    it = record.event
    least = f"at least {style.number(it.minimum_quantity)} and {style.number(it.minimum_notional)}"
    terms = join_parts(
        f"{it.kind} {it.base_currency}/{it.quote_currency}",
        f"tick {style.number(it.tick_size)}",
        f"lot {style.number(it.lot_size)}",
        style.detail(f"{least} {it.quote_currency}"),
        "" if it.contract_size == 1 else f"contracts of {style.number(it.contract_size)}",
        "" if it.market == it.kind else f"{it.market} market",
    )
    return f"{style.of('listing', record.id)}: {it.instrument}, {terms}"


def delisting(record: Recorded[instruments.InstrumentDelisted], style: Style) -> str:
    """Describe a delisting, with the reason."""
    name = style.of("delisting", record.id)
    it = record.event
    return f"{name}: {it.instrument} may no longer trade; {safe_text(it.reason)}"


def _split(notional: Decimal | None, style: Style) -> str:
    return "" if notional is None else f"orders above {style.number(notional)} are split"


def venue(record: Recorded[instruments.VenueConfigured], style: Style) -> str:
    """Describe a venue's settings: fees, slippage, latency and participation."""
    it = record.event
    fees = f"maker {style.percent(it.maker_fee_rate)} taker {style.percent(it.taker_fee_rate)}"
    return f"venue {it.venue}: " + join_parts(
        f"fees {fees}" + (f" in {it.fee_currency}" if it.fee_currency else ""),
        f"slippage {style.number(it.slippage_bps)} bp",
        f"latency {style.span(it.latency)}",
        f"{style.percent(it.participation)} of the volume",
        _split(it.split_notional, style),
        f"reached by {it.edge}, answers within {style.span(it.unknown_after)}" if it.edge else "",
    )
