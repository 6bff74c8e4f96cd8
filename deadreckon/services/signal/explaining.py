"""Explanation of a strategy's answer to a bar, also of none: the step that ended it, with figures.

Nothing here decides; a test holds it to the code that does.
"""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import from_units, ratio
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.services.signal.entries import too_soon
from deadreckon.services.signal.instance import StrategyInstance, looks_at
from deadreckon.strategies.registry import CODE_RULES, ConfigurationFault, Setup
from deadreckon.strategies.strategy import Decision


class BarExplanation(Struct, frozen=True):
    """Outcome of one bar for a strategy, with the figures it had by name: prices in quote currency,
    fractions, bars, seconds."""

    outcome: str
    figures: dict[str, Decimal]


def explain(instance: StrategyInstance, record: Recorded[BarClosed]) -> BarExplanation | None:
    """Explain a bar, given the state after it; null for another's instrument."""
    if record.event.instrument != instance.configured.instrument:
        return None
    setup = instance.running
    if setup is None:
        return BarExplanation(_stopped(instance), {})
    if not looks_at(instance, record.event):
        seconds = setup.parameters.bar_seconds or 0
        found = ratio(Decimal(record.event.interval), Decimal(NANOSECONDS))
        figures = {"bar_seconds": Decimal(seconds), "this_bar": found}
        return BarExplanation("other_bars", figures)
    explanation = setup.strategy.explain(instance.memory, setup.parameters)
    figures = {"close": record.event.close, **explanation.figures}
    if instance.position:
        figures["held"] = instance.position
    if dust := instance.dust.get(instance.configured.instrument):
        figures["dust"] = dust
    if not instance.configured.enabled:
        return BarExplanation("off", figures)
    if explanation.no_view:
        return BarExplanation(explanation.no_view, figures)
    outcome = _outcome(instance, setup, explanation.no_entry, record.at, figures)
    return BarExplanation(outcome, figures)


def _stopped(instance: StrategyInstance) -> str:
    setup = instance.setup
    is_code = isinstance(setup, ConfigurationFault) and setup.rule in CODE_RULES
    return "other_code" if is_code else "faulty"


def _outcome(
    instance: StrategyInstance, setup: Setup, no_entry: str, at: int, figures: dict[str, Decimal]
) -> str:
    """Return the step at which it ended; adds the figures of that step."""
    held = instance.position
    decision = setup.strategy.decide(instance.memory, setup.parameters, held)
    leaves = decision.leaves(held)
    retrying = too_soon(instance.left_at, setup.parameters.exit_retry_seconds, at)
    exits = leaves and not retrying
    reason = _no_entry(instance, setup, decision, no_entry, at, exits)
    if reason is None:
        return "exit_and_entry" if exits else "entry"
    if exits:
        return "exit"
    if leaves:
        figures["seconds_since_exit"] = _seconds(at - (instance.left_at or 0))
        return "exit_underway"
    if reason == "cooldown":
        figures["seconds_since_entry"] = _seconds(at - (instance.entered_at or 0))
        figures["cooldown_seconds"] = Decimal(setup.parameters.cooldown_seconds)
    return reason


def _no_entry(
    instance: StrategyInstance,
    setup: Setup,
    decision: Decision,
    no_entry: str,
    at: int,
    exits: bool,
) -> str | None:
    """Return why it does not enter; null when it does."""
    held = instance.position
    if held and not exits:
        return "in_position"
    if decision.enter is None:
        return no_entry
    if decision.enter == "sell" and setup.parameters.long_only:
        return "long_only"
    if held and not setup.parameters.reverse:
        return "no_reverse"
    if too_soon(instance.entered_at, setup.parameters.cooldown_seconds, at):
        return "cooldown"
    return None


def _seconds(nanoseconds: int) -> Decimal:
    return from_units(nanoseconds, 9)
