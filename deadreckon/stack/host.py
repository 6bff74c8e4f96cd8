"""A folder's log: an external server, the one already running there, or one of our own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from deadreckon.runtime.bus import Bus
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.jetstream import JetStreamBus
from deadreckon.runtime.memory import MemoryBus
from deadreckon.runtime.server import (
    EmbeddedServer,
    ServerFailedError,
    StoreLockedError,
    running,
)
from deadreckon.runtime.server_files import Address

RESTART_WAIT = 1.0  # seconds before a server that would not start is tried again

log = structlog.get_logger()


class Keeper:
    """Keeps a server running on a folder's store: one that dies is started again where it was."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._server = EmbeddedServer(data)
        self._task: asyncio.Task[None] | None = None
        self.address: Address

    async def __aenter__(self) -> "Keeper":
        self.address = await self._server.start()
        self._task = asyncio.create_task(self._keep(), name="nats-server")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._server.stop()

    async def _keep(self) -> None:
        """Connections look for the old address, so the new server takes the same port."""
        port = urlsplit(self.address.url).port or -1
        while True:
            await self._server.died.wait()
            log.error("nats_server_died", next="starting it again on the same store and port")
            self._server = EmbeddedServer(self._data, port=port)
            try:
                await self._server.start()
            except (ServerFailedError, StoreLockedError) as error:
                log.error("nats_server_not_started", reason=str(error))
                self._server.died.set()
                await asyncio.sleep(RESTART_WAIT)


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
    async with Keeper(folder.root) as server:
        yield server.address.url, server.address.user, server.address.password


def whereabouts(folder: Folder) -> dict[str, str] | None:
    """How a producer reaches the folder's server: URL, user, and the file with the password."""
    found = running(folder.root)
    if found is None:
        return None
    secret = (folder.root / "nats" / "secret").absolute()
    return {"url": found.url, "user": found.user, "secret_file": str(secret)}
