"""Keeps a NATS server running: restarts one that died or can no longer write."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.server.nats_server import (
    EmbeddedServer,
    ServerFailedError,
    StoreLockedError,
)
from deadreckon.runtime.server.server_files import ANY_PORT, ServerAddress, ServerFiles
from deadreckon.runtime.server.server_health import write_fault

HEALTH_LOOK_SECONDS = 3.0  # between two looks whether a server that runs can write
RESTART_WAIT = 1.0  # seconds before a server that would not start is tried again

log = structlog.get_logger()


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
        """Connections look for the old address, so the new server takes the same port."""
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
        """Wait until the server is of no more use; returns why."""
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
