"""Some services in a process of their own, beside the rest of a stack."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
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
from deadreckon.runtime.snapshots import Standing
from deadreckon.runtime.standby import Standby, answer_standing
from deadreckon.runtime.turns import answer_turns
from deadreckon.stack.assembly import assemble
from deadreckon.stack.host import service_bus
from deadreckon.stack.interrupts import interrupted

SERVER_WAIT = 30.0  # seconds for the folder's server to be there: it may be starting again
LOOK = 0.05  # seconds between two looks for it

log = structlog.get_logger()


class Worker(Struct, frozen=True):
    """Which services, where, whether they wait for turns, and whether they begin as standbys."""

    services: tuple[str, ...]
    data: Path
    nats: str | None
    book: str
    mode: Mode
    turns: bool
    standby: bool = False


class AtWork(Struct, frozen=True, tag_field="event", tag="at_work"):
    """These services answer; `sequence` is the last message that they recalled."""

    services: list[str]
    sequence: int


class Ready(Struct, frozen=True, tag_field="event", tag="ready"):
    """A standby's state is the one of the instance at work, at its commit `n`."""

    service: str
    n: int
    digest: str


class TookOver(Struct, frozen=True, tag_field="event", tag="took_over"):
    """A standby is at work now, behind the last commit `n` of the instance that is gone."""

    service: str
    n: int
    sequence: int


class FencedOut(Struct, frozen=True, tag_field="event", tag="fenced_out"):
    """Another instance writes in our domain; these services forget all and become standbys."""

    services: list[str]
    reason: str


Said = AtWork | Ready | TookOver | FencedOut
Tell = Callable[[Said], None]


async def work(wish: Worker, tell: Tell) -> None:
    """Answer, or stand by, until interrupted; ends with the error of the service that failed.

    `tell` hears what becomes of the services. Raises DivergedError for a standby whose state is
    not the one of the instance at work.
    """
    folder = Folder(wish.data).create() if wish.nats else Folder(wish.data).check()
    name = "-".join([*wish.services, *(["standby"] if wish.standby else [])])
    logs.configure(folder.logs / f"{name}.log")
    structlog.contextvars.bind_contextvars(pid=os.getpid())

    def told(said: Said) -> None:
        log.info(said.__struct_config__.tag, **msgspec.structs.asdict(said))
        tell(said)

    living = asyncio.create_task(_live(wish, folder, told), name="living")
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


async def _live(wish: Worker, folder: Folder, tell: Tell) -> None:
    """Life after life: who is fenced out forgets everything, and follows the one that wrote.

    Services of one process share a connection and a reading of the log, and so a life.
    """
    standby = wish.standby
    while True:
        if wish.nats is None:
            await _server_is_there(folder)
        async with service_bus(folder, wish.nats, wish.services) as bus:
            try:
                await _life(wish, folder, bus, tell, standby)
            except FencedOutError as fault:
                tell(FencedOut(list(wish.services), str(fault)))
        # Never back to work at once: two instances would shut each other out for ever.
        standby = True


async def _life(wish: Worker, folder: Folder, bus: Bus, tell: Tell, standby: bool) -> None:
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
        if standby:
            jobs = [_after_standby(wish, service, feed, bus, tell) for service in services]
        else:
            tell(AtWork(list(wish.services), max(service.position for service in services)))
            jobs = [_at_work(wish, service, bus) for service in services]
        await first_of([asyncio.create_task(job) for job in jobs])
    finally:
        await feed.stop()


async def _after_standby(wish: Worker, service: Service, feed: Feed, bus: Bus, tell: Tell) -> None:
    def ready(standing: Standing) -> None:
        tell(Ready(service.name, standing.n, standing.digest))

    await Standby(service, feed, bus, book=wish.book, ready=ready).until_alone()
    await service.recall()
    tell(TookOver(service.name, service.domain.n, service.position))
    await _at_work(wish, service, bus)


async def _at_work(wish: Worker, service: Service, bus: Bus) -> None:
    turns = answer_turns(service, wish.book, bus) if wish.turns else service.follow()
    jobs = (turns, answer_standing(service, wish.book, bus))
    await first_of([asyncio.create_task(job) for job in jobs])


async def _server_is_there(folder: Folder) -> None:
    """Wait for the server of the stack that runs on this folder: a worker never starts one."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SERVER_WAIT
    while running(folder.root) is None:
        if loop.time() > deadline:
            raise ServerFailedError(f"no stack runs on {folder.root}: start one with `dr up`")
        await asyncio.sleep(LOOK)
