"""What may trade and where: instruments and venues, as operators list them."""

from decimal import Decimal
from typing import Literal

from deadreckon.contracts.event import Event

InstrumentKind = Literal["spot", "perpetual"]
MarketClass = Literal["spot", "perpetual", "margin", "options"]


class InstrumentListed(Event, frozen=True):
    """An instrument may be traded under these specifications; listing it again replaces them.

    `instrument` is SYMBOL.VENUE, `symbol` the venue's own name of it. `tick_size` is the price
    step (quote currency), `lot_size` the quantity step and `minimum_quantity` the least (base
    units or contracts), `minimum_notional` the least value of an order in quote currency.
    `contract_size` is base units per contract (1 for spot). `kind` says how it is accounted for:
    a spot holding is worth `base_currency`; a linear perpetual settles in `quote_currency`.
    `market` is the class that `markets_allowed` of the limits speaks of.
    """

    instrument: str
    symbol: str
    venue: str
    kind: InstrumentKind
    base_currency: str
    quote_currency: str
    tick_size: Decimal
    lot_size: Decimal
    minimum_quantity: Decimal
    minimum_notional: Decimal
    contract_size: Decimal
    actor: str
    reason: str
    market: MarketClass = "spot"


class InstrumentDelisted(Event, frozen=True):
    """The instrument may no longer be traded; what is held stays held."""

    instrument: str
    actor: str
    reason: str


class VenueConfigured(Event, frozen=True):
    """How a venue fills and charges; for the paper venue these are the whole truth.

    `maker_fee_rate` and `taker_fee_rate` are fractions of notional (0.0005 = 5 bp; a negative
    maker fee is a rebate). `fee_currency` is empty for "the instrument's quote currency".
    `slippage_bps` worsens every taker price, in basis points. `latency` is nanoseconds between
    intent and arrival at the venue. `participation` is the share (0..1] of a bar's or trade's
    volume that our orders may take.
    `split_notional` (quote currency) splits bigger orders into children; null never splits.
    `edge` is the service that talks to a real venue (`venue-<name>`), empty for the paper venue.
    `unknown_after` (nanoseconds) is how long the outcome of an order may stay unknown before an
    alarm is raised.
    """

    venue: str
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal
    fee_currency: str
    slippage_bps: Decimal
    latency: int
    participation: Decimal
    actor: str
    reason: str
    split_notional: Decimal | None = None
    edge: str = ""
    unknown_after: int = 30_000_000_000
