"""One in-house strategy as the log tells it: its settings, what it has seen, what it holds."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO, canonical
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.signals import SignalRaised
from deadreckon.models.hmm.features import FeatureWindow
from deadreckon.strategies.builtin import hmm_regime, moving_average_cross
from deadreckon.strategies.builtin.hmm_regime import RegimeState
from deadreckon.strategies.builtin.moving_average_cross import MovingAverageState
from deadreckon.strategies.parameters import (
    ParameterFault,
    RegimeParameters,
    StrategyParameters,
    read_parameters,
)


class StrategyInstance(Struct):
    """A strategy from its first configuration on; `mind` is null while that is faulty.

    `notional` (quote currency) is the size of an entry. `held` is what it owns by its own fills,
    per instrument (base units or contracts, shorts negative). `entered_at` and `left_at`
    (nanoseconds UTC) are when it last raised an entry, and an exit of what it still holds.
    """

    instrument: str
    enabled: bool
    notional: Decimal
    mind: MovingAverageState | RegimeState | None
    held: dict[str, Decimal] = {}
    entered_at: int | None = None
    left_at: int | None = None


def configured(before: StrategyInstance | None, event: StrategyConfigured) -> StrategyInstance:
    """The strategy under its new settings. What it has seen stays, if it still looks at it."""
    settings = read_parameters(event)
    seen = before.mind if before is not None and before.instrument == event.instrument else None
    mind = None if isinstance(settings, ParameterFault) else _mind(seen, settings)
    after = StrategyInstance(event.instrument, event.enabled, event.notional, mind)
    if before is not None:
        after.held, after.entered_at, after.left_at = before.held, before.entered_at, before.left_at
    return after


def _mind(
    seen: MovingAverageState | RegimeState | None, settings: StrategyParameters
) -> MovingAverageState | RegimeState:
    if seen is not None and seen.settings.bar_seconds != settings.bar_seconds:
        seen = None
    if isinstance(settings, RegimeParameters):
        mind = seen if isinstance(seen, RegimeState) else RegimeState(settings, FeatureWindow())
        mind.settings = settings
        return mind
    averages = seen if isinstance(seen, MovingAverageState) else MovingAverageState(settings)
    moving_average_cross.configure(averages, settings)
    return averages


def looks_at(strategy: StrategyInstance, bar: BarClosed) -> bool:
    """Whether the bar is of the strategy's instrument and length."""
    if strategy.mind is None or bar.instrument != strategy.instrument:
        return False
    seconds = strategy.mind.settings.bar_seconds
    return seconds is None or seconds * NANOSECONDS == bar.interval


def observe_bar(strategy: StrategyInstance, bar: BarClosed) -> None:
    """See a closed bar; also while disabled, so that it knows the market when enabled again."""
    if isinstance(strategy.mind, MovingAverageState):
        moving_average_cross.advance(strategy.mind, bar.close)
    elif isinstance(strategy.mind, RegimeState):
        hmm_regime.advance(strategy.mind, bar.close)


def adopt_model(strategy: StrategyInstance, model: RegimeModelFitted) -> None:
    """Take over a model that was fitted for this strategy and its instrument."""
    if isinstance(strategy.mind, RegimeState) and model.instrument == strategy.instrument:
        hmm_regime.adopt(strategy.mind, model)


def add_fill(strategy: StrategyInstance, fill: OrderFilled) -> None:
    """Move what is held by a fill; a position that is closed or turned needs no further exit."""
    before = strategy.held.get(fill.instrument, ZERO)
    change = fill.quantity if fill.side == "buy" else fill.quantity.copy_negate()
    after = canonical(EXACT.add(before, change))
    if after:
        strategy.held[fill.instrument] = after
    else:
        strategy.held.pop(fill.instrument, None)
    if (after > 0) != (before > 0) or (after < 0) != (before < 0):
        strategy.left_at = None


def remember_signal(strategy: StrategyInstance, record: Recorded[SignalRaised]) -> None:
    """Remember when it last wished to leave or to enter."""
    if record.event.reduce_only:
        strategy.left_at = record.at
    else:
        strategy.entered_at = record.at
