"""Fold of the log into the book at one sequence: what is held, open, in force and halted.

Folded in log order, so a sequence defines the state. Only open orders are kept.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting import ledger
from deadreckon.accounting.halts import Halts, acknowledge, impose, in_force, reset_time
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.clock import ClockReset
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeRequested,
    StrategyConfigured,
)
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.projections import trading_state
from deadreckon.projections.tables import orders
from deadreckon.projections.trading_state import TradingState

Order = orders.OrderRow  # `orders` is also a field of the state


class SetBy(Struct, frozen=True):
    """The event that put something in force: its id, its sequence and index, and its author
    (`actor`: a person, or the publishing service). `at` is its decision time (nanoseconds UTC)."""

    id: str
    sequence: int
    index: int
    at: int
    actor: str
    reason: str = ""


class LimitsInForce(Struct, frozen=True):
    """The limits in force."""

    set_by: SetBy
    values: LimitsSet


class StrategyInForce(Struct, frozen=True):
    """A strategy's latest settings, enabled or not."""

    set_by: SetBy
    values: StrategyConfigured


class ModelInForce(Struct, frozen=True):
    """A strategy's latest model, with the figures of its event."""

    set_by: SetBy
    model_id: str
    strategy: str
    instrument: str
    states: int
    labels: list[str]
    samples: int
    window_from: int
    window_to: int


class BookState(Struct):
    """A book after the event at (`sequence`, `index`), at decision time `now` (nanoseconds UTC).

    `orders` are the open ones, as rows of the table of orders. `marked` is the last EquityMarked,
    which has the peak. `events` counts folded events. `trading` is what trading rests on.
    """

    sequence: int = 0
    index: int = 0
    now: int = 0
    events: int = 0
    ledger: Ledger = field(default_factory=ledger.initial)
    orders: dict[str, Order] = {}
    limits: LimitsInForce | None = None
    strategies: dict[str, StrategyInForce] = {}
    models: dict[str, ModelInForce] = {}  # by strategy and instrument
    halts: Halts = {}
    halts_set_by: dict[str, SetBy] = {}
    marked: EquityMarked | None = None
    trading: TradingState = field(default_factory=TradingState)


def initial() -> BookState:
    """Return the state before the first event."""
    return BookState()


def evolve(state: BookState, record: Recorded[Any]) -> BookState:
    """Fold one recorded event, in place; returns the same object."""
    advance(state, record)
    apply_event(state, record)
    trading_state.evolve(state.trading, record)
    return state


def advance(state: BookState, record: Recorded[Any]) -> None:
    """Move sequence, index and time past an event without applying it."""
    state.sequence, state.index = record.sequence, record.index
    state.events += 1
    if record.at > state.now or type(record.event) is ClockReset:
        state.now = record.at


def apply_event(state: BookState, record: Recorded[Any]) -> None:
    """Apply an event's changes, without moving sequence and time."""
    ledger.evolve(state.ledger, record)
    fold = _FOLDS.get(type(record.event))
    if fold is not None:
        fold(state, record)


def halts_in_force(state: BookState) -> Halts:
    """Return the halts in force by event id, oldest first."""
    return in_force(state.halts, state.now)


def _order(state: BookState, record: Recorded[Any]) -> None:
    """Update an open order; events about ended orders are ignored."""
    begins = type(record.event) in orders.BEGINS
    for (order_id,) in orders.keys(record):
        row = state.orders.get(order_id)
        if row is None and not begins:
            continue
        row = orders.evolve(row or orders.initial(), record)
        if row.status in orders.ENDED:
            state.orders.pop(order_id, None)
        else:
            state.orders[order_id] = row


def _fill(state: BookState, record: Recorded[OrderFilled]) -> None:
    """Apply a fill unless it repeats a known trade."""
    if ledger.is_new_fill(state.ledger, record):
        _order(state, record)


def _marked(state: BookState, record: Recorded[EquityMarked]) -> None:
    state.marked = record.event


def _limits(state: BookState, record: Recorded[LimitsSet]) -> None:
    state.limits = LimitsInForce(_set_by(record), record.event)


def _strategy(state: BookState, record: Recorded[StrategyConfigured]) -> None:
    state.strategies[record.event.strategy] = StrategyInForce(_set_by(record), record.event)


def _model(state: BookState, record: Recorded[RegimeModelFitted]) -> None:
    model = record.event
    state.models[f"{model.strategy} {model.instrument}"] = ModelInForce(
        set_by=_set_by(record),
        model_id=model.model_id,
        strategy=model.strategy,
        instrument=model.instrument,
        states=model.states,
        labels=model.labels,
        samples=model.samples,
        window_from=model.window_from,
        window_to=model.window_to,
    )


def _halt(state: BookState, record: Recorded[Any]) -> None:
    impose(state.halts, record)
    state.halts_set_by = {
        name: set_by for name, set_by in state.halts_set_by.items() if name in state.halts
    } | {record.id: _set_by(record)}


def _reset_time(state: BookState, record: Recorded[ClockReset]) -> None:
    reset_time(state.halts, record.at)


def _acknowledged(state: BookState, record: Recorded[HaltAcknowledged]) -> None:
    acknowledge(state.halts, record)


def _resumed(state: BookState, record: Recorded[ResumeRequested]) -> None:
    state.halts = {}
    state.halts_set_by = {}


def _set_by(record: Recorded[Any]) -> SetBy:
    event = record.event
    actor = getattr(event, "actor", record.source)
    return SetBy(
        record.id, record.sequence, record.index, record.at, actor, getattr(event, "reason", "")
    )


_FOLDS: dict[type[Event], Callable[[BookState, Recorded[Any]], None]] = {
    **dict.fromkeys(orders.READS, _order),
    OrderFilled: _fill,
    EquityMarked: _marked,
    LimitsSet: _limits,
    StrategyConfigured: _strategy,
    RegimeModelFitted: _model,
    HaltRequested: _halt,
    HaltImposed: _halt,
    LogDamaged: _halt,
    HaltAcknowledged: _acknowledged,
    ClockReset: _reset_time,
    ResumeRequested: _resumed,
}
