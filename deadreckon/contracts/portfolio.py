"""Positions, cash and equity: what the book holds, what it cost and what it is worth."""

from decimal import Decimal
from typing import Annotated

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import (
    Actor,
    Currency,
    InstrumentName,
    Reason,
    StrategyName,
    VenueName,
)
from deadreckon.contracts.units import described


class PositionChanged(Event, frozen=True):
    """A fill or a funding payment changed a position; every figure is a total after it."""

    declared = Declaration("portfolio.position_changed", ("portfolio",))

    strategy: StrategyName
    venue: VenueName
    instrument: InstrumentName
    quantity: Annotated[
        Decimal, described("signed quantity held, in base units or contracts", "base")
    ]
    cost: Annotated[Decimal, described("signed cost of what is held, in `currency`", "currency")]
    average_price: Annotated[
        Decimal,
        described(
            "cost per unit, rounded half-even to the tick's scale plus four digits; 0 when flat",
            "price",
        ),
    ]
    realised: Annotated[
        Decimal,
        described("cumulative realised profit before fees and funding, in `currency`", "currency"),
    ]
    fees: Annotated[
        Decimal, described("cumulative fees in `currency`; positive was paid", "currency")
    ]
    funding: Annotated[
        Decimal, described("cumulative funding in `currency`; positive was received", "currency")
    ]
    currency: Annotated[str, described("quote currency of the instrument")]
    fees_other: Annotated[
        dict[str, Decimal], described("cumulative fees paid in other currencies", "currency")
    ]


class FundingPaid(Event, frozen=True):
    """A position paid or received funding."""

    declared = Declaration("portfolio.funding_paid", ("portfolio",), timeline="instrument")

    strategy: StrategyName
    venue: VenueName
    instrument: InstrumentName
    amount: Annotated[Decimal, described("amount in `currency`; positive was received", "currency")]
    currency: Annotated[str, described("quote currency of the instrument")]
    rate: Annotated[Decimal, described("fraction of notional that was charged", "share")]


class EquityMarked(Event, frozen=True):
    """The worth of the book at its marks, at the configured cadence.

    `equity` = `cash` + `holdings` + `unrealised_perpetual`.
    """

    declared = Declaration("portfolio.equity_marked", ("portfolio",))

    currency: Annotated[str, described("reporting currency of every amount")]
    equity: Annotated[Decimal, described("worth of the book", "reporting")]
    cash: Annotated[Decimal, described("cash of all currencies, converted", "reporting")]
    holdings: Annotated[Decimal, described("spot holdings at market value", "reporting")]
    unrealised_perpetual: Annotated[
        Decimal, described("unrealised profit of perpetual positions", "reporting")
    ]
    realised: Annotated[
        Decimal, described("cumulative realised profit before fees and funding", "reporting")
    ]
    unrealised: Annotated[
        Decimal, described("unrealised profit of spot and perpetual positions", "reporting")
    ]
    fees: Annotated[Decimal, described("cumulative fees; positive was paid", "reporting")]
    funding: Annotated[Decimal, described("cumulative funding; positive was received", "reporting")]
    exposure_gross: Annotated[Decimal, described("sum of absolute notionals at marks", "reporting")]
    exposure_net: Annotated[Decimal, described("sum of signed notionals at marks", "reporting")]
    peak: Annotated[
        Decimal,
        described(
            "highest equity marked so far, shifted by deposits and withdrawals since", "reporting"
        ),
    ]
    drawdown: Annotated[Decimal, described("(peak - equity) / peak, rounded to 1e-9", "share")]
    cash_by_currency: Annotated[
        dict[str, Decimal], described("cash of each currency, not converted", "currency")
    ]
    unpriced: Annotated[
        list[str],
        described("instruments and currencies without a mark or rate; the sums leave them out"),
    ]


class CashDeposited(Event, frozen=True):
    """Money came into the book; an opening balance is a deposit."""

    declared = Declaration("portfolio.cash_deposited", operators=True)

    currency: Currency
    amount: Annotated[Decimal, described("amount, more than 0", "currency")]
    actor: Actor
    reason: Reason


class CashWithdrawn(Event, frozen=True):
    """Money left the book."""

    declared = Declaration("portfolio.cash_withdrawn", operators=True)

    currency: Currency
    amount: Annotated[Decimal, described("amount, more than 0", "currency")]
    actor: Actor
    reason: Reason


class FeeCharged(Event, frozen=True, omit_defaults=True):
    """A fee that became known apart from a fill.

    It is booked at its own sequence in the log: the past is never edited, and "as known now" is
    another question (docs/replay.md).
    """

    declared = Declaration("portfolio.fee_charged", operators=True)

    strategy: StrategyName
    instrument: InstrumentName
    amount: Annotated[Decimal, described("amount charged; negative gives money back", "currency")]
    currency: Currency
    actor: Actor
    reason: Reason
    effective_at: Annotated[
        int,
        described(
            "when it was due, nanoseconds UTC, if that was before it became known; else 0",
            "timestamp",
        ),
    ] = 0


class ReportingConfigured(Event, frozen=True):
    """The reporting currency of the book, and how often its equity is marked."""

    declared = Declaration("portfolio.reporting_configured", operators=True)

    currency: Annotated[str, described("reporting currency")]
    equity_every: Annotated[int, described("nanoseconds between two equity marks", "nanoseconds")]
    actor: Actor
    reason: Reason
