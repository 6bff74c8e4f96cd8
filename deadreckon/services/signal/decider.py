"""Turns what producers say and what bars show into wishes, each at most once."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts.dedup import Memory, meet
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
from deadreckon.services.signal.producers import Heard
from deadreckon.strategies import state as strategy
from deadreckon.strategies.builtin import hmm_regime
from deadreckon.strategies.parameters import Fault, read_settings
from deadreckon.strategies.signals_out import raised
from deadreckon.strategies.state import Strategy

HEEDS = frozenset(
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

    heard: Heard
    strategies: dict[str, Strategy]
    fills: Memory


def initial() -> State:
    return State(Heard(Memory()), {}, Memory())


def evolve(state: State, said: Recorded[Any]) -> State:
    match said.event:
        case BarClosed() as bar:
            for follower in state.strategies.values():
                if strategy.looks_at(follower, bar):
                    strategy.follow(follower, bar)
        case SignalReceived() | CancelReceived() | ReplaceReceived():
            producers.hear(state.heard, said)
        case SignalRaised(producer="", strategy=name) if name in state.strategies:
            strategy.note(state.strategies[name], said)
        case OrderFilled(strategy=name) as fill if name in state.strategies:
            _own(state, said, fill)
        case StrategyConfigured(strategy=name) as configured:
            before = state.strategies.get(name)
            state.strategies[name] = strategy.configured(before, configured)
        case RegimeModelFitted(strategy=name) as model if name in state.strategies:
            strategy.learn(state.strategies[name], model)
        case _:
            pass
    return state


def _own(state: State, said: Recorded[Any], fill: OrderFilled) -> None:
    """Fold a fill of a strategy of ours, once however often it is told."""
    if meet(state.fills, f"{fill.venue} {fill.trade_id}", "", said.at) is None:
        strategy.own(state.strategies[fill.strategy], fill)


def decide(state: State, said: Recorded[Any]) -> Sequence[Event]:
    match said.event:
        case BarClosed() as bar:
            looking = [
                (name, follower)
                for name, follower in state.strategies.items()
                if strategy.looks_at(follower, bar)
            ]
            return [wish for name, follower in looking for wish in raised(name, follower, said)]
        case SignalReceived() | CancelReceived() | ReplaceReceived():
            return producers.answer(state.heard, said)
        case SignalMalformed() as malformed:
            return [producers.refuse_malformed(malformed)]
        case StrategyConfigured() as configured:
            settings = read_settings(configured)
            return [_refuse(configured, settings)] if isinstance(settings, Fault) else []
        case RegimeModelFitted(strategy=name) as model if name in state.strategies:
            return [] if hmm_regime.usable(model) else [_refuse(model, _other_features(model))]
        case _:
            return []


def _other_features(model: RegimeModelFitted) -> Fault:
    figures = ", ".join(model.features)
    return Fault(
        "unusable_model", f"model {model.model_id} was fitted on other features: {figures}"
    )


def _refuse(about: StrategyConfigured | RegimeModelFitted, fault: Fault) -> SignalRefused:
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
