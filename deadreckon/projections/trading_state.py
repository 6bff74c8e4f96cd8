"""Preconditions of trading, folded from the log: limits, listings, venues, prices, halts."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from deadreckon.accounting import ledger, postings
from deadreckon.accounting.halts import Halts, acknowledge, impose, reset_time
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.amounts import EXACT, ZERO
from deadreckon.contracts.clock import TIME_EDGES, ClockReset, ClockStepAccepted, ClockStepRefused
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeRequested,
)
from deadreckon.contracts.instruments import InstrumentDelisted, InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import (
    BarClosed,
    CurrencyRateUpdated,
    MarkUpdated,
    QuoteUpdated,
    TradePrinted,
)
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn, ReportingConfigured
from deadreckon.contracts.venues import VenueConnectionChanged

_encode = msgspec.json.Encoder(decimal_format="string").encode


class TradingState(Struct):
    """Preconditions of trading after an event, at decision time `now` (nanoseconds UTC).

    `prices` is a ledger of listings, prices and rates only. `away` are venues that cannot be
    reached, with the reason. `deposited` says that there ever was cash; `cash` is what was
    deposited less what was withdrawn, by currency. `clock` is the last refusal of each edge that
    writes no time.
    """

    now: int = 0
    limits: LimitsSet | None = None
    prices: Ledger = field(default_factory=ledger.initial)
    delisted: dict[str, Literal[True]] = {}
    venues: dict[str, VenueConfigured] = {}
    away: dict[str, str] = {}
    halts: Halts = {}
    deposited: bool = False
    cash: dict[str, Decimal] = {}
    clock: dict[str, ClockStepRefused] = {}


class TradingView:
    """The trading state of a running stack, in memory."""

    def __init__(self) -> None:
        self.state = TradingState()

    def fold(self, _sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Fold the events of one message."""
        for record in facts:
            evolve(self.state, record)

    def written(self) -> bytes:
        """Encode the state for a snapshot."""
        return _encode(self.state)

    def restore(self, written: bytes) -> None:
        """Restore the state that `written` encoded."""
        self.state = msgspec.json.decode(written, type=TradingState)


def evolve(state: TradingState, record: Recorded[Any]) -> None:
    """Fold one event, in place."""
    kind = type(record.event)
    if record.at > state.now or kind is ClockReset:
        state.now = record.at
    if kind in _PRICES:
        postings.FOLDS[kind](state.prices, record)
    fold = _FOLDS.get(kind)
    if fold is not None:
        fold(state, record)
    elif state.clock and record.source in TIME_EDGES:
        state.clock.pop(record.source, None)


def _refused_step(state: TradingState, record: Recorded[ClockStepRefused]) -> None:
    state.clock[record.source] = record.event


def _settled_clock(state: TradingState, record: Recorded[Any]) -> None:
    state.clock = {}


def _reset_time(state: TradingState, record: Recorded[ClockReset]) -> None:
    state.clock = {}
    reset_time(state.halts, record.at)


def _limits(state: TradingState, record: Recorded[LimitsSet]) -> None:
    state.limits = record.event


def _list(state: TradingState, record: Recorded[InstrumentListed]) -> None:
    state.delisted.pop(record.event.instrument, None)


def _delist(state: TradingState, record: Recorded[InstrumentDelisted]) -> None:
    state.delisted[record.event.instrument] = True


def _venue(state: TradingState, record: Recorded[VenueConfigured]) -> None:
    state.venues[record.event.venue] = record.event


def _connection(state: TradingState, record: Recorded[VenueConnectionChanged]) -> None:
    state.away.pop(record.event.venue, None)
    if not record.event.connected:
        state.away[record.event.venue] = record.event.reason


def _deposit(state: TradingState, record: Recorded[CashDeposited]) -> None:
    state.deposited = True
    _add_cash(state, record.event.currency, record.event.amount)


def _withdraw(state: TradingState, record: Recorded[CashWithdrawn]) -> None:
    _add_cash(state, record.event.currency, -record.event.amount)


def _add_cash(state: TradingState, currency: str, amount: Decimal) -> None:
    state.cash[currency] = EXACT.add(state.cash.get(currency, ZERO), amount)


def _halt(state: TradingState, record: Recorded[Any]) -> None:
    impose(state.halts, record)


def _acknowledge(state: TradingState, record: Recorded[HaltAcknowledged]) -> None:
    acknowledge(state.halts, record)


def _resume(state: TradingState, record: Recorded[ResumeRequested]) -> None:
    state.halts.clear()


_PRICES: frozenset[type[Event]] = frozenset(
    {
        InstrumentListed,
        ReportingConfigured,
        CurrencyRateUpdated,
        BarClosed,
        QuoteUpdated,
        TradePrinted,
        MarkUpdated,
        ClockReset,
    }
)

_FOLDS: dict[type[Event], Callable[[TradingState, Recorded[Any]], None]] = {
    ClockStepRefused: _refused_step,
    ClockStepAccepted: _settled_clock,
    ClockReset: _reset_time,
    LimitsSet: _limits,
    InstrumentListed: _list,
    InstrumentDelisted: _delist,
    VenueConfigured: _venue,
    VenueConnectionChanged: _connection,
    CashDeposited: _deposit,
    CashWithdrawn: _withdraw,
    HaltRequested: _halt,
    HaltImposed: _halt,
    LogDamaged: _halt,
    HaltAcknowledged: _acknowledge,
    ResumeRequested: _resume,
}
