"""The gateway: pages on loopback, served in the event loop of the stack they describe."""

import asyncio
import logging
import socket
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import uvicorn

from deadreckon.node.readiness import Readiness
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.loopback import LOOPBACK, listen_on_loopback
from deadreckon.web.connections import BACKLOG, BoundedProtocol, LogForwarding
from deadreckon.web.pages import application

STOP_SECONDS = 1  # that a page in the making is given when the stack stops

log = log_lines.Logger()


class Gateway:
    """`async with Gateway(folder, vitals, port) as gateway:` serves at `gateway.url`, which also
    stands in the folder's `gateway.url` meanwhile. Port 0 takes a free one; a socket in its place
    is one that listens already.

    Raises PortBusyError.
    """

    def __init__(self, folder: Folder, vitals: Readiness, port: int | socket.socket) -> None:
        self._socket = listen_on_loopback(port) if isinstance(port, int) else port
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._forwarding = LogForwarding()
        _log_quietly(self._forwarding)
        settings = uvicorn.Config(
            application(folder, vitals),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http=BoundedProtocol,
            backlog=BACKLOG,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = _Server(settings)
        self._url_file = folder.root / "gateway.url"
        self._task: asyncio.Task[None] | None = None

    @property
    def connections(self) -> set[Any]:
        """The connections that are open."""
        return self._server.server_state.connections

    async def __aenter__(self) -> "Gateway":
        asyncio.get_running_loop().set_exception_handler(self._forwarding.loop_fault)
        serving = self._server.serve(sockets=[self._socket])
        self._task = asyncio.create_task(serving, name="gateway")
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.005)
        self._url_file.write_text(self.url + "\n")
        log.info("gateway_ready", url=self.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._url_file.unlink(missing_ok=True)
        self._server.should_exit = True
        if self._task:
            await self._task
        asyncio.get_running_loop().set_exception_handler(None)


class _Server(uvicorn.Server):
    """HTTP server that leaves the signals to the stack around it."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def _log_quietly(forwarding: LogForwarding) -> None:
    """Limit the HTTP server's log to warnings, and keep it off the terminal."""
    logger = logging.getLogger("uvicorn")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.handlers = [forwarding]
