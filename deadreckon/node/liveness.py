"""Liveness of services in separate processes: each is asked for its position again and again."""

import asyncio
import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from deadreckon.contracts.subjects import status_subject
from deadreckon.runtime.log.bus import Bus, UnavailableError
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.server.rights import STACK
from deadreckon.runtime.service.standby import LivenessReply, LivenessRequest

LOOK_SECONDS = 1.0  # between two questions to one service, and for its answer
SILENT_SECONDS = 3.0  # without an answer: frozen, dead, or reading a log that is long

_ASKED = msgspec.json.encode(LivenessRequest(prove=False))


class ServiceLiveness(Struct):
    """Last answer of a service: `position` is the last message it has finished, `answered_at` the
    time of its answer (seconds of this process's clock; null: never)."""

    name: str
    position: int = 0
    answered_at: float | None = None

    @property
    def ready(self) -> bool:
        """True when it answers; one that recovers, is frozen, or is dead does not."""
        return (
            self.answered_at is not None and time.monotonic() - self.answered_at <= SILENT_SECONDS
        )


class LivenessProbe:
    """Asks all services of a book for their positions, at the same time."""

    def __init__(self, bus: Bus, book: str, names: Sequence[str]) -> None:
        self.services = [ServiceLiveness(name) for name in names]
        self._bus = as_role(bus, STACK)
        self._book = book

    async def follow(self) -> None:
        """Ask again and again while the stack runs."""
        await asyncio.gather(*(self._ask(service) for service in self.services))

    async def _ask(self, service: ServiceLiveness) -> None:
        subject = status_subject(self._book, service.name)
        while True:
            due = time.monotonic() + LOOK_SECONDS
            try:
                reply = await self._bus.request(subject, _ASKED, LOOK_SECONDS)
            except UnavailableError:
                pass  # it says so itself by what it does not say
            else:
                service.position = msgspec.json.decode(reply, type=LivenessReply).position
                service.answered_at = time.monotonic()
            await asyncio.sleep(max(due - time.monotonic(), 0))
