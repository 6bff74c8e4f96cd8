"""A folder's log: an external server, the one already running there, or one of our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deadreckon.runtime.bus import Bus
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.jetstream import JetStreamBus
from deadreckon.runtime.memory import MemoryBus
from deadreckon.runtime.server import EmbeddedServer, running


@asynccontextmanager
async def open_bus(folder: Folder, url: str | None, *, memory: bool = False) -> AsyncIterator[Bus]:
    """The folder's log, provisioned; what was started for it is stopped with it."""
    if memory:
        yield MemoryBus()
        return
    async with _address(folder, url) as (where, user, password):
        bus = await JetStreamBus.connect(where, user=user, password=password)
        try:
            await bus.provision()
            yield bus
        finally:
            await bus.close()


@asynccontextmanager
async def _address(
    folder: Folder, url: str | None
) -> AsyncIterator[tuple[str, str | None, str | None]]:
    if url is not None:
        yield url, None, None
        return
    found = running(folder.root)
    if found is not None:
        yield found.url, found.user, found.password
        return
    async with EmbeddedServer(folder.root) as server:
        address = server.address
        yield address.url, address.user, address.password


def whereabouts(folder: Folder) -> dict[str, str] | None:
    """How a producer reaches the folder's server: URL, user, and the file with the password."""
    found = running(folder.root)
    if found is None:
        return None
    secret = (folder.root / "nats" / "secret").absolute()
    return {"url": found.url, "user": found.user, "secret_file": str(secret)}
