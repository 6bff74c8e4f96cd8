"""The gateway as the stacks use it: there or not, and imported only when it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deadreckon.runtime.folder import Folder
from deadreckon.stack.vitals import Vitals


@asynccontextmanager
async def served(folder: Folder, vitals: Vitals | None, port: int | None) -> AsyncIterator[str]:
    """The URL of the gateway; empty when nobody wants one, or a stack keeps no views to read."""
    if port is None or vitals is None:
        yield ""
        return
    from deadreckon.stack.gateway import Gateway  # late: what it is made of takes a second

    async with Gateway(folder, vitals, port) as gateway:
        yield gateway.url
