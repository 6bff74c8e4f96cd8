"""Governance decider: refuses operators' messages that are malformed or name nothing, halts a book
that performs badly."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger import Ledger
from deadreckon.accounting.postings import FOLDS
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    HaltImposed,
    LogDamaged,
    OperatorMalformed,
    OperatorRefused,
    ResumeRequested,
)
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.orders import OrderFilled
from deadreckon.services.governance import known_names, performance, trades
from deadreckon.services.governance.known_names import KnownNames
from deadreckon.services.governance.trades import OpenTrades

UNPRICED = "performance_unpriced"
RULES = (*performance.MEASURES, UNPRICED)
DEFAULTS = LimitsSet("", "")  # in use until limits are set
HANDLES = FOLDS.keys() | {
    *known_names.REFERRING,
    InstrumentListed,
    LimitsSet,
    ResumeRequested,
    HaltImposed,
    OperatorMalformed,
    LogDamaged,
}


class StrategyRecord(Struct):
    """Closed trades of a strategy: their number, and the net profits of the latest ones.

    Profits are in the reporting currency, oldest first, at most `performance_window` of them.
    """

    closed: int = 0
    results: list[Decimal] = []


class State(Struct):
    """State of the performance stops.

    `newest` is the id of the last fill that closed a trade, and `unpriced` of the last one whose
    trade has no known worth. `halted` is true until a resume.
    """

    limits: LimitsSet | None = None
    limits_id: str | None = None
    ledger: Ledger = field(default_factory=ledger.initial)
    trades: OpenTrades = field(default_factory=OpenTrades)
    records: dict[str, StrategyRecord] = {}
    newest: str = ""
    unpriced: str = ""
    halted: bool = False
    known: KnownNames = field(default_factory=KnownNames)


def initial() -> State:
    return State()


def evolve(state: State, record: Recorded[Any]) -> State:
    match record.event:
        case OrderFilled():
            _fold_fill(state, record)
        case LimitsSet() as limits:
            state.limits, state.limits_id = limits, record.id
            for history in state.records.values():
                _trim(state, history)
        case ResumeRequested(reset_counters=reset):
            state.halted = False
            if reset:
                state.records = {}
        case HaltImposed(rule=rule):
            state.halted = state.halted or rule in RULES
        case _:
            if isinstance(record.event, InstrumentListed):
                known_names.fold(state.known, record.event)
            ledger.evolve(state.ledger, record)
    return state


def _fold_fill(state: State, record: Recorded[OrderFilled]) -> None:
    closed = trades.fold(state.trades, state.ledger, record)
    if closed is None:
        return
    if closed.profit is None:
        state.unpriced = record.id
        return
    history = state.records.setdefault(closed.strategy, StrategyRecord())
    history.closed += 1
    history.results.append(closed.profit)
    _trim(state, history)
    state.newest = record.id


def _trim(state: State, history: StrategyRecord) -> None:
    window = (
        DEFAULTS.performance_window if state.limits is None else state.limits.performance_window
    )
    del history.results[: -max(window, 1)]


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    match record.event:
        case OrderFilled(strategy=strategy):
            return _judge(state, record.id, strategy)
        case OperatorMalformed(door=door, rule=rule, reason=reason, evidence=evidence):
            return [OperatorRefused(door, rule, reason, evidence)]
        case LogDamaged(subject=subject, reason=reason):
            return [_halt_damaged(subject, reason)]
        case event if isinstance(event, known_names.REFERRING):
            refused = known_names.refusal(state.known, record)
            return [] if refused is None else [refused]
        case _:
            return []


def _halt_damaged(subject: str, reason: str) -> HaltImposed:
    return HaltImposed(
        scope="all",
        rule="log_damaged",
        limit=None,
        measured=None,
        limit_set_by=None,
        reason=f"{subject}: {reason}",
    )


def _judge(state: State, fill_id: str, strategy: str) -> Sequence[Event]:
    """Halt when this fill closed a trade that leaves the strategy below a minimum."""
    limits = state.limits
    if limits is None or state.halted or not _are_minima_set(limits):
        return []
    if state.unpriced == fill_id:
        return [_halt(state, limits, UNPRICED, None, None, _unpriced(strategy))]
    history = state.records.get(strategy)
    if history is None or state.newest != fill_id:
        return []
    if history.closed < (limits.performance_trades_min or 1):
        return []
    short = performance.shortfall(limits, history.results)
    if short is None:
        return []
    reason = f"{strategy}: the last {len(history.results)} closed trades fall short of {short.rule}"
    return [_halt(state, limits, short.rule, short.limit, short.measured, reason)]


def _are_minima_set(limits: LimitsSet) -> bool:
    return any(getattr(limits, rule) is not None for rule in performance.MEASURES)


def _unpriced(strategy: str) -> str:
    return f"{strategy}: a closed trade has no worth in the reporting currency; state a rate"


def _halt(
    state: State,
    limits: LimitsSet,
    rule: str,
    limit: Decimal | None,
    measured: Decimal | None,
    reason: str,
) -> HaltImposed:
    return HaltImposed(
        scope=limits.performance_scope,
        rule=rule,
        limit=limit,
        measured=measured,
        limit_set_by=state.limits_id,
        reason=reason,
    )
