"""Turns what producers say and what bars show into wishes, each at most once."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts.dedup import RecentKeys, seen_before
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.signals import (
    CancelReceived,
    ReplaceReceived,
    SignalMalformed,
    SignalRaised,
    SignalReceived,
    SignalRefused,
)
from deadreckon.services.signal import producers
from deadreckon.services.signal.producers import SeenSignals
from deadreckon.strategies import state as strategy
from deadreckon.strategies.builtin import hmm_regime
from deadreckon.strategies.parameters import ParameterFault, read_parameters
from deadreckon.strategies.signals_out import signals_at
from deadreckon.strategies.state import StrategyInstance

HANDLES = frozenset(
    {
        BarClosed,
        SignalReceived,
        CancelReceived,
        ReplaceReceived,
        SignalMalformed,
        SignalRaised,
        OrderFilled,
        StrategyConfigured,
        RegimeModelFitted,
    }
)


class State(Struct):
    """What producers have said, the in-house strategies by name, and the fills they were given."""

    heard: SeenSignals
    strategies: dict[str, StrategyInstance]
    fills: RecentKeys


def initial() -> State:
    return State(SeenSignals(RecentKeys()), {}, RecentKeys())


def evolve(state: State, record: Recorded[Any]) -> State:
    match record.event:
        case BarClosed() as bar:
            for follower in state.strategies.values():
                if strategy.looks_at(follower, bar):
                    strategy.observe_bar(follower, bar)
        case SignalReceived() | CancelReceived() | ReplaceReceived():
            producers.mark_seen(state.heard, record)
        case SignalRaised(producer="", strategy=name) if name in state.strategies:
            strategy.remember_signal(state.strategies[name], record)
        case OrderFilled(strategy=name) as fill if name in state.strategies:
            _own(state, record, fill)
        case StrategyConfigured(strategy=name) as configured:
            before = state.strategies.get(name)
            state.strategies[name] = strategy.configured(before, configured)
        case RegimeModelFitted(strategy=name) as model if name in state.strategies:
            strategy.adopt_model(state.strategies[name], model)
        case _:
            pass
    return state


def _own(state: State, record: Recorded[Any], fill: OrderFilled) -> None:
    """Fold a fill of a strategy of ours, once however often it is told."""
    if seen_before(state.fills, f"{fill.venue} {fill.trade_id}", "", record.at) is None:
        strategy.add_fill(state.strategies[fill.strategy], fill)


def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:
    match record.event:
        case BarClosed() as bar:
            looking = [
                (name, follower)
                for name, follower in state.strategies.items()
                if strategy.looks_at(follower, bar)
            ]
            return [
                wish for name, follower in looking for wish in signals_at(name, follower, record)
            ]
        case SignalReceived() | CancelReceived() | ReplaceReceived():
            return producers.answer(state.heard, record)
        case SignalMalformed() as malformed:
            return [producers.refuse_malformed(malformed)]
        case StrategyConfigured() as configured:
            settings = read_parameters(configured)
            return [_refuse(configured, settings)] if isinstance(settings, ParameterFault) else []
        case RegimeModelFitted(strategy=name) as model if name in state.strategies:
            return [] if hmm_regime.usable(model) else [_refuse(model, _other_features(model))]
        case _:
            return []


def _other_features(model: RegimeModelFitted) -> ParameterFault:
    figures = ", ".join(model.features)
    return ParameterFault(
        "unusable_model", f"model {model.model_id} was fitted on other features: {figures}"
    )


def _refuse(about: StrategyConfigured | RegimeModelFitted, fault: ParameterFault) -> SignalRefused:
    """A strategy that stays off, or stays with the model it had."""
    return SignalRefused(
        signal_id="",
        producer="",
        strategy=about.strategy,
        instrument=about.instrument,
        rule=fault.rule,
        limit=None,
        measured=None,
        limit_set_by=None,
        reason=fault.reason,
    )
