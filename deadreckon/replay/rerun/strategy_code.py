"""The strategies of a log whose code is not here: a rerun with other code compares nothing."""

from typing import Any

from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.inbound import read_fact
from deadreckon.contracts.signals import SignalRefused
from deadreckon.runtime.log.feed import Message
from deadreckon.services.catalogue import RUN_STRATEGIES
from deadreckon.strategies.loading import code_fault
from deadreckon.strategies.registry import CONFIGURATION_RULES


class StrategyCodes:
    """Faults of configurations by strategy, less those that the log itself refuses."""

    def __init__(self) -> None:
        self._faults: dict[str, str] = {}

    @property
    def faults(self) -> list[str]:
        """Missing code, one text per strategy."""
        return list(self._faults.values())

    def take_state(self, state: Any) -> None:
        """Look at the strategies of a state that a rerun begins with."""
        for name, instance in getattr(state, "strategies", {}).items():
            if (fault := code_fault(instance.configured)) and not instance.refused:
                self._faults[name] = fault

    def take(self, message: Message) -> None:
        """Look at the next message."""
        if message.subject.is_inbound and message.subject.service == "op":
            _, _, event = read_fact(message.subject.leaf, message.payload)
            if isinstance(event, StrategyConfigured) and (fault := code_fault(event)):
                self._faults[event.strategy] = fault
        elif message.subject.service == "signal":
            for record in message.facts:
                self._take_refusal(record.event)

    def _take_refusal(self, event: Any) -> None:
        match event:
            case SignalRefused(producer="", signal_id="", strategy=name, rule=rule):
                if rule in CONFIGURATION_RULES:
                    self._faults.pop(name, None)


def concerns(services: list[str]) -> bool:
    """Return True when one of these services runs strategies."""
    return any(name in RUN_STRATEGIES for name in services)
