"""Some services in a process of their own, beside the rest of a stack."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from msgspec import Struct

from deadreckon.contracts.event import Mode
from deadreckon.runtime import logs
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.crashes import CrashBook
from deadreckon.runtime.domain import FencedOutError
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.server import ServerFailedError, running
from deadreckon.runtime.service import Service
from deadreckon.runtime.turns import answer_turns
from deadreckon.stack.assembly import assemble
from deadreckon.stack.host import open_bus
from deadreckon.stack.interrupts import interrupted

SERVER_WAIT = 30.0  # seconds for the folder's server to be there: it may be starting again
LOOK = 0.05  # seconds between two looks for it

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

    `ready` is told the last message recalled, whenever every service is at work.
    """
    folder = Folder(wish.data).create() if wish.nats else Folder(wish.data).check()
    logs.configure(folder.logs / f"{'-'.join(wish.services)}.log")
    living = asyncio.create_task(_live(wish, folder, ready), name="living")
    ending = asyncio.create_task(interrupted(), name="ending")
    await first_of([living, ending])


async def first_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the first of them to end, and end the others; raises what it raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _live(wish: Worker, folder: Folder, ready: Callable[[int], None]) -> None:
    """Life after life: who is fenced out forgets everything, and recalls what the other wrote.

    Services of one process share a connection and a reading of the log, and so a life.
    """
    while True:
        if wish.nats is None:
            await _server_is_there(folder)
        async with open_bus(folder, wish.nats) as bus:
            try:
                await _life(wish, folder, bus, ready)
            except FencedOutError as fault:
                log.warning("fenced_out", reason=str(fault))


async def _life(wish: Worker, folder: Folder, bus: Bus, ready: Callable[[int], None]) -> None:
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
        await first_of([asyncio.create_task(_at_work(wish, each, bus)) for each in services])
    finally:
        await feed.stop()


async def _at_work(wish: Worker, service: Service, bus: Bus) -> None:
    if wish.turns:
        await answer_turns(service, wish.book, bus)
    else:
        await service.follow()


async def _server_is_there(folder: Folder) -> None:
    """Wait for the server of the stack that runs on this folder: a worker never starts one."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SERVER_WAIT
    while running(folder.root) is None:
        if loop.time() > deadline:
            raise ServerFailedError(f"no stack runs on {folder.root}: start one with `dr up`")
        await asyncio.sleep(LOOK)
