"""What the market did: bars, quotes, trades, marks, funding and currency rates, and the clock."""

from decimal import Decimal
from typing import Literal

from deadreckon.contracts.event import Event

VolumeUnit = Literal["base", "quote", "contracts", "unknown"]
Aggressor = Literal["buy", "sell", ""]


class TapeOpened(Event, frozen=True):
    """A tape starts to play; from here on it is the only clock.

    `tape` is the digest that identifies its content, `rows` the number of rows it holds.
    """

    tape: str
    instrument: str
    kind: Literal["bars", "quotes", "trades"]
    rows: int
    volume_unit: VolumeUnit


class TapeEnded(Event, frozen=True):
    """The last row of the tape has been played."""

    tape: str
    rows: int


class BarClosed(Event, frozen=True):
    """A bar is complete; its time (`at` of the envelope) is its close.

    Prices are in quote currency per base unit; `volume` is in the unit that `volume_unit` names;
    `interval` is the bar's length in nanoseconds.
    """

    instrument: str
    interval: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    volume_unit: VolumeUnit


class QuoteUpdated(Event, frozen=True):
    """Best bid and ask, in quote currency; sizes in base units (or contracts)."""

    instrument: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal


class TradePrinted(Event, frozen=True):
    """Somebody traded; `quantity` in base units (or contracts), `aggressor` is the taker's side."""

    instrument: str
    price: Decimal
    quantity: Decimal
    aggressor: Aggressor
    trade_id: str


class MarkUpdated(Event, frozen=True):
    """The venue's mark price of an instrument, in quote currency."""

    instrument: str
    price: Decimal


class FundingRatePublished(Event, frozen=True):
    """A perpetual's funding for the period just ended: longs pay `rate` x notional when positive.

    `mark` is the price (quote currency) at which notional is taken.
    """

    instrument: str
    rate: Decimal
    mark: Decimal


class CurrencyRateUpdated(Event, frozen=True):
    """One unit of `currency` is worth `rate` units of `reporting`."""

    currency: str
    reporting: str
    rate: Decimal


class ClockTicked(Event, frozen=True):
    """Time passed; the envelope's `at` says how far."""
