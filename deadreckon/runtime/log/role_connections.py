"""One log over several connections, each with the rights of one role."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, runtime_checkable

from deadreckon.runtime.log.bus import Bus, Fence, LogInfo, Notices, Reader, Stored, WriteHealth
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.log_health import LogHealth
from deadreckon.runtime.server.endpoint import Endpoint


class RoleConnections:
    """Log over one connection per role. Its own calls use `role`; `acting` holds the others."""

    def __init__(self, buses: Mapping[str, JetStreamBus], role: str) -> None:
        self.buses = buses
        self._own = buses[role]
        self.payload_max = self._own.payload_max
        self.log_health: WriteHealth = LogHealth()
        for bus in buses.values():
            bus.log_health = self.log_health  # the log is available to all of them, or to none

    @classmethod
    async def open(cls, endpoint: Endpoint, role: str, others: Iterable[str]) -> "RoleConnections":
        """Connect as every role at once; raises what Endpoint.bus does."""
        roles = [role, *(other for other in others if other != role)]
        opening = [asyncio.ensure_future(endpoint.bus(each)) for each in roles]
        await asyncio.wait(opening)
        failed = [each for each in opening if each.exception() is not None]
        if failed:
            await asyncio.gather(*(each.result().close() for each in opening if each not in failed))
        return cls({name: each.result() for name, each in zip(roles, opening, strict=True)}, role)

    def as_role(self, role: str) -> Bus:
        """Return the connection of a role, or our own where there is none for it."""
        return self.buses.get(role, self._own)

    @property
    def faults(self) -> Counter[str]:
        """Faults of all connections, by kind."""
        return sum((bus.faults for bus in self.buses.values()), Counter())

    async def provision(self) -> None:
        """See Bus."""
        await self._own.provision()

    async def append(self, subject: str, payload: bytes, fence: Fence | None = None) -> int:
        """See Bus."""
        return await self._own.append(subject, payload, fence)

    async def tail(self, filter: str) -> Stored | None:
        """See Bus."""
        return await self._own.tail(filter)

    async def message(self, sequence: int) -> Stored | None:
        """See Bus."""
        return await self._own.message(sequence)

    async def info(self) -> LogInfo:
        """See Bus."""
        return await self._own.info()

    async def read(self, after: int) -> Reader:
        """See Bus."""
        return await self._own.read(after)

    async def notify(self, subject: str, payload: bytes) -> None:
        """See Bus."""
        await self._own.notify(subject, payload)

    async def request(self, subject: str, payload: bytes, wait: float) -> bytes:
        """See Bus."""
        return await self._own.request(subject, payload, wait)

    async def serve(self, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        """See Bus."""
        await self._own.serve(subject, answer)

    def listen(self, subject: str) -> Notices:
        """See Bus."""
        return self._own.listen(subject)

    async def close(self) -> None:
        """Close every connection; idempotent."""
        await asyncio.gather(*(bus.close() for bus in self.buses.values()))


@runtime_checkable
class RoleAware(Protocol):
    """A log whose connections differ by role."""

    def as_role(self, role: str) -> Bus:
        """Return the log with the rights of this role."""
        ...


def as_role(bus: Bus, role: str) -> Bus:
    """Return the log with the rights of one role; a log without roles is returned as it is."""
    return bus.as_role(role) if isinstance(bus, RoleAware) else bus
