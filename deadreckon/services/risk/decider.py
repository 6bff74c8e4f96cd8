"""Risk: weighs every wish against the limits in force and the headroom already promised."""

from collections.abc import Callable, Sequence
from typing import Any

from deadreckon.accounting import ledger
from deadreckon.accounting.postings import FOLDS
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    FlattenRequested,
    HaltImposed,
    HaltRequested,
    LimitsSet,
    LogDamaged,
    ResumeRequested,
)
from deadreckon.contracts.instruments import InstrumentDelisted, InstrumentListed
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
    quarantine,
    replaces,
    venue_errors,
    windows,
)
from deadreckon.services.risk.state import State


def initial() -> State:
    """Nothing trades until someone sets limits."""
    return State(ledger=ledger.initial())


def evolve(state: State, said: Recorded[Any]) -> State:
    """Let time pass, book the event, then let every part of the state see it, in place."""
    if said.at >= state.breakers.day_ends:
        breakers.roll_day(state, said.at)
    if state.halts:
        halts.lift_due(state, said.at)
    ledger.evolve(state.ledger, said)
    for fold in _FOLDS.get(type(said.event), ()):
        fold(state, said)
    return state


def decide(state: State, said: Recorded[Any]) -> Sequence[Event]:
    """Wishes are weighed, halts obeyed, and breakers looked at when something moved them."""
    answers = _ANSWERS.get(type(said.event))
    return answers(state, said) if answers else ()


def _list(state: State, said: Recorded[InstrumentListed]) -> None:
    state.delisted.pop(said.event.instrument, None)
    breakers.measure(state)


def _delist(state: State, said: Recorded[InstrumentDelisted]) -> None:
    state.delisted[said.event.instrument] = True


def _measure(state: State, said: Recorded[Any]) -> None:
    breakers.measure(state)


def _resume(state: State, said: Recorded[ResumeRequested]) -> None:
    halts.resume(state, said)
    if said.event.reset_counters:
        windows.reset(state)
        breakers.reset(state)


def _imposed(state: State, said: Recorded[HaltImposed]) -> list[Event]:
    obeyed = halts.acknowledge(said, said.event.scope)
    return [obeyed, *flattening.flatten_after(state, said)]


def _filled(state: State, said: Recorded[OrderFilled]) -> list[Event]:
    # The closing order first: a breaker that trips too must know of it.
    return [*flattening.flatten_late(state, said), *breaker_trips.trip(state, said)]


def _requested(state: State, said: Recorded[HaltRequested]) -> list[Event]:
    return [halts.acknowledge(said, said.event.scope)]


def _damaged(state: State, said: Recorded[LogDamaged]) -> list[Event]:
    return [halts.acknowledge(said, "all")]


Fold = Callable[[State, Recorded[Any]], None]
Answer = Callable[[State, Recorded[Any]], Sequence[Event]]

# Folds of one event run in this order: who samples an order comes before who forgets it.
_FOLDS: dict[type[Event], tuple[Fold, ...]] = {
    BarClosed: (breakers.price,),
    QuoteUpdated: (breakers.price,),
    TradePrinted: (breakers.price,),
    MarkUpdated: (breakers.price,),
    CurrencyRateUpdated: (_measure,),
    FundingRatePublished: (_measure,),
    FeeCharged: (_measure,),
    CashDeposited: (breakers.book_cash,),
    CashWithdrawn: (breakers.book_cash,),
    ReportingConfigured: (breakers.report,),
    InstrumentListed: (_list,),
    InstrumentDelisted: (_delist,),
    LimitsSet: (breakers.limit,),
    HaltRequested: (halts.request,),
    HaltImposed: (halts.impose, breakers.impose),
    LogDamaged: (halts.damage,),
    ResumeRequested: (_resume,),
    OrderApproved: (windows.approve, headroom.approve),
    OrderRouted: (headroom.route,),
    OrderUnroutable: (headroom.unroutable,),
    OrderSubmitting: (protection.arm,),
    OrderAccepted: (venue_errors.accept,),
    OrderRejected: (venue_errors.reject, headroom.end, protection.end),
    OrderUnknown: (venue_errors.lose,),
    VenueRequestUnanswered: (venue_errors.miss,),
    OrderFilled: (breakers.fill, quarantine.fill, headroom.fill, protection.fill, _measure),
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
    CurrencyRateUpdated,
    FundingRatePublished,
    FeeCharged,
    CashDeposited,
    CashWithdrawn,
    ReportingConfigured,
    LimitsSet,
    OrderFilled,
)

_ANSWERS: dict[type[Event], Answer] = {
    SignalRaised: pretrade.weigh,
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
HEEDS = frozenset({*_FOLDS, *_ANSWERS, *FOLDS, TapeOpened, TapeEnded})
