"""Checks that a log holds every answer exactly once, by asking today's deciders again."""

from msgspec import Struct

from deadreckon.contracts.event import Mode
from deadreckon.replay.rerun.redecide import Redecider, Redecision
from deadreckon.runtime.log.feed import Message
from deadreckon.services.assembly import decider


class Miscount(Struct, frozen=True):
    """Answers to the question at `sequence` that are missing, or that nobody should have given."""

    service: str
    sequence: int
    lost: int
    doubled: int


class CompletenessCheck:
    """One service's questions in order, answered again and counted."""

    def __init__(self, service: str, book: str, mode: Mode) -> None:
        self.miscounts: list[Miscount] = []
        self._service = service
        self._redecider = Redecider(service, book, decider(service), mode)
        self._seen: set[str] = set()

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecoveryError for a log that contradicts itself."""
        for asked in self._redecider.take(message):
            self._compare(asked)

    def end(self) -> None:
        """Put the questions that no commit covers: they must have no answer."""
        for asked in self._redecider.end():
            self._compare(asked)

    def _compare(self, asked: Redecision) -> None:
        found = asked.recorded
        due = {record.id: record.event for record in asked.current}
        new = [record for record in found if record.id not in self._seen]
        right = {record.id for record in new if due.get(record.id) == record.event}
        lost, doubled = len(due) - len(right), len(found) - len(right)
        self._seen |= {record.id for record in found}
        if lost or doubled:
            self.miscounts.append(Miscount(self._service, asked.sequence, lost, doubled))
