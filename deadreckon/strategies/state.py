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
from deadreckon.models.hmm.features import Tail
from deadreckon.strategies.builtin import hmm_regime, moving_average_cross
from deadreckon.strategies.builtin.hmm_regime import Regime
from deadreckon.strategies.builtin.moving_average_cross import Averages
from deadreckon.strategies.parameters import Fault, HmmRegime, Settings, read_settings


class Strategy(Struct):
    """A strategy from its first configuration on; `mind` is null while that is faulty.

    `notional` (quote currency) is the size of an entry. `held` is what it owns by its own fills,
    per instrument (base units or contracts, shorts negative). `entered_at` and `left_at`
    (nanoseconds UTC) are when it last raised an entry, and an exit of what it still holds.
    """

    instrument: str
    enabled: bool
    notional: Decimal
    mind: Averages | Regime | None
    held: dict[str, Decimal] = {}
    entered_at: int | None = None
    left_at: int | None = None


def configured(before: Strategy | None, event: StrategyConfigured) -> Strategy:
    """The strategy under its new settings. What it has seen stays, if it still looks at it."""
    settings = read_settings(event)
    seen = before.mind if before is not None and before.instrument == event.instrument else None
    mind = None if isinstance(settings, Fault) else _mind(seen, settings)
    after = Strategy(event.instrument, event.enabled, event.notional, mind)
    if before is not None:
        after.held, after.entered_at, after.left_at = before.held, before.entered_at, before.left_at
    return after


def _mind(seen: Averages | Regime | None, settings: Settings) -> Averages | Regime:
    if seen is not None and seen.settings.bar_seconds != settings.bar_seconds:
        seen = None
    if isinstance(settings, HmmRegime):
        mind = seen if isinstance(seen, Regime) else Regime(settings, Tail())
        mind.settings = settings
        return mind
    averages = seen if isinstance(seen, Averages) else Averages(settings)
    moving_average_cross.configure(averages, settings)
    return averages


def looks_at(strategy: Strategy, bar: BarClosed) -> bool:
    """Whether the bar is of the strategy's instrument and length."""
    if strategy.mind is None or bar.instrument != strategy.instrument:
        return False
    seconds = strategy.mind.settings.bar_seconds
    return seconds is None or seconds * NANOSECONDS == bar.interval


def follow(strategy: Strategy, bar: BarClosed) -> None:
    """See a closed bar; also while disabled, so that it knows the market when enabled again."""
    if isinstance(strategy.mind, Averages):
        moving_average_cross.advance(strategy.mind, bar.close)
    elif isinstance(strategy.mind, Regime):
        hmm_regime.advance(strategy.mind, bar.close)


def learn(strategy: Strategy, model: RegimeModelFitted) -> None:
    """Take over a model that was fitted for this strategy and its instrument."""
    if isinstance(strategy.mind, Regime) and model.instrument == strategy.instrument:
        hmm_regime.adopt(strategy.mind, model)


def own(strategy: Strategy, fill: OrderFilled) -> None:
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


def note(strategy: Strategy, said: Recorded[SignalRaised]) -> None:
    """Remember when it last wished to leave or to enter."""
    if said.event.reduce_only:
        strategy.left_at = said.at
    else:
        strategy.entered_at = said.at
