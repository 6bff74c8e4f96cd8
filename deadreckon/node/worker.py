"""Services in a separate process, next to the rest of a stack."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from deadreckon.archive.open_log import service_bus
from deadreckon.contracts.event import Mode
from deadreckon.node.venue_logins import connect_venues
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import FencedOutError
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.cancellation import first_of
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.interrupts import wait_for_interrupt
from deadreckon.runtime.server.nats_server import ServerFailedError, running_server
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.log_service import LogService
from deadreckon.runtime.service.snapshots import Snapshots, StateAtCommit
from deadreckon.runtime.service.standby import Standby, answer_liveness, answers_elsewhere
from deadreckon.runtime.service.turns import answer_turns
from deadreckon.services.assembly import assemble
from deadreckon.strategies.loading import use_folder

SERVER_WAIT = 30.0  # seconds for the folder's server to be there: it may be starting again
LOOK = 0.05  # seconds between two looks for it
REST_WAIT = 5.0  # seconds at the end for a last commit and a snapshot

log = log_lines.Logger()


class WorkerOptions(Struct, frozen=True):
    """Options of a worker: services, folder, whether they wait for turns or begin as standbys."""

    services: tuple[str, ...]
    data: Path
    nats: str | None
    book: str
    mode: Mode
    turns: bool
    standby: bool = False


class AtWork(Struct, frozen=True, tag_field="event", tag="at_work"):
    """Notice that these services answer; `sequence` is the last message that they replayed."""

    services: list[str]
    sequence: int


class Ready(Struct, frozen=True, tag_field="event", tag="ready"):
    """Notice that a standby's state equals that of the active instance, at its commit `n`."""

    service: str
    n: int
    digest: str


class TookOver(Struct, frozen=True, tag_field="event", tag="took_over"):
    """Notice that a standby is active now, behind the last commit `n` of the one before it."""

    service: str
    n: int
    sequence: int


class FencedOut(Struct, frozen=True, tag_field="event", tag="fenced_out"):
    """Notice that another instance is at work in our domain; these services become standbys."""

    services: list[str]
    reason: str


WorkerEvent = AtWork | Ready | TookOver | FencedOut
Notify = Callable[[WorkerEvent], None]


async def run_worker(options: WorkerOptions, tell: Notify) -> None:
    """Answer, or stand by, until interrupted; ends with the error of the service that failed.

    `tell` is called when a service changes its role. Raises DivergedError for a standby whose
    state is not the one of the instance at work.
    """
    found = Folder(options.data)
    folder = found.create() if options.nats else found.check()
    name = "-".join([*options.services, *(["standby"] if options.standby else [])])
    log_lines.configure(folder.logs / f"{name}.log")
    use_folder(folder.root)
    structlog.contextvars.bind_contextvars(pid=os.getpid())

    def notify(event: WorkerEvent) -> None:
        log.info(event.__struct_config__.tag, **msgspec.structs.asdict(event))
        tell(event)

    instance = WorkerProcess(options, folder, notify)
    living = asyncio.create_task(instance.live(), name="living")
    ending = asyncio.create_task(wait_for_interrupt(), name="ending")
    await asyncio.wait([living, ending], return_when=asyncio.FIRST_COMPLETED)
    instance.ending.set()
    ending.cancel()
    await living


class WorkerProcess:
    """Services of one process, restarted in place; they share a reading of the log."""

    def __init__(self, options: WorkerOptions, folder: Folder, tell: Notify) -> None:
        self.ending = asyncio.Event()
        self._options = options
        self._folder = folder
        self._tell = tell

    async def live(self) -> None:
        """Answer or stand by until the end."""
        standby = self._options.standby
        while not self.ending.is_set():
            if not await self._server_is_there():
                return
            async with service_bus(self._folder, self._options.nats, self._options.services) as bus:
                try:
                    await self._life(bus, standby)
                except FencedOutError as fault:
                    self._tell(FencedOut(list(self._options.services), str(fault)))
            standby = True

    async def _server_is_there(self) -> bool:
        """Wait for the server of the stack that runs on the folder; false when we are to end.

        Raises ServerFailedError after SERVER_WAIT seconds.
        """
        begun = time.monotonic()
        while self._options.nats is None and running_server(self._folder.root) is None:
            if self.ending.is_set():
                return False
            if time.monotonic() - begun > SERVER_WAIT:
                raise ServerFailedError(f"no stack runs on {self._folder.root}: start it: `dr up`")
            await asyncio.sleep(LOOK)
        return True

    async def _life(self, bus: Bus, standby: bool) -> None:
        feed = Feed(bus)
        services = self._assemble(bus, feed)
        for service in services:
            await service.restore()
        await feed.start()
        try:
            await asyncio.gather(*(service.replay() for service in services))
            if not standby and (there := await self._elsewhere(services, bus)):
                self._tell(FencedOut(list(self._options.services), f"{there} is at work elsewhere"))
                standby = True
            if not standby:
                sequence = max(service.position for service in services)
                self._tell(AtWork(list(self._options.services), sequence))
            jobs = [self._job(service, feed, bus, standby) for service in services]
            await first_of([asyncio.create_task(job) for job in (*jobs, self._end())])
            await asyncio.wait_for(_rest(services), REST_WAIT)
        except TimeoutError:
            log.warning("rest_cut_short", reason="the log does not answer")
        finally:
            await feed.stop()

    async def _elsewhere(self, services: Sequence[LogService], bus: Bus) -> str:
        """Name the services that another instance is at work for; empty when there are none."""
        asking = (answers_elsewhere(each, self._options.book, bus) for each in services)
        found = await asyncio.gather(*asking)
        return ", ".join(each.name for each, there in zip(services, found, strict=True) if there)

    def _assemble(self, bus: Bus, feed: Feed) -> list[LogService]:
        options = self._options
        return assemble(
            options.services,
            bus,
            feed,
            book=options.book,
            mode=options.mode,
            crashes=CrashCounter(self._folder.crashes),
            snapshots=Snapshots(self._folder.root),
            venues=connect_venues(self._folder, self._options.services),
        )

    async def _end(self) -> None:
        await self.ending.wait()

    async def _job(self, service: LogService, feed: Feed, bus: Bus, standby: bool) -> None:
        if standby:
            await self._stand_by(service, feed, bus)
        book = self._options.book
        follows = answer_turns(service, book, bus) if self._options.turns else service.follow()
        jobs = (follows, answer_liveness(service, book, bus))
        await first_of([asyncio.create_task(job) for job in jobs])

    async def _stand_by(self, service: LogService, feed: Feed, bus: Bus) -> None:
        def ready(state: StateAtCommit) -> None:
            self._tell(Ready(service.name, state.n, state.digest))

        await Standby(service, feed, bus, book=self._options.book, ready=ready).until_alone()
        await service.replay()
        self._tell(TookOver(service.name, service.domain.n, service.position))


async def _rest(services: Sequence[LogService]) -> None:
    for service in services:
        await service.rest()
