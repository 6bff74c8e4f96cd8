"""Edge of the deciders that run strategies: loads a strategy's code before it is configured.

The decider itself only looks the code up.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.jobs import Job
from deadreckon.runtime.process import log_lines
from deadreckon.strategies import loading

EDGE = True

log = log_lines.Logger()


class LoadsStrategies:
    """Decider with its strategies found by name, file or installation, as the log names them."""

    def __init__(self, decider: ModuleType) -> None:
        self._decider: Any = decider
        self.__name__ = decider.__name__
        self.HANDLES = self._decider.HANDLES

    def initial(self) -> Any:
        """Return the state before the first event."""
        return self._decider.initial()

    def resume(self, state: Any) -> Any:
        """Return a state that a snapshot held, once the code that goes on with it is found."""
        for instance in getattr(state, "strategies", {}).values():
            _ensure(instance.configured)
        resume = getattr(self._decider, "resume", None)
        return resume(state) if resume else state

    def evolve(self, state: Any, record: Recorded[Any]) -> Any:
        """Return the state after an event."""
        if isinstance(record.event, StrategyConfigured):
            _ensure(record.event)
        return self._decider.evolve(state, record)

    def decide(self, state: Any, record: Recorded[Any]) -> Sequence[Event | Job]:
        """Return the answers to an event, given the state after it."""
        answers: Sequence[Event | Job] = self._decider.decide(state, record)
        return answers

    def answered_before(self, state: Any, record: Recorded[Any]) -> int:
        """Return how many answers an earlier question of the same id was given."""
        before = getattr(self._decider, "answered_before", None)
        return before(state, record) if before else 0


def _ensure(configured: StrategyConfigured) -> None:
    for reason in loading.ensure(configured.kind, configured.code):
        log.warning("strategy_not_loaded", reason=reason)
