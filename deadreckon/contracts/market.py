"""Market facts: bars, quotes, trades, marks, funding rates, currency rates, and the clock."""

from decimal import Decimal
from typing import Annotated, Literal

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import InstrumentName, Price
from deadreckon.contracts.units import described

VolumeUnit = Annotated[
    Literal["base", "quote", "contracts", "unknown"], described("unit in which volume is counted")
]
Aggressor = Annotated[
    Literal["buy", "sell", ""], described("the taker's side; empty when the source does not say")
]
TapeDigest = Annotated[str, described("digest that identifies the content of the tape")]


class TapeOpened(Event, frozen=True):
    """A tape starts to play; from here on it is the only clock."""

    declared = Declaration("market.tape_opened", ("market",))

    tape: TapeDigest
    instrument: InstrumentName
    kind: Annotated[Literal["bars", "quotes", "trades"], described("what each row of the tape is")]
    rows: Annotated[int, described("number of rows on the tape", "count")]
    volume_unit: VolumeUnit


class TapeEnded(Event, frozen=True):
    """The last row of the tape has been played."""

    declared = Declaration("market.tape_ended", ("market",))

    tape: TapeDigest
    rows: Annotated[int, described("number of rows that were played", "count")]


class BarOpened(Event, frozen=True):
    """A bar begins; its time (`at` of the envelope) is its opening, and nothing that follows is
    known yet. A bar may close without it: nothing rests on it but the time of fills at the open."""

    declared = Declaration("market.bar_opened", ("market",))

    instrument: InstrumentName
    interval: Annotated[int, described("length of the bar, in nanoseconds", "nanoseconds")]
    open: Annotated[Decimal, described("first price, in quote currency per base unit", "price")]


class BarClosed(Event, frozen=True):
    """A bar is complete; its time (`at` of the envelope) is its close."""

    declared = Declaration("market.bar_closed", ("market",), archive=("marks",))

    instrument: InstrumentName
    interval: Annotated[int, described("length of the bar, in nanoseconds", "nanoseconds")]
    open: Annotated[Decimal, described("first price, in quote currency per base unit", "price")]
    high: Annotated[Decimal, described("highest price, in quote currency per base unit", "price")]
    low: Annotated[Decimal, described("lowest price, in quote currency per base unit", "price")]
    close: Annotated[Decimal, described("last price, in quote currency per base unit", "price")]
    volume: Annotated[Decimal, described("volume traded, in the unit of `volume_unit`")]
    volume_unit: VolumeUnit


class QuoteUpdated(Event, frozen=True):
    """The best bid or ask of the market changed."""

    declared = Declaration("market.quote_updated", ("market",), archive=("marks",))

    instrument: InstrumentName
    bid: Annotated[Decimal, described("best bid, in quote currency per base unit", "price")]
    ask: Annotated[Decimal, described("best ask, in quote currency per base unit", "price")]
    bid_size: Annotated[
        Decimal, described("quantity at the bid, in base units or contracts", "base")
    ]
    ask_size: Annotated[
        Decimal, described("quantity at the ask, in base units or contracts", "base")
    ]


class TradePrinted(Event, frozen=True):
    """Two other parties traded on the market."""

    declared = Declaration("market.trade_printed", ("market",), archive=("marks",))

    instrument: InstrumentName
    price: Price
    quantity: Annotated[Decimal, described("quantity, in base units or contracts", "base")]
    aggressor: Aggressor
    trade_id: Annotated[str, described("the venue's own id of the trade; empty when it has none")]


class MarkUpdated(Event, frozen=True, omit_defaults=True):
    """A mark price of an instrument was published, or stated by a person.

    With an `actor` it fills paper orders of an instrument that has neither bars, quotes nor prints.
    """

    declared = Declaration("market.mark_updated", ("market",), operators=True, archive=("marks",))

    instrument: InstrumentName
    price: Annotated[Decimal, described("mark, in quote currency per base unit", "price")]
    actor: Annotated[str, described("person who states it; empty for a published mark")] = ""
    reason: Annotated[str, described("why it is stated; empty for a published mark")] = ""


class FundingRatePublished(Event, frozen=True, omit_defaults=True):
    """The funding rate of a perpetual for the period that has just ended.

    Longs pay `rate` x notional when the rate is positive. It is booked at its own sequence in the
    log, on the positions held there.
    """

    declared = Declaration(
        "market.funding_rate_published", ("market",), operators=True, archive=("marks",)
    )

    instrument: InstrumentName
    rate: Annotated[Decimal, described("fraction of notional; 0.0001 is 1 basis point", "share")]
    mark: Annotated[
        Decimal, described("price at which notional is taken, in quote currency", "price")
    ]
    effective_at: Annotated[
        int,
        described(
            "end of the period, nanoseconds UTC, when it was before the rate became known; else 0",
            "timestamp",
        ),
    ] = 0


class CurrencyRateUpdated(Event, frozen=True):
    """The exchange rate between two currencies changed."""

    declared = Declaration(
        "market.currency_rate_updated", ("market",), operators=True, archive=("marks",)
    )

    currency: Annotated[str, described("currency that is valued")]
    reporting: Annotated[str, described("currency in which its value is given")]
    rate: Annotated[Decimal, described("units of `reporting` for one unit of `currency`", "ratio")]


class ClockTicked(Event, frozen=True):
    """Time passed; `at` of the envelope is the time."""

    declared = Declaration("market.clock_ticked", ("clock",))
