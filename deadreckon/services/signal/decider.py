"""Decider that turns producers' messages and bars into signals, each at most once."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts.clock import ClockReset
from deadreckon.contracts.dedup import RecentKeys, recall, seen_before
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.limits import ProducerQuotaSet
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.models import FITTED, is_fitted
from deadreckon.contracts.orders import BarSettled, OrderFilled
from deadreckon.contracts.signals import (
    CancelReceived,
    DecisionDeferred,
    MessageOverQuota,
    MessagesRefused,
    ReplaceReceived,
    SignalMalformed,
    SignalRaised,
    SignalReceived,
    SignalRefused,
)
from deadreckon.services.signal import excess, producers
from deadreckon.services.signal import instance as instances
from deadreckon.services.signal.entries import signals_at
from deadreckon.services.signal.excess import TICKS, Excess
from deadreckon.services.signal.instance import StrategyInstance, trains
from deadreckon.services.signal.producers import SeenSignals
from deadreckon.strategies.registry import CONFIGURATION_RULES, ConfigurationFault

HANDLES = frozenset(
    {
        *TICKS,
        InstrumentListed,
        SignalReceived,
        CancelReceived,
        ReplaceReceived,
        SignalMalformed,
        MessageOverQuota,
        MessagesRefused,
        ProducerQuotaSet,
        *instances.FOLLOWED,
        BarSettled,
        StrategyConfigured,
        *FITTED,
    }
)

QUIET = TICKS - {BarClosed, ClockReset}  # most of the log, and nothing to a state


class State(Struct):
    """Signals that producers sent, this stack's own strategies by name, the fills seen, listings by
    instrument, and what each producer has sent beyond its quota."""

    seen: SeenSignals
    strategies: dict[str, StrategyInstance]
    fills: RecentKeys[str]
    listings: dict[str, InstrumentListed] = {}
    excess: dict[str, Excess] = {}


def initial() -> State:
    return State(SeenSignals(RecentKeys()), {}, RecentKeys())


def resume(state: State) -> State:
    """Return a state that a snapshot held, with each strategy's memory in its own type again."""
    for instance in state.strategies.values():
        instances.restore_memory(instance)
    return state


def evolve(state: State, record: Recorded[Any]) -> State:
    if type(record.event) in QUIET:
        return state
    instances.follow_order(state.strategies, record.event)
    match record.event:
        case BarClosed():
            for instance in state.strategies.values():
                instances.observe_bar(instance, record)
        case BarSettled(bar=bar, strategies=names):
            for name in names:
                if name in state.strategies:
                    instances.settle_bar(state.strategies[name], bar)
        case SignalReceived() | CancelReceived() | ReplaceReceived():
            producers.mark_seen(state.seen, record)
        case ClockReset():
            _reset_time(state, record.at)
        case MessageOverQuota() as over:
            excess.add(state.excess, over, record.at)
        case MessagesRefused(producer=producer):
            state.excess.pop(producer, None)
        case SignalRaised(producer="", strategy=name) if name in state.strategies:
            instances.remember_signal(state.strategies[name], record)
        case SignalRefused(producer="", signal_id="", strategy=name) as no if (
            name in state.strategies
        ):
            if no.rule in CONFIGURATION_RULES:
                instances.refuse(state.strategies[name])
        case OrderFilled(strategy=name) as fill if name in state.strategies:
            if seen_before(state.fills, f"{fill.venue} {fill.trade_id}", "", record.at) is None:
                listing = state.listings.get(fill.instrument)
                instances.add_fill(state.strategies[name], fill, listing)
        case InstrumentListed(instrument=listed):
            state.listings[listed] = record.event
        case StrategyConfigured(strategy=name) as configured:
            before = state.strategies.get(name)
            state.strategies[name] = instances.configure(before, configured)
        case model if is_fitted(model) and model.strategy in state.strategies:
            instances.observe_model(state.strategies[model.strategy], record)
    return state


def _reset_time(state: State, at: int) -> None:
    """Let nothing be of a time that was taken back; what was forgotten under it is known again."""
    for seen in (state.seen.bodies, state.fills):
        recall(seen)
    recall(state.seen.refusals)
    for instance in state.strategies.values():
        instances.reset_time(instance, at)


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    if type(record.event) in QUIET:
        return excess.due(state.excess, record.at) if state.excess else ()
    match record.event:
        case BarClosed():
            return [*_at_bar(state, record), *excess.due(state.excess, record.at)]
        case ClockReset():
            return excess.due(state.excess, record.at)
        case ProducerQuotaSet():
            return excess.all_refused(state.excess)
        case BarSettled() as settled:
            return _at_settled(state, settled)
        case SignalReceived() | CancelReceived() | ReplaceReceived():
            return producers.answer(state.seen, record)
        case SignalMalformed() as malformed:
            return [producers.refuse_malformed(malformed)]
        case StrategyConfigured(strategy=name, instrument=instrument):
            setup = state.strategies[name].setup
            if isinstance(setup, ConfigurationFault):
                return [_refuse(name, instrument, setup)]
            return []
        case model if is_fitted(model) and model.strategy in state.strategies:
            return _judge_model(state.strategies[model.strategy], model)
        case _:
            return []


def answered_before(state: State, record: Recorded[Any]) -> int:
    """Return how many answers an earlier question of the same id was given."""
    return state.seen.answered if isinstance(record.event, producers.ProducerSignal) else 0


def _at_bar(state: State, record: Recorded[BarClosed]) -> list[Event]:
    """Return the signals of the strategies that look at a bar, unless they wait for its fills; also
    the refusal of one whose code is missing, so that it does not go on unnoticed."""
    answers: list[Event] = []
    deferred: list[str] = []
    for name, instance in state.strategies.items():
        if instance.bar is not None and instance.bar.id == record.id:
            answers += signals_at(name, instance, record)
        elif instance.waiting and instance.waiting[-1].id == record.id:
            deferred.append(name)
        elif (fault := instance.code_fault) is not None:
            answers.append(_refuse(name, instance.configured.instrument, fault))
    if deferred:
        answers.append(DecisionDeferred(record.id, record.event.instrument, deferred))
    return answers


def _at_settled(state: State, settled: BarSettled) -> list[Event]:
    """The signals of the strategies that waited for the fills of a bar."""
    return [
        signal
        for name in settled.strategies
        if (instance := state.strategies.get(name)) is not None
        if instance.bar is not None and instance.bar.id == settled.bar
        for signal in signals_at(name, instance, instance.bar)
    ]


def _judge_model(instance: StrategyInstance, model: Any) -> list[Event]:
    setup = instance.running
    if setup is None or not trains(instance):
        return []
    reason = setup.strategy.model_fault(model)
    fault = ConfigurationFault("unusable_model", reason)
    return [_refuse(model.strategy, model.instrument, fault)] if reason else []


def _refuse(strategy: str, instrument: str, fault: ConfigurationFault) -> SignalRefused:
    """Refuse a configuration: the strategy stays off, or keeps the model it had."""
    return SignalRefused(
        signal_id="",
        producer="",
        strategy=strategy,
        instrument=instrument,
        rule=fault.rule,
        limit=None,
        measured=None,
        limit_set_by=None,
        reason=fault.reason,
    )
