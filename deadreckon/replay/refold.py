"""Replays a service with its recorded answers, to look at its state at every event."""

from collections.abc import Callable
from typing import Any

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK
from deadreckon.runtime.service.decider_runner import Decider, DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery

# Called with the state right after a fact, which is what `decide` saw of it, and with the fact.
Observe = Callable[[Any, Recorded[Any]], None]


class Refold:
    """A replay of one service; `look` is called with each event once the state has moved.

    Nothing is decided: the recorded answers are used. `look` must not move the state.
    """

    def __init__(
        self,
        service: str,
        decider: Decider,
        look: Observe,
        book: str = DEFAULT_BOOK,
        mode: Mode = "paper",
    ) -> None:
        intake = Ingress(book, mode, reads_signals=service == "signal")
        self._recollection = Recovery(service, book, intake)
        self._runner = DeciderRunner(service, book, decider)
        self._look = look

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecoveryError for a log that contradicts itself."""
        for (_, _, question), answers in self._recollection.take(message):
            for record in (question, *answers):
                self._take(record)

    def end(self) -> None:
        """Take the questions that no commit covers: the log ends here."""
        for _, _, question in self._recollection.waiting:
            self._take(question)

    def _take(self, record: Recorded[Any]) -> None:
        self._runner.replay(record, ())
        self._look(self._runner.state, record)
