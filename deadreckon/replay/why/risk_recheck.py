"""Recheck of risk decisions: rule results of signals and headroom after fills, from replayed
state."""

from typing import Any

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.refold import Refold
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK
from deadreckon.services.risk import decider
from deadreckon.services.risk.explaining import RuleResult, explain, headroom_of_book
from deadreckon.services.risk.state import State


class RiskRecheck:
    """Replay of risk from a log's first message on, recording results for the `wanted` events.

    `rules` are by the id of a signal, `headroom` by the id of a fill.
    """

    def __init__(self, wanted: set[str], book: str = DEFAULT_BOOK, mode: Mode = "paper") -> None:
        self.rules: dict[str, list[RuleResult]] = {}
        self.rooms: dict[str, list[RuleResult]] = {}
        self._wanted = set(wanted)
        self._rehearsal = Refold("risk", decider, self._look, book, mode)

    def take(self, message: Message) -> None:
        """Replay one message. Raises RecoveryError for a log that contradicts itself."""
        self._rehearsal.take(message)

    def end(self) -> None:
        """Finish at the end of the log."""
        self._rehearsal.end()

    @property
    def is_done(self) -> bool:
        """True when every wanted event has been seen."""
        return not self._wanted

    def _look(self, state: State, record: Recorded[Any]) -> None:
        if record.id not in self._wanted:
            return
        self._wanted.discard(record.id)
        if isinstance(record.event, SignalRaised):
            self.rules[record.id] = explain(state, record)
        elif isinstance(record.event, OrderFilled):
            self.rooms[record.id] = headroom_of_book(
                state, record.event.strategy, record.event.instrument
            )
