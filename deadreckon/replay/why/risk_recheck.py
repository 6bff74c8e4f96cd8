"""Asks risk, lived again, what its rules said of a wish, and what room a fill has left."""

from typing import Any

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.refold import Rehearsal
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import FIRST_BOOK
from deadreckon.services.risk import decider
from deadreckon.services.risk.explaining import Weighed, explain
from deadreckon.services.risk.headroom_report import room
from deadreckon.services.risk.state import State


class Witness:
    """Takes a log from its first message on, and remembers what it saw of the `wanted` events.

    `rules` are by the id of a wish, `rooms` by the id of a fill.
    """

    def __init__(self, wanted: set[str], book: str = FIRST_BOOK, mode: Mode = "paper") -> None:
        self.rules: dict[str, list[Weighed]] = {}
        self.rooms: dict[str, list[Weighed]] = {}
        self._wanted = set(wanted)
        self._rehearsal = Rehearsal("risk", decider, self._look, book, mode)

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecollectionError for a log that contradicts itself."""
        self._rehearsal.take(message)

    def end(self) -> None:
        """The log ends here."""
        self._rehearsal.end()

    @property
    def is_done(self) -> bool:
        """Whether everything that was wanted has been seen."""
        return not self._wanted

    def _look(self, state: State, said: Recorded[Any]) -> None:
        if said.id not in self._wanted:
            return
        self._wanted.discard(said.id)
        if isinstance(said.event, SignalRaised):
            self.rules[said.id] = explain(state, said)
        elif isinstance(said.event, OrderFilled):
            self.rooms[said.id] = room(state, said.event.strategy, said.event.instrument)
