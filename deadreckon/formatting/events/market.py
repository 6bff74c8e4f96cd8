"""The market's words: what it traded at, and what may trade where."""

from deadreckon.contracts import instruments, market
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import Names
from deadreckon.formatting.exact import listed, moment, number, percent, plain, span


def tape_opened(said: Recorded[market.TapeOpened], names: Names) -> str:
    """Which tape, and how much of it."""
    tape = said.event
    return (
        f"tape {names.shorten(tape.tape)} opened: {tape.rows} {tape.kind} of {tape.instrument}, "
        f"volume {_unit(tape.volume_unit, 'in ')}"
    )


def tape_ended(said: Recorded[market.TapeEnded], names: Names) -> str:
    """How much of it was played."""
    return f"tape {names.shorten(said.event.tape)} ended after {said.event.rows} rows"


def bar(said: Recorded[market.BarClosed], names: Names) -> str:
    """Open, high, low, close; one price where nothing moved."""
    it = said.event
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


def quote(said: Recorded[market.QuoteUpdated], names: Names) -> str:
    """Bid and ask with what is offered there."""
    it = said.event
    bid = f"bid {number(it.bid)} for {number(it.bid_size)}"
    return f"{it.instrument} {bid}, ask {number(it.ask)} for {number(it.ask_size)}"


def trade(said: Recorded[market.TradePrinted], names: Names) -> str:
    """Who traded how much, as far as the tape tells."""
    it = said.event
    taker = {"buy": " to a buyer", "sell": " to a seller", "": ""}[it.aggressor]
    return f"{it.instrument} traded {number(it.quantity)} at {number(it.price)}{taker}"


def mark(said: Recorded[market.MarkUpdated], names: Names) -> str:
    """The venue's own mark."""
    return f"{said.event.instrument} marked at {number(said.event.price)}"


def funding(said: Recorded[market.FundingRatePublished], names: Names) -> str:
    """Who pays whom how much of the notional."""
    it = said.event
    payer = "longs pay shorts" if it.rate > 0 else "shorts pay longs"
    who = payer if it.rate else "nobody pays"
    due = f", due {moment(it.effective_at)}" if it.effective_at else ""
    return f"{it.instrument} funding {percent(it.rate)} at a mark of {number(it.mark)}{due}: {who}"


def currency(said: Recorded[market.CurrencyRateUpdated], names: Names) -> str:
    """What a currency is worth in another."""
    it = said.event
    return f"1 {it.currency} is worth {number(it.rate)} {it.reporting}"


def tick(said: Recorded[market.ClockTicked], names: Names) -> str:
    """Nothing but time."""
    return "time passed"


def listing(said: Recorded[instruments.InstrumentListed], names: Names) -> str:
    """The steps and minima of an instrument."""
    it = said.event
    least = f"at least {number(it.minimum_quantity)} and {number(it.minimum_notional)}"
    terms = listed(
        f"{it.kind} {it.base_currency}/{it.quote_currency}",
        f"tick {number(it.tick_size)}",
        f"lot {number(it.lot_size)}",
        f"{least} {it.quote_currency}",
        "" if it.contract_size == 1 else f"contracts of {number(it.contract_size)}",
        "" if it.market == it.kind else f"{it.market} market",
    )
    return f"{names.of('listing', said.id)}: {it.instrument}, {terms}"


def delisting(said: Recorded[instruments.InstrumentDelisted], names: Names) -> str:
    """What may no longer trade, and why."""
    name = names.of("delisting", said.id)
    return f"{name}: {said.event.instrument} may no longer trade; {plain(said.event.reason)}"


def venue(said: Recorded[instruments.VenueConfigured], names: Names) -> str:
    """Fees, slippage, latency, and how much of the volume is ours."""
    it = said.event
    fees = f"maker {percent(it.maker_fee_rate)} taker {percent(it.taker_fee_rate)}"
    return f"venue {it.venue}: " + listed(
        f"fees {fees}" + (f" in {it.fee_currency}" if it.fee_currency else ""),
        f"slippage {number(it.slippage_bps)} bp",
        f"latency {span(it.latency)}",
        f"{percent(it.participation)} of the volume",
        "" if it.split_notional is None else f"orders above {number(it.split_notional)} are split",
        f"reached by {it.edge}, answers within {span(it.unknown_after)}" if it.edge else "",
    )
