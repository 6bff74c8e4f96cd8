"""Run digest: the events, their order and publishers; equal wherever the run took place."""

import hashlib
from collections.abc import Mapping
from typing import Any

from deadreckon.contracts.archive import SEALER
from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.envelope import Envelope
from deadreckon.contracts.signals import MessagesRefused
from deadreckon.contracts.subjects import Subject
from deadreckon.contracts.views import VERIFIER

# Their events are about the log and the views, not about the run: a day that is sealed a week later
# is still the same day.
OBSERVERS = (SEALER, VERIFIER)

PLACED = NAMES[MessagesRefused]  # names sequences, which are not the same in every run


class RunDigest:
    """Folds a log into one digest over (id, type, version, data) of every domain's events.

    Sequences, commit boundaries, decision times and the mode are left out, so that a run in one
    process or six, on JetStream or in memory, digests alike. Doors are left out: what they caused
    is in the answers.
    """

    def __init__(self) -> None:
        self._domains: dict[str, Any] = {}

    def fold(self, subject: Subject, envelope: Envelope) -> None:
        """Move on by one event of a domain; those of onlookers change nothing."""
        if subject.service in OBSERVERS:
            return
        name = f"{subject.book}.{subject.service}"
        running = self._domains.get(name)
        if running is None:
            running = self._domains[name] = hashlib.sha256()
        head = f"{envelope.id}|{envelope.type}|{envelope.v}|".encode()
        body = b"" if envelope.type == PLACED else bytes(envelope.data)
        running.update(head + body + b"\n")

    def hexdigest(self) -> str:
        """Return the SHA-256 over the domains' digests in the order of their names."""
        return combined_digest(
            {name: running.hexdigest() for name, running in self._domains.items()}
        )


def combined_digest(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) over digests in the order of their names."""
    running = hashlib.sha256()
    for name in sorted(digests):
        running.update(f"{name}|{digests[name]}\n".encode())
    return running.hexdigest()
