"""Supervisor of a NATS server: restarts one that died or can no longer write.

nats-server 2.15 does not recover by itself. After a failed write (disk full, read-only, I/O error)
it still answers reads, but no append is ever answered again, even once there is room. Its storage
limit is computed once, at its start: three quarters of the free space and of its own files.
"""

import asyncio
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.server.nats_server import (
    EmbeddedServer,
    ServerFailedError,
    StoreLockedError,
)
from deadreckon.runtime.server.server_files import ANY_PORT, ServerAddress, ServerFiles

HEALTH_LOOK_SECONDS = 3.0  # between two looks whether a server that runs can write
RESTART_WAIT = 1.0  # seconds before a server that would not start is tried again

log = log_lines.Logger()


class ServerSupervisor:
    """A server that is kept running on a folder's store.

    One that dies is started again on the same port, and so is one that runs and can no longer
    write, once there is room for it.
    """

    def __init__(self, data: Path, port: int = ANY_PORT) -> None:
        self._data = data
        self._server = EmbeddedServer(data, port=port)
        self._task: asyncio.Task[None] | None = None
        self.address: ServerAddress

    async def __aenter__(self) -> "ServerSupervisor":
        self.address = await self._server.start()
        self._task = asyncio.create_task(self._keep(), name="nats-server")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            await cancel_all([self._task])
        await self._server.stop()

    async def _keep(self) -> None:
        """Restart the server on the same port, since connections look for it at the old address."""
        port = urlsplit(self.address.url).port or ANY_PORT
        while True:
            reason = await self._end_of_service()
            log.error("nats_server_ended", reason=reason, next="starting it again where it was")
            await self._server.stop()
            self._server = EmbeddedServer(self._data, port=port)
            try:
                await self._server.start()
            except (ServerFailedError, StoreLockedError, OSError) as error:  # no room, say
                log.error("nats_server_not_started", reason=str(error))
                self._server.died.set()
                await asyncio.sleep(RESTART_WAIT)

    async def _end_of_service(self) -> str:
        """Wait until the server has to be replaced; returns why."""
        store = ServerFiles(self._data).store
        while True:
            try:
                await asyncio.wait_for(self._server.died.wait(), HEALTH_LOOK_SECONDS)
            except TimeoutError:
                where = self._server.address.monitoring
                reason = await asyncio.to_thread(write_fault, where, store)
                if reason:
                    return reason
            else:
                return "it died"


ASK_WAIT = 2.0  # seconds; a server that is frozen is not ours to judge
# Bytes: two blocks, one of which is written anew when it is full. With less free a new server
# would soon be where the old one is.
ROOM = 16 * 1024 * 1024

T = TypeVar("T")


class _Error(Struct):
    error: str = ""


class _Settings(Struct, frozen=True):
    max_storage: int = 0


class _Store(Struct):
    storage: int = 0
    config: _Settings = _Settings()


def write_fault(monitoring: str, store: Path) -> str:
    """Return the reason why the server at a monitoring URL cannot write although its disk has room
    for the store; empty when it can, when there is no room, or when it does not say."""
    free = shutil.disk_usage(store if store.exists() else store.parent).free
    if free < ROOM:
        return ""
    failed = _ask(monitoring, "healthz", _Error).error
    if "write error" in failed:
        return failed
    kept = _ask(monitoring, "jsz?config=true", _Store)
    most = kept.config.max_storage
    if most and kept.storage >= most and (free + kept.storage) * 3 // 4 > most + ROOM:
        return f"it keeps {kept.storage:,} bytes and was started with room for {most:,}"
    return ""


def _ask(monitoring: str, page: str, kind: type[T]) -> T:
    try:
        with urllib.request.urlopen(f"{monitoring}/{page}", timeout=ASK_WAIT) as answer:
            body = answer.read()
    except urllib.error.HTTPError as answer:
        body = answer.read()
    except OSError:
        return kind()
    return msgspec.json.decode(body, type=kind)
