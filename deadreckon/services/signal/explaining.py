"""What a strategy made of a bar, silence included: which step of its decision ended it, and the
figures it had. Nothing here decides; a test holds it to what does."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, from_units, ratio
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.models.hmm.features import DRIFT_BARS
from deadreckon.strategies.builtin import hmm_regime
from deadreckon.strategies.builtin.hmm_regime import LABELS, RegimeState
from deadreckon.strategies.builtin.moving_average_cross import MovingAverageState
from deadreckon.strategies.signals_out import decision_of, rationale_of, too_soon
from deadreckon.strategies.state import StrategyInstance, looks_at

BarOutcome = Literal[
    "entry",  # it raised an entry
    "exit",  # it raised an exit
    "exit_and_entry",
    "off",  # switched off
    "faulty",  # its parameters cannot be read
    "other_bars",  # it looks at bars of another length
    "warming_up",  # too few bars yet
    "no_model",  # nothing fitted yet
    "new_model",  # adopted after this bar: it filters from the next one on
    "no_price",  # a close that is not positive
    "no_cross",  # the averages have not turned
    "too_unsure",  # what it sees is not confident enough
    "in_position",  # it holds, and nothing speaks for leaving
    "exit_underway",  # it wished to leave a moment ago
    "no_reverse",  # it leaves, and may not turn around at once
    "long_only",  # it would sell short, and must not
    "cooldown",  # it entered a moment ago
]


class BarExplanation(Struct, frozen=True):
    """What a strategy made of one bar; `figures` by name: prices in quote currency, shares of one,
    bars, seconds."""

    outcome: BarOutcome
    figures: dict[str, Decimal]


def explain(strategy: StrategyInstance, record: Recorded[BarClosed]) -> BarExplanation | None:
    """What a strategy made of a bar, given the state after it; None for another's instrument."""
    if record.event.instrument != strategy.instrument:
        return None
    mind = strategy.mind
    if mind is None:
        return BarExplanation("faulty", {})
    if not looks_at(strategy, record.event):
        seconds = mind.settings.bar_seconds or 0
        found = ratio(Decimal(record.event.interval), Decimal(NANOSECONDS))
        return BarExplanation("other_bars", {"bar_seconds": Decimal(seconds), "this_bar": found})
    figures = {"close": record.event.close, **_seen(mind)}
    held = strategy.held.get(strategy.instrument, ZERO)
    if held:
        figures["held"] = held
    if not strategy.enabled:
        return BarExplanation("off", figures)
    return BarExplanation(_outcome(strategy, mind, held, record.at, figures), figures)


def _outcome(
    strategy: StrategyInstance,
    mind: MovingAverageState | RegimeState,
    held: Decimal,
    at: int,
    figures: dict[str, Decimal],
) -> BarOutcome:
    """The step at which it ended; adds the figures of that step."""
    if (blind := _blind(mind)) is not None:
        return blind
    stance = decision_of(mind)
    leaves = stance.leave_long if held > 0 else held < 0 and stance.leave_short
    retrying = too_soon(strategy.left_at, mind.settings.exit_retry_seconds, at)
    exits = leaves and not retrying
    entry = _entry(strategy, mind, held, at, exits)
    if entry is None:
        return "exit_and_entry" if exits else "entry"
    if exits:
        return "exit"
    if leaves:
        figures["seconds_since_exit"] = _seconds(at - (strategy.left_at or 0))
        return "exit_underway"
    if entry == "cooldown":
        figures["seconds_since_entry"] = _seconds(at - (strategy.entered_at or 0))
        figures["cooldown_seconds"] = Decimal(mind.settings.cooldown_seconds)
    return entry


def _entry(
    strategy: StrategyInstance,
    mind: MovingAverageState | RegimeState,
    held: Decimal,
    at: int,
    exits: bool,
) -> BarOutcome | None:
    """Why it does not enter; None when it does."""
    side = decision_of(mind).enter
    if held and not exits:
        return "in_position"
    if side is None:
        return _undecided(mind)
    if side == "sell" and mind.settings.long_only:
        return "long_only"
    if held and not mind.settings.reverse:
        return "no_reverse"
    if too_soon(strategy.entered_at, mind.settings.cooldown_seconds, at):
        return "cooldown"
    return None


def _undecided(mind: MovingAverageState | RegimeState) -> BarOutcome:
    return "no_cross" if isinstance(mind, MovingAverageState) and not mind.crossed else "too_unsure"


def _blind(mind: MovingAverageState | RegimeState) -> BarOutcome | None:
    """Why it has no view yet; None when it has one."""
    if isinstance(mind, MovingAverageState):
        if mind.closes[-1] <= 0:
            return "no_price"
        if mind.side:
            return None
        return "warming_up" if len(mind.closes) < mind.settings.slow else "no_cross"
    if mind.fresh:
        return None
    if mind.model is None:
        return "no_model"
    return "warming_up" if len(mind.tail.returns) < DRIFT_BARS else "new_model"


def _seen(mind: MovingAverageState | RegimeState) -> dict[str, Decimal]:
    """The figures of its view, as far as there is one."""
    return _averages(mind) if isinstance(mind, MovingAverageState) else _beliefs(mind)


def _averages(mind: MovingAverageState) -> dict[str, Decimal]:
    settings, bars = mind.settings, len(mind.closes)
    if bars < settings.slow:
        return {"bars": Decimal(bars), "bars_needed": Decimal(settings.slow)}
    fast = ratio(mind.fast_sum, Decimal(settings.fast))
    slow = ratio(mind.slow_sum, Decimal(settings.slow))
    figures = {"fast": fast, "slow": slow, "spread": canonical(EXACT.subtract(fast, slow))}
    if mind.crossed and mind.closes[-1] > 0:
        figures["confidence"] = rationale_of(mind, "buy").confidence
        figures["confidence_min"] = settings.confidence_min
    return figures


def _beliefs(mind: RegimeState) -> dict[str, Decimal]:
    if not mind.fresh:
        bars = Decimal(len(mind.tail.returns))
        return {"bars": bars, "bars_needed": Decimal(DRIFT_BARS)}
    shares = {name: from_units(hmm_regime.probability(mind, name), 9) for name in LABELS}
    return {**shares, "enter": mind.settings.enter, "leave": mind.settings.leave}


def _seconds(nanoseconds: int) -> Decimal:
    return from_units(nanoseconds, 9)
