"""A folder's log: an external server, the one already running there, or one of our own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from deadreckon.runtime.bus import Bus, HoleError, LogInfo
from deadreckon.runtime.domain import retry
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

ANY_PORT = -1  # a free one
VERB_LOOK = 0.1  # seconds between two looks whether it is done
VERB_WAIT = 60.0  # seconds for a verb that has the store open (an audit, say) to be done with it
RESTART_WAIT = 1.0  # seconds before a server that would not start is tried again

log = structlog.get_logger()


class Keeper:
    """Keeps a server running on a folder's store: one that dies is started again where it was."""

    def __init__(self, data: Path, port: int = ANY_PORT) -> None:
        self._data = data
        self._server = EmbeddedServer(data, port=port)
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
        port = urlsplit(self.address.url).port or ANY_PORT
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
async def open_bus(folder: Folder, url: str | None = None) -> AsyncIterator[Bus]:
    """The folder's log for as long as a verb needs it: at `url`, on the server that runs there,
    or on one started for the purpose. It is provisioned."""
    found = running(folder.root)
    if url is not None:
        async with _connected(url, None, None) as bus:
            yield bus
    elif found is not None:
        async with _connected(found.url, found.user, found.password) as bus:
            yield bus
    else:
        async with own_bus(folder) as bus:
            yield bus


@asynccontextmanager
async def own_bus(folder: Folder, port: int = ANY_PORT) -> AsyncIterator[Bus]:
    """The folder's log on a server of our own, which a stack needs: one that a verb has started
    ends with the verb, so it is waited for. Raises StoreLockedError."""
    for _ in range(int(VERB_WAIT / VERB_LOOK)):
        if running(folder.root) is None:
            break
        await asyncio.sleep(VERB_LOOK)
    async with Keeper(folder.root, port) as server:
        where = server.address
        async with _connected(where.url, where.user, where.password) as bus:
            yield bus


@asynccontextmanager
async def stack_bus(
    folder: Folder, url: str | None, *, memory: bool = False, port: int = ANY_PORT
) -> AsyncIterator[Bus]:
    """The log of a stack that stays: in memory, at `url`, or on a server of its own."""
    if memory:
        yield MemoryBus()
    elif url is not None:
        async with _connected(url, None, None) as bus:
            yield bus
    else:
        async with own_bus(folder, port) as bus:
            yield bus


@asynccontextmanager
async def keeping_bus(folder: Folder, *, empty: bool = False) -> AsyncIterator[JetStreamBus]:
    """The folder's log for whoever copies the stream itself, or fills an `empty` store with it.

    It attaches to the server that runs there, or starts one for the purpose.
    """
    async with AsyncExitStack() as stack:
        found = running(folder.root)
        if found is None:
            found = (await stack.enter_async_context(Keeper(folder.root))).address
        bus = await JetStreamBus.connect(found.url, user=found.user, password=found.password)
        stack.push_async_callback(bus.close)
        if not empty:
            await bus.provision()
            check_whole(await retry(bus.info))
        yield bus


@asynccontextmanager
async def _connected(url: str, user: str | None, password: str | None) -> AsyncIterator[Bus]:
    bus = await JetStreamBus.connect(url, user=user, password=password)
    try:
        await bus.provision()
        check_whole(await retry(bus.info))
        yield bus
    finally:
        await bus.close()


def check_whole(info: LogInfo) -> None:
    """Refuse a log with a hole or a missing end; nothing may be decided or shown on it.

    Raises HoleError. The server itself says nothing of such damage (decision 0014).
    """
    expected = info.last - info.first + 1 if info.last else 0
    if info.messages != expected or info.deleted:
        raise HoleError(
            f"the log should hold {expected} messages ({info.first} to {info.last}) but has "
            f"{info.messages}, {info.deleted} missing: restore the store from a copy"
        )


def whereabouts(folder: Folder) -> dict[str, str] | None:
    """How a producer reaches the folder's server: URL, user, and the file with the password."""
    found = running(folder.root)
    if found is None:
        return None
    secret = (folder.root / "nats" / "secret").absolute()
    return {"url": found.url, "user": found.user, "secret_file": str(secret)}
