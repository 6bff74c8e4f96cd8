"""Events about what may trade and where: instruments and venues, as operators list them."""

from decimal import Decimal
from typing import Annotated, Literal

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import Actor, InstrumentName, Reason, VenueName, VenueSymbol
from deadreckon.contracts.units import described

InstrumentKind = Literal["spot", "perpetual"]
MarketClass = Literal["spot", "perpetual", "margin", "options"]


class InstrumentListed(Event, frozen=True):
    """An instrument may be traded under these terms; listing it again replaces them."""

    declared = Declaration("instruments.instrument_listed", operators=True)

    instrument: InstrumentName
    symbol: VenueSymbol
    venue: VenueName
    kind: Annotated[
        InstrumentKind,
        described(
            "how it is accounted for: a spot holding is worth its base currency, a linear "
            "perpetual settles in its quote currency"
        ),
    ]
    base_currency: Annotated[str, described("currency that is bought and sold")]
    quote_currency: Annotated[str, described("currency of the price")]
    tick_size: Annotated[Decimal, described("price step, in quote currency", "price")]
    lot_size: Annotated[Decimal, described("quantity step, in base units or contracts", "base")]
    minimum_quantity: Annotated[
        Decimal, described("least quantity of an order, in base units or contracts", "base")
    ]
    minimum_notional: Annotated[
        Decimal, described("least value of an order, in quote currency", "quote")
    ]
    contract_size: Annotated[Decimal, described("base units per contract; 1 for spot", "ratio")]
    actor: Actor
    reason: Reason
    market: Annotated[
        MarketClass, described("class to which the limit `markets_allowed` applies")
    ] = "spot"


class InstrumentDelisted(Event, frozen=True):
    """An instrument may no longer be traded; positions in it stay."""

    declared = Declaration("instruments.instrument_delisted", operators=True)

    instrument: InstrumentName
    actor: Actor
    reason: Reason


class VenueConfigured(Event, frozen=True):
    """How a venue fills and charges; the paper venue fills exactly by these terms."""

    declared = Declaration("instruments.venue_configured", operators=True)

    venue: VenueName
    maker_fee_rate: Annotated[
        Decimal, described("fraction of notional; negative is a rebate", "share")
    ]
    taker_fee_rate: Annotated[
        Decimal, described("fraction of notional; 0.0005 is 5 basis points", "share")
    ]
    fee_currency: Annotated[
        str, described("currency of fees; empty for the instrument's quote currency")
    ]
    slippage_bps: Annotated[
        Decimal, described("basis points by which every taker price is worse", "basis_points")
    ]
    latency: Annotated[
        int, described("nanoseconds between intent and arrival at the venue", "nanoseconds")
    ]
    participation: Annotated[
        Decimal,
        described(
            "share (up to 1) of a bar's or trade's volume that our orders may take; 0: all of an "
            "order trades, whatever the volume",
            "share",
        ),
    ]
    actor: Actor
    reason: Reason
    split_notional: Annotated[
        Decimal | None,
        described("quote currency above which an order is split; null never splits", "quote"),
    ] = None
    edge: Annotated[
        str,
        described("service that talks to a real venue (`venue-<name>`); empty for the paper venue"),
    ] = ""
    unknown_after: Annotated[
        int,
        described(
            "nanoseconds that the outcome of a request may stay unknown before an alarm",
            "nanoseconds",
        ),
    ] = 30_000_000_000
