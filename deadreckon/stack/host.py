"""One process of a stack: a bus, a feed, the services and views that follow it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from deadreckon import __version__
from deadreckon.contracts.event import Mode
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.jetstream import JetStreamBus
from deadreckon.runtime.memory import MemoryBus
from deadreckon.runtime.server import EmbeddedServer, running
from deadreckon.runtime.service import Service
from deadreckon.stack.assembly import BOOK, assemble

log = structlog.get_logger()


@asynccontextmanager
async def open_bus(folder: Folder, url: str | None, *, memory: bool = False) -> AsyncIterator[Bus]:
    """The folder's log: an external server, the one already running here, or one of our own."""
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
