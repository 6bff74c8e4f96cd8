"""What the market did: bars, quotes, trades, marks, funding and currency rates, and the clock."""

from decimal import Decimal
from typing import Literal

from deadreckon.contracts.event import Event

VolumeUnit = Literal["base", "quote", "contracts", "unknown"]
Aggressor = Literal["buy", "sell", ""]


class TapeOpened(Event, frozen=True):
    """A tape starts to play; from here on it is the only clock.

    `tape` is the digest that identifies its content, `rows` the number of rows it holds, `kind`
    what a row is. `volume_unit` says in which unit the tape counts volume.
    """

    tape: str
    instrument: str
    kind: Literal["bars", "quotes", "trades"]
    rows: int
    volume_unit: VolumeUnit


class TapeEnded(Event, frozen=True):
    """The last row of the tape has been played.

    `tape` is the digest that identifies its content, `rows` the number of rows that were played.
    """

    tape: str
    rows: int


class BarClosed(Event, frozen=True):
    """A bar is complete; its time (`at` of the envelope) is its close.

    `open`, `high`, `low` and `close` are prices in quote currency per base unit. `volume` is in
    the unit that `volume_unit` names. `interval` is the bar's length in nanoseconds.
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
    """The best of the book changed.

    `bid` and `ask` are prices in quote currency per base unit; `bid_size` and `ask_size` are what
    is offered there, in base units (or contracts).
    """

    instrument: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal


class TradePrinted(Event, frozen=True):
    """Somebody traded on the market.

    `price` is in quote currency per base unit, `quantity` in base units (or contracts).
    `aggressor` is the taker's side, empty when the source does not tell. `trade_id` is the venue's
    own name of the trade, empty when it has none.
    """

    instrument: str
    price: Decimal
    quantity: Decimal
    aggressor: Aggressor
    trade_id: str


class MarkUpdated(Event, frozen=True):
    """The venue marked an instrument at `price`, in quote currency per base unit."""

    instrument: str
    price: Decimal


class FundingRatePublished(Event, frozen=True, omit_defaults=True):
    """A perpetual's funding for the period just ended: longs pay `rate` x notional when positive.

    `rate` is a fraction of notional (0.0001 = 1 bp). `mark` is the price (quote currency per base
    unit) at which notional is taken. `effective_at` (nanoseconds UTC) is when the period ended,
    where that was before it became known (a correction, say); 0: when it was recorded. It is
    booked where it stands in the log, on what is held there.
    """

    instrument: str
    rate: Decimal
    mark: Decimal
    effective_at: int = 0


class CurrencyRateUpdated(Event, frozen=True):
    """One unit of `currency` is worth `rate` units of `reporting`."""

    currency: str
    reporting: str
    rate: Decimal


class ClockTicked(Event, frozen=True):
    """Time passed; the envelope's `at` says how far."""
