"""Some services in a process of their own, beside the rest of a stack."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog
from msgspec import Struct

from deadreckon.contracts.event import Mode
from deadreckon.runtime import logs
from deadreckon.runtime.crashes import CrashBook
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.service import Service
from deadreckon.runtime.turns import serve_turns
from deadreckon.stack.assembly import assemble
from deadreckon.stack.host import open_bus
from deadreckon.stack.interrupts import interrupted

log = structlog.get_logger()


class Worker(Struct, frozen=True):
    """Which services, where, and whether they wait for turns."""

    services: tuple[str, ...]
    data: Path
    nats: str | None
    book: str
    mode: Mode
    turns: bool


async def work(wish: Worker, ready: Callable[[int], None]) -> None:
    """Answer until interrupted; ends with the error of the service that failed.

    `ready` is told the last message recalled, when every service is at work.
    """
    folder = Folder(wish.data).check() if wish.nats is None else Folder(wish.data).create()
    logs.configure(folder.logs / f"{'-'.join(wish.services)}.log")
    async with open_bus(folder, wish.nats) as bus:
        feed = Feed(bus)
        services = assemble(
            wish.services,
            bus,
            feed,
            book=wish.book,
            mode=wish.mode,
            crashes=CrashBook(folder.crashes),
        )
        await feed.start()
        try:
            await asyncio.gather(*(service.recall() for service in services))
            ready(max(service.position for service in services))
            if wish.turns:
                for service in services:
                    await serve_turns(service, wish.book, bus)
                await interrupted()
            else:
                await _follow(services)
        finally:
            await feed.stop()


async def _follow(services: list[Service]) -> None:
    following = [asyncio.create_task(service.follow(), name=service.name) for service in services]
    ending = asyncio.create_task(interrupted())
    done, rest = await asyncio.wait([*following, ending], return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    for task in done:
        task.result()
