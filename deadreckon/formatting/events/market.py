"""Descriptions of market and instrument events."""

from deadreckon.contracts import instruments, market
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import ShortNames
from deadreckon.formatting.exact import join_parts, moment, number, percent, safe_text, span


def tape_opened(record: Recorded[market.TapeOpened], names: ShortNames) -> str:
    """Describe the start of a tape and its size."""
    tape = record.event
    return (
        f"tape {names.shorten(tape.tape)} opened: {tape.rows} {tape.kind} of {tape.instrument}, "
        f"volume {_unit(tape.volume_unit, 'in ')}"
    )


def tape_ended(record: Recorded[market.TapeEnded], names: ShortNames) -> str:
    """Describe the end of a tape and how much of it was played."""
    return f"tape {names.shorten(record.event.tape)} ended after {record.event.rows} rows"


def bar(record: Recorded[market.BarClosed], names: ShortNames) -> str:
    """Describe a bar: open, high, low, close, or one price where they are equal."""
    it = record.event
    prices = (it.open, it.high, it.low, it.close)
    if len(set(prices)) == 1:
        path = f"all at {number(it.close)}"
    else:
        words = zip(("open", "high", "low", "close"), prices, strict=True)
        path = " ".join(f"{word} {number(price)}" for word, price in words)
    volume = f"volume {number(it.volume)} {_unit(it.volume_unit)}"
    return f"{it.instrument} bar of {span(it.interval)}: {path}, {volume}"


def _unit(unit: market.VolumeUnit, before: str = "") -> str:
    return "of unknown unit" if unit == "unknown" else f"{before}{unit}"


def quote(record: Recorded[market.QuoteUpdated], names: ShortNames) -> str:
    """Describe a quote: bid and ask with their sizes."""
    it = record.event
    bid = f"bid {number(it.bid)} for {number(it.bid_size)}"
    return f"{it.instrument} {bid}, ask {number(it.ask)} for {number(it.ask_size)}"


def trade(record: Recorded[market.TradePrinted], names: ShortNames) -> str:
    """Describe a market trade, with the aggressor where it is known."""
    it = record.event
    taker = {"buy": " to a buyer", "sell": " to a seller", "": ""}[it.aggressor]
    return f"{it.instrument} traded {number(it.quantity)} at {number(it.price)}{taker}"


def mark(record: Recorded[market.MarkUpdated], names: ShortNames) -> str:
    """Describe a venue's mark price."""
    return f"{record.event.instrument} marked at {number(record.event.price)}"


def funding(record: Recorded[market.FundingRatePublished], names: ShortNames) -> str:
    """Describe a funding rate: who pays, and which share of notional."""
    it = record.event
    payer = "longs pay shorts" if it.rate > 0 else "shorts pay longs"
    who = payer if it.rate else "nobody pays"
    due = f", due {moment(it.effective_at)}" if it.effective_at else ""
    return f"{it.instrument} funding {percent(it.rate)} at a mark of {number(it.mark)}{due}: {who}"


def currency(record: Recorded[market.CurrencyRateUpdated], names: ShortNames) -> str:
    """Describe a currency rate."""
    it = record.event
    return f"1 {it.currency} is worth {number(it.rate)} {it.reporting}"


def tick(record: Recorded[market.ClockTicked], names: ShortNames) -> str:
    """Describe a clock tick."""
    return "time passed"


def listing(record: Recorded[instruments.InstrumentListed], names: ShortNames) -> str:
    """Describe a listing: steps, minima and contract size."""
    it = record.event
    least = f"at least {number(it.minimum_quantity)} and {number(it.minimum_notional)}"
    terms = join_parts(
        f"{it.kind} {it.base_currency}/{it.quote_currency}",
        f"tick {number(it.tick_size)}",
        f"lot {number(it.lot_size)}",
        f"{least} {it.quote_currency}",
        "" if it.contract_size == 1 else f"contracts of {number(it.contract_size)}",
        "" if it.market == it.kind else f"{it.market} market",
    )
    return f"{names.of('listing', record.id)}: {it.instrument}, {terms}"


def delisting(record: Recorded[instruments.InstrumentDelisted], names: ShortNames) -> str:
    """Describe a delisting, with the reason."""
    name = names.of("delisting", record.id)
    return (
        f"{name}: {record.event.instrument} may no longer trade; {safe_text(record.event.reason)}"
    )


def venue(record: Recorded[instruments.VenueConfigured], names: ShortNames) -> str:
    """Describe a venue's settings: fees, slippage, latency and participation."""
    it = record.event
    fees = f"maker {percent(it.maker_fee_rate)} taker {percent(it.taker_fee_rate)}"
    return f"venue {it.venue}: " + join_parts(
        f"fees {fees}" + (f" in {it.fee_currency}" if it.fee_currency else ""),
        f"slippage {number(it.slippage_bps)} bp",
        f"latency {span(it.latency)}",
        f"{percent(it.participation)} of the volume",
        "" if it.split_notional is None else f"orders above {number(it.split_notional)} are split",
        f"reached by {it.edge}, answers within {span(it.unknown_after)}" if it.edge else "",
    )
