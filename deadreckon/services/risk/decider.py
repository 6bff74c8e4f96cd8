"""Risk: checks every signal against the limits in force and the headroom already promised."""

from collections.abc import Callable, Sequence
from typing import Any

from deadreckon.accounting import ledger
from deadreckon.accounting.halts import lift_expired
from deadreckon.accounting.halts import reset_time as reset_halts
from deadreckon.accounting.postings import FOLDS
from deadreckon.contracts import dedup
from deadreckon.contracts.clock import CLOCK_STOP, ClockReset, ClockStepRefused
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    FlattenRequested,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeRequested,
)
from deadreckon.contracts.instruments import InstrumentDelisted, InstrumentListed
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import (
    BarClosed,
    ClockTicked,
    CurrencyRateUpdated,
    FundingRatePublished,
    MarkUpdated,
    QuoteUpdated,
    TapeEnded,
    TapeOpened,
    TradePrinted,
)
from deadreckon.contracts.orders import (
    CancelApproved,
    CancelMissed,
    OrderAccepted,
    OrderApproved,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSubmitting,
    OrderUnknown,
    OrderUnroutable,
    ReplaceApproved,
)
from deadreckon.contracts.portfolio import (
    CashDeposited,
    CashWithdrawn,
    FeeCharged,
    ReportingConfigured,
)
from deadreckon.contracts.signals import CancelRaised, ReplaceRaised, SignalRaised
from deadreckon.contracts.venues import VenueRequestUnanswered
from deadreckon.services.risk import (
    breaker_trips,
    breakers,
    changes,
    flattening,
    halts,
    headroom,
    pretrade,
    protection,
    replaces,
    venue_errors,
    windows,
)
from deadreckon.services.risk.state import State


def initial() -> State:
    """Return the state in which nothing trades until limits are set."""
    return State(ledger=ledger.initial())


def evolve(state: State, record: Recorded[Any]) -> State:
    """Let time pass, update the ledger, then every part of the state that the event concerns."""
    if record.at >= state.breakers.day_ends:
        breakers.roll_day(state, record.at)
    if state.halts:
        lift_expired(state.halts, record.at)
    if type(record.event) is MarkUpdated and _is_beside_market(state, record):
        return state
    ledger.evolve(state.ledger, record)
    for fold in _FOLDS.get(type(record.event), ()):
        fold(state, record)
    return state


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    """Check signals, acknowledge halts, and trip breakers when an event moved their figures."""
    answers = _ANSWERS.get(type(record.event))
    return answers(state, record) if answers else ()


def _is_beside_market(state: State, record: Recorded[MarkUpdated]) -> bool:
    """Tell whether a person states a price of what the market has priced lately. No order is sized
    by it: a mistyped one would make a small notional a giant quantity, within every limit."""
    instrument = record.event.instrument
    known = ledger.mark(state.ledger, instrument)
    if not record.event.actor or known is None or state.limits is None:
        return False
    is_fresh = record.at - known.at <= state.limits.price_age_max
    return is_fresh and instrument not in state.stated


def _priced(state: State, record: Recorded[breakers.Priced]) -> None:
    if isinstance(record.event, MarkUpdated) and record.event.actor:
        state.stated[record.event.instrument] = True
    elif state.stated:
        state.stated.pop(record.event.instrument, None)
    breakers.price(state, record)


def _list(state: State, record: Recorded[InstrumentListed]) -> None:
    state.delisted.pop(record.event.instrument, None)
    breakers.measure(state)


def _delist(state: State, record: Recorded[InstrumentDelisted]) -> None:
    state.delisted[record.event.instrument] = True


def _measure(state: State, record: Recorded[Any]) -> None:
    breakers.measure(state)


def _resume(state: State, record: Recorded[ResumeRequested]) -> None:
    halts.resume(state, record)
    if record.event.reset_counters:
        windows.reset(state)
        breakers.reset(state)


def _reset_time(state: State, record: Recorded[ClockReset]) -> None:
    reset_halts(state.halts, record.at)
    windows.reset_time(state, record.at)
    dedup.recall(state.ended)
    breakers.reset_time(state, record)
    state.stop_refused = None


