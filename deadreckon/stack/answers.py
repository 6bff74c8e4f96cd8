"""Whether a log holds every answer once: today's deciders are asked again, beside what was said."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.runtime.feed import Message
from deadreckon.runtime.intake import Intake
from deadreckon.runtime.lived import Lived
from deadreckon.runtime.recollection import Recollection
from deadreckon.stack.assembly import decider


class Miscount(Struct, frozen=True):
    """Answers to the question at `sequence` that are missing, or that nobody should have given."""

    service: str
    sequence: int
    lost: int
    doubled: int


class Answers:
    """One service's questions in lived order, answered again."""

    def __init__(self, service: str, book: str, mode: Mode) -> None:
        self.miscounts: list[Miscount] = []
        self._service = service
        self._lived = Lived(service, book, decider(service))
        intake = Intake(book, mode, reads_signals=service == "signal")
        self._recollection = Recollection(service, book, intake)
        self._said: set[str] = set()

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecollectionError for a log that contradicts itself."""
        for (sequence, _, question), recorded in self._recollection.take(message):
            self._compare(sequence, self._lived.live(question), recorded)

    def end(self) -> None:
        """The log ends here: what nobody has answered yet must be silence."""
        for sequence, _, question in self._recollection.waiting:
            self._compare(sequence, self._lived.live(question), [])

    def _compare(
        self, sequence: int, wanted: Iterable[Recorded[Event]], found: list[Recorded[Any]]
    ) -> None:
        due = {said.id: said.event for said in wanted}
        new = [said for said in found if said.id not in self._said]
        right = {said.id for said in new if due.get(said.id) == said.event}
        lost, doubled = len(due) - len(right), len(found) - len(right)
        self._said |= {said.id for said in found}
        if lost or doubled:
            self.miscounts.append(Miscount(self._service, sequence, lost, doubled))
