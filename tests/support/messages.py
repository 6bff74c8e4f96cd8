"""Messages of a log without a log: what lies in a domain, and what comes in at doors."""

from collections.abc import Iterable
from typing import Any

from deadreckon.contracts.codec import encode_commit, wrap
from deadreckon.contracts.envelope import Commit, digest
from deadreckon.contracts.event import Event
from deadreckon.contracts.subjects import commit_subject
from deadreckon.runtime.log.bus import Stored
from tests.stories import START, at


class StoredLog:
    """Stored messages in order; domains link their commits as services do."""

    def __init__(self) -> None:
        self.stored: list[Stored] = []
        self._links: dict[tuple[str, str], tuple[int, str]] = {}

    def put(self, subject: str, payload: bytes) -> Stored:
        """Any bytes on any subject."""
        stored = Stored(len(self.stored) + 1, subject, payload)
        self.stored.append(stored)
        return stored

    def commit(
        self, service: str, *events: Event, book: str = "desk", when: int = START, **changes: Any
    ) -> Stored:
        """A service's next commit, with these events at `when`; `changes` spoil it."""
        n, previous = self._links.get((book, service), (0, ""))
        commit: dict[str, Any] = {
            "id": f"{service}-{n + 1}",
            "n": n + 1,
            "first": 1,
            "to": len(self.stored),
            "part": 0,
            "previous": previous,
            "code": "test",
            "answers": [],
            "events": [
                wrap(at(event, when, id=f"{service}-{n + 1}-{index}", book=book))
                for index, event in enumerate(events)
            ],
        }
        payload = encode_commit(Commit(**(commit | changes)))
        self._links[book, service] = (n + 1, digest(payload))
        return self.put(commit_subject(book, service, "events" if events else "progress"), payload)

    def market(self, event: Event, when: int) -> Stored:
        """A fact of the market, which moves decision time."""
        return self.commit("market", event, book="shared", when=when)


def told(events: Iterable[Any]) -> list[str]:
    """The names of what was said."""
    return [type(record.event).__name__ for record in events]
