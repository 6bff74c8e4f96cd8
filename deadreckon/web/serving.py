"""Serving of the gateway by a stack; it is imported only when it is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from socket import socket

from deadreckon.node.readiness import Readiness
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.loopback import LOOPBACK, listen_on_loopback

# What the gateway is made of takes a second to import. Services that are quick to recall decide
# first; early requests wait in the port's queue.
HEAD_START = 2.0  # seconds at most
LOOK = 0.02


@asynccontextmanager
async def gateway_served(
    folder: Folder, vitals: Readiness | None, port: int | None
) -> AsyncIterator[str]:
    """Serve the gateway and yield its URL; empty without a port, or for a stack without views.

    Raises PortBusyError at once.
    """
    if port is None or vitals is None:
        yield ""
        return
    listening = listen_on_loopback(port)
    ending = asyncio.Event()
    serving = asyncio.create_task(_serve(folder, vitals, listening, ending), name="gateway")
    try:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"
    finally:
        ending.set()
        await serving


async def _serve(
    folder: Folder, vitals: Readiness, listening: socket, ending: asyncio.Event
) -> None:
    for _ in range(int(HEAD_START / LOOK)):
        await asyncio.sleep(LOOK)
        if ending.is_set() or _are_level(vitals):
            break
    module = await asyncio.to_thread(import_module, "deadreckon.web.gateway")
    async with module.Gateway(folder, vitals, listening):
        await ending.wait()


def _are_level(vitals: Readiness) -> bool:
    """Return True when the services have answered every message of the log."""
    return all(service.ready and not vitals.behind(service) for service in vitals.services())