def _refuse_step(state: State, record: Recorded[ClockStepRefused]) -> None:
    if record.event.rule == CLOCK_STOP:
        state.stop_refused = record.event


def _imposed(state: State, record: Recorded[HaltImposed]) -> list[Event]:
    obeyed = halts.acknowledge(record, record.event.scope)
    return [obeyed, *flattening.flatten_after(state, record)]


def _filled(state: State, record: Recorded[OrderFilled]) -> list[Event]:
    # The closing order first: a breaker that trips too must know of it.
    return [*flattening.flatten_late(state, record), *breaker_trips.trip(state, record)]


def _requested(state: State, record: Recorded[HaltRequested]) -> list[Event]:
    return [halts.acknowledge(record, record.event.scope)]


def _damaged(state: State, record: Recorded[LogDamaged]) -> list[Event]:
    return [halts.acknowledge(record, "all")]


Fold = Callable[[State, Recorded[Any]], None]
Handler = Callable[[State, Recorded[Any]], Sequence[Event]]

# Folds of one event run in this order: who samples an order comes before who forgets it.
_FOLDS: dict[type[Event], tuple[Fold, ...]] = {
    BarClosed: (_priced,),
    QuoteUpdated: (_priced,),
    TradePrinted: (_priced,),
    MarkUpdated: (_priced,),
    CurrencyRateUpdated: (_measure,),
    FundingRatePublished: (_measure,),
    FeeCharged: (_measure,),
    CashDeposited: (breakers.book_cash,),
    CashWithdrawn: (breakers.book_cash,),
    ReportingConfigured: (breakers.report,),
    InstrumentListed: (_list,),
    InstrumentDelisted: (_delist,),
    LimitsSet: (breakers.limit,),
    HaltRequested: (halts.halt,),
    HaltImposed: (halts.halt, breakers.impose),
    LogDamaged: (halts.halt,),
    ResumeRequested: (_resume,),
    ClockReset: (_reset_time,),
    ClockStepRefused: (_refuse_step,),
    OrderApproved: (windows.approve, headroom.approve),
    OrderRouted: (headroom.route,),
    OrderUnroutable: (headroom.unroutable,),
    OrderSubmitting: (protection.arm,),
    OrderAccepted: (venue_errors.accept,),
    OrderRejected: (venue_errors.reject, headroom.end, protection.end),
    OrderUnknown: (venue_errors.lose,),
    VenueRequestUnanswered: (venue_errors.miss,),
    OrderFilled: (breakers.fill, breakers.quarantine, headroom.fill, protection.fill, _measure),
    OrderCancelled: (headroom.end, protection.end),
    OrderExpired: (headroom.end, protection.end),
    OrderReplaced: (replaces.replaced, protection.replaced),
    CancelApproved: (windows.cancel,),
    CancelMissed: (replaces.missed,),
    ReplaceApproved: (windows.change, replaces.approve),
}

# What can move a breaker, or lets its time pass.
_MOVING: tuple[type[Event], ...] = (
    BarClosed,
    QuoteUpdated,
    TradePrinted,
    MarkUpdated,
    ClockTicked,
    ClockReset,
    CurrencyRateUpdated,
    FundingRatePublished,
    FeeCharged,
    CashDeposited,
    CashWithdrawn,
    ReportingConfigured,
    LimitsSet,
    OrderFilled,
)

_ANSWERS: dict[type[Event], Handler] = {
    SignalRaised: pretrade.check,
    CancelRaised: changes.cancel,
    ReplaceRaised: changes.replace,
    FlattenRequested: flattening.flatten,
    HaltRequested: _requested,
    HaltImposed: _imposed,
    LogDamaged: _damaged,
    ResumeRequested: halts.acknowledge_resume,
    **dict.fromkeys(_MOVING, breaker_trips.trip),
    OrderFilled: _filled,
}

# The ends of a tape let time pass, and with it the day and halts that lift by themselves.
HANDLES = frozenset({*_FOLDS, *_ANSWERS, *FOLDS, TapeOpened, TapeEnded})
