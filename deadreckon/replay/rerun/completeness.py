"""Whether a log holds every answer once: today's deciders are asked again, beside what was said."""

from msgspec import Struct

from deadreckon.contracts.event import Mode
from deadreckon.replay.rerun.redecide import Redecider, Redecision
from deadreckon.runtime.log.feed import Message
from deadreckon.services.catalogue import decider


class Miscount(Struct, frozen=True):
    """Answers to the question at `sequence` that are missing, or that nobody should have given."""

    service: str
    sequence: int
    lost: int
    doubled: int


class CompletenessCheck:
    """One service's questions in lived order, answered again."""

    def __init__(self, service: str, book: str, mode: Mode) -> None:
        self.miscounts: list[Miscount] = []
        self._service = service
        self._inquiry = Redecider(service, book, decider(service), mode)
        self._said: set[str] = set()

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecoveryError for a log that contradicts itself."""
        for asked in self._inquiry.take(message):
            self._compare(asked)

    def end(self) -> None:
        """The log ends here: what nobody has answered yet must be silence."""
        for asked in self._inquiry.end():
            self._compare(asked)

    def _compare(self, asked: Redecision) -> None:
        found = asked.recorded
        due = {said.id: said.event for said in asked.said}
        new = [said for said in found if said.id not in self._said]
        right = {said.id for said in new if due.get(said.id) == said.event}
        lost, doubled = len(due) - len(right), len(found) - len(right)
        self._said |= {said.id for said in found}
        if lost or doubled:
            self.miscounts.append(Miscount(self._service, asked.sequence, lost, doubled))
