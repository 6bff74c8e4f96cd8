"""Portfolio decider: announces position changes, funding payments and periodic equity marks.

Equity is marked at the first market or clock event at or after each multiple of the cadence and
each midnight UTC, and at the end of a tape; once, however many boundaries have passed.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger import Ledger
from deadreckon.accounting.money import worth
from deadreckon.accounting.postings import FOLDS
from deadreckon.accounting.valuation import converted
from deadreckon.contracts.amounts import EXACT, ZERO, canonical, ratio
from deadreckon.contracts.clock import ClockReset
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.market import (
    BarClosed,
    ClockTicked,
    CurrencyRateUpdated,
    FundingRatePublished,
    MarkUpdated,
    QuoteUpdated,
    TapeEnded,
    TradePrinted,
)
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import (
    CashDeposited,
    CashWithdrawn,
    EquityMarked,
    FeeCharged,
    FundingPaid,
    PositionChanged,
    ReportingConfigured,
)
from deadreckon.contracts.timestamps import DAY

# Events that move decision time or a price, and so may pass a boundary.
TIMED = frozenset(
    {
        BarClosed,
        QuoteUpdated,
        TradePrinted,
        MarkUpdated,
        FundingRatePublished,
        CurrencyRateUpdated,
        ClockTicked,
    }
)
HANDLES = TIMED | FOLDS.keys() | {TapeEnded, EquityMarked}


class State(Struct):
    """State of the portfolio: the ledger and the progress of the equity curve.

    `equity_every` (nanoseconds) and `marked_until` (nanoseconds UTC: boundaries up to here are
    done). `peak` is the highest equity of all marks so far, in the reporting currency, shifted by
    deposits and withdrawals; null before the first mark.
    """

    ledger: Ledger = field(default_factory=ledger.initial)
    equity_every: int = 0
    marked_until: int = -1
    peak: Decimal | None = None


def initial() -> State:
    return State()


def evolve(state: State, record: Recorded[Any]) -> State:
    if type(record.event) is ReportingConfigured:
        _configure(state, record)
    ledger.evolve(state.ledger, record)
    match record.event:
        case EquityMarked(peak=peak):
            state.marked_until = record.at
            state.peak = peak
        case ClockReset():
            state.marked_until = min(state.marked_until, record.at)
        case CashDeposited(currency=currency, amount=amount):
            _move_peak(state, currency, amount)
        case CashWithdrawn(currency=currency, amount=amount):
            _move_peak(state, currency, EXACT.minus(amount))
    return state


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    match record.event:
        case OrderFilled(strategy=strategy, instrument=instrument):
            is_new = ledger.is_new_fill(state.ledger, record)
            return [_position_changed(state.ledger, strategy, instrument)] if is_new else []
        case FeeCharged(strategy=strategy, instrument=instrument):
            known = ledger.holding(state.ledger, strategy, instrument)
            return [_position_changed(state.ledger, strategy, instrument)] if known else []
        case FundingRatePublished() as published:
            return [*_funded(state.ledger, published), *_marked(state, record)]
        case _:
            return _marked(state, record)


def _configure(state: State, record: Recorded[ReportingConfigured]) -> None:
    """Apply the cadence, including a boundary at this time; drop a peak in another currency."""
    state.equity_every = record.event.equity_every
    state.marked_until = max(state.marked_until, record.at - 1)
    if record.event.currency != state.ledger.reporting:
        state.peak = None


def _move_peak(state: State, currency: str, amount: Decimal) -> None:
    """Move the drawdown peak with a deposit or withdrawal, which is neither profit nor loss."""
    unit = ledger.rate(state.ledger, currency)
    if state.peak is not None and unit is not None:
        state.peak = canonical(EXACT.add(state.peak, converted(amount, unit)))


def _position_changed(book: Ledger, strategy: str, instrument: str) -> PositionChanged:
    listing = book.listings[instrument]
    found = book.holdings[instrument][strategy]
    fees = {currency: canonical(worth(fee)) for currency, fee in found.fees.items()}
    return PositionChanged(
        strategy=strategy,
        venue=listing.venue,
        instrument=instrument,
        quantity=average_cost.quantity(found.position),
        cost=average_cost.cost(found.position),
        average_price=average_cost.average_price(found.position),
        realised=average_cost.realised(found.position),
        fees=fees.pop(listing.quote_currency, ZERO),
        funding=canonical(worth(found.funding)),
        currency=listing.quote_currency,
        fees_other=fees,
    )


def _funded(book: Ledger, published: FundingRatePublished) -> list[Event]:
    listing = book.listings.get(published.instrument)
    if listing is None or listing.kind != "perpetual":
        return []
    events: list[Event] = []
    for strategy, found in sorted(book.holdings.get(published.instrument, {}).items()):
        if found.position.quantity:
            events += [
                FundingPaid(
                    strategy=strategy,
                    venue=listing.venue,
                    instrument=published.instrument,
                    amount=average_cost.funding(found.position, published.mark, published.rate),
                    currency=listing.quote_currency,
                    rate=published.rate,
                ),
                _position_changed(book, strategy, published.instrument),
            ]
    return events


def _marked(state: State, record: Recorded[Any]) -> list[Event]:
    if not state.ledger.reporting or not _is_due(state, record):
        return []
    return [_equity_marked(state)]


def _is_due(state: State, record: Recorded[Any]) -> bool:
    kind = type(record.event)
    if kind not in TIMED:
        return kind is TapeEnded
    every = state.equity_every
    return _passed(state.marked_until, record.at, DAY) or (
        every > 0 and _passed(state.marked_until, record.at, every)
    )


def _passed(since: int, now: int, every: int) -> bool:
    """Return True when a multiple of `every` lies in (since, now]; all in nanoseconds."""
    return now // every > since // every


def _equity_marked(state: State) -> EquityMarked:
    now = ledger.equity(state.ledger)
    peak = now.equity if state.peak is None else max(state.peak, now.equity)
    drawdown = ratio(EXACT.subtract(peak, now.equity), peak) if peak > 0 else ZERO
    return EquityMarked(
        currency=state.ledger.reporting,
        equity=now.equity,
        cash=now.cash,
        holdings=now.holdings,
        unrealised_perpetual=now.unrealised_perpetual,
        realised=now.realised,
        unrealised=now.unrealised,
        fees=now.fees,
        funding=now.funding,
        exposure_gross=now.exposure_gross,
        exposure_net=now.exposure_net,
        peak=peak,
        drawdown=drawdown,
        cash_by_currency=now.cash_by_currency,
        unpriced=now.unpriced,
    )
