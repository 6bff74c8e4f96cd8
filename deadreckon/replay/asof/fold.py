"""The book at one place of the log: what is held, open, in force and halted, and nothing else.

It folds in the order of the log, so that a place says all there is to it. Only what is open is
remembered: an order that has ended is let go of.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LimitsSet,
    LogDamaged,
    ResumeRequested,
    StrategyConfigured,
)
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.projections.tables import orders

Order = orders.TableRow  # `orders` is also what a state calls those that are open


class SetBy(Struct, frozen=True):
    """The event that put something in force: its id, its place, and who said it (`actor` is a
    person, or the service that spoke). `at` is its decision time (nanoseconds UTC)."""

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
    """A strategy as it was configured last, running or not."""

    set_by: SetBy
    values: StrategyConfigured


class ModelInForce(Struct, frozen=True):
    """The model that a strategy was given last; its numbers are those of the event."""

    set_by: SetBy
    model_id: str
    strategy: str
    instrument: str
    states: int
    labels: list[str]
    samples: int
    window_from: int
    window_to: int


class Halt(Struct):
    """A halt that has not been lifted; by itself it lifts at `until` (nanoseconds UTC).

    `limit` and `measured` are in the unit of the rule that imposed it.
    """

    set_by: SetBy
    scope: str
    rule: str
    until: int | None = None
    limit: Decimal | None = None
    measured: Decimal | None = None
    limit_set_by: str | None = None
    acknowledged: list[str] = []

    def is_over(self, at: int) -> bool:
        """Whether it has lifted by itself."""
        return self.until is not None and at >= self.until


class BookState(Struct):
    """A book after the event at (`sequence`, `index`), at decision time `now` (nanoseconds UTC).

    `orders` are the open ones, as the table of orders has them. `marked` is the last equity that
    portfolio said: it knows the peak. `events` counts what was folded.
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
    halts: dict[str, Halt] = {}
    marked: EquityMarked | None = None


def initial() -> BookState:
    """Nothing has happened."""
    return BookState()


def evolve(state: BookState, record: Recorded[Any]) -> BookState:
    """Fold one fact as it was recorded, in place; the same state comes back."""
    advance(state, record)
    apply_event(state, record)
    return state


def advance(state: BookState, record: Recorded[Any]) -> None:
    """Stand behind a fact, whatever it says."""
    state.sequence, state.index = record.sequence, record.index
    state.events += 1
    if record.at > state.now:
        state.now = record.at


def apply_event(state: BookState, record: Recorded[Any]) -> None:
    """What a fact changes, wherever it stands: its place and time stay out of it."""
    ledger.evolve(state.ledger, record)
    fold = _FOLDS.get(type(record.event))
    if fold is not None:
        fold(state, record)


def halts_in_force(state: BookState) -> dict[str, Halt]:
    """The halts that have not been lifted and have not run out, by event id, oldest first."""
    return {name: halt for name, halt in state.halts.items() if not halt.is_over(state.now)}


def _order(state: BookState, record: Recorded[Any]) -> None:
    """What is said of an order that ended long ago changes nothing of what is open."""
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
    """A trade told again is no trade."""
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


def _requested(state: BookState, record: Recorded[HaltRequested]) -> None:
    _halt(state, record, Halt(_set_by(record), record.event.scope, rule=""))


def _imposed(state: BookState, record: Recorded[HaltImposed]) -> None:
    halt = record.event
    imposed = Halt(
        set_by=_set_by(record),
        scope=halt.scope,
        rule=halt.rule,
        until=halt.until,
        limit=halt.limit,
        measured=halt.measured,
        limit_set_by=halt.limit_set_by,
    )
    _halt(state, record, imposed)


def _damaged(state: BookState, record: Recorded[LogDamaged]) -> None:
    _halt(state, record, Halt(_set_by(record), "all", rule="log_damaged"))


def _halt(state: BookState, record: Recorded[Any], halt: Halt) -> None:
    state.halts = halts_in_force(state) | {record.id: halt}


def _acknowledged(state: BookState, record: Recorded[HaltAcknowledged]) -> None:
    halt = state.halts.get(record.event.halt_id)
    if halt is not None and record.source not in halt.acknowledged:
        halt.acknowledged.append(record.source)


def _resumed(state: BookState, record: Recorded[ResumeRequested]) -> None:
    state.halts = {}


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
    HaltRequested: _requested,
    HaltImposed: _imposed,
    LogDamaged: _damaged,
    HaltAcknowledged: _acknowledged,
    ResumeRequested: _resumed,
}
