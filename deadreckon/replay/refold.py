"""A service lived again with its recorded answers: its state as every question found it."""

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
    """Takes a log from its first message on; `look` sees each fact once the state has heard it.

    Nothing is decided: what was recorded as said is what was said. `look` must not move the state.
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
        self._lived = DeciderRunner(service, book, decider)
        self._look = look

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecoveryError for a log that contradicts itself."""
        for (_, _, question), answers in self._recollection.take(message):
            for record in (question, *answers):
                self._hear(record)

    def end(self) -> None:
        """The log ends here: what nobody has answered is heard too."""
        for _, _, question in self._recollection.waiting:
            self._hear(question)

    def _hear(self, record: Recorded[Any]) -> None:
        self._lived.replay(record, ())
        self._look(self._lived.state, record)
