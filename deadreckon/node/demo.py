"""The main job: a tape, a server, every service and every view, in one command."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import cached_property

from msgspec import Struct, structs

from deadreckon import __version__
from deadreckon.contracts.event import Mode
from deadreckon.contracts.life import StackStarted, StackStopped
from deadreckon.marketdata.tapes.tape import Tape
from deadreckon.node.demo_setup import instrument, set_up
from deadreckon.node.demo_sizes import DemoSizes, tape_sizes
from deadreckon.node.facts import publish_fact
from deadreckon.node.operator_commands import read_in_force
from deadreckon.node.readiness import WatchedService
from deadreckon.node.supervision import halt_after_crashes
from deadreckon.node.venue_logins import connect_venues
from deadreckon.node.worker_processes import Workers
from deadreckon.projections.runner import FoldedView, Views
from deadreckon.projections.stored_views import StoredViews
from deadreckon.replay.audit.audit import audit
from deadreckon.replay.audit.document import AuditDocument, DemoRun
from deadreckon.replay.audit.figures import statement
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.interrupts import wait_for_interrupt
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.log_service import LogService
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.runtime.service.standby import answer_liveness
from deadreckon.runtime.service.turns import LocalTurnTaker, RemoteTurnTaker, Round, TurnTaker
from deadreckon.services.assembly import assemble
from deadreckon.services.catalogue import BOOK, RANK, in_turn_order
from deadreckon.services.market.tape_player import TapePlayer
from deadreckon.strategies import loading

OTHER_RUN = (
    "What this folder has played was decided by the recorded code; another --data folder plays the"
    " tape by the code that is here"
)

log = log_lines.Logger()


class DemoPlan(Struct, frozen=True):
    """Settings of a run: `speed` times faster than life (null: as fast as possible), for at most
    `seconds`, services in this process or each in its own, on JetStream or in memory."""

    speed: float | None = None
    seconds: float | None = None
    processes: bool = False
    memory: bool = False
    stay: bool = False  # keep answering at the doors after the tape's end
    book: str = BOOK
    mode: Mode = "paper"
    edge: str = ""  # of the venue to trade at; empty for the paper venue
    strategies: tuple[str, ...] = ()  # further ones, by kind or file

    @property
    def services(self) -> tuple[str, ...]:
        """The services that take turns, in their order."""
        return in_turn_order((*RANK, self.edge))


class Demo:
    """A stack that plays a tape. Use as: `async with Demo(...) as demo: await demo.play()`."""

    def __init__(
        self,
        plan: DemoPlan,
        folder: Folder,
        tape: Tape,
        bus: Bus,
        stored: StoredViews | None,
        views: Sequence[FoldedView] = (),
        rounds: Callable[[Sequence[TurnTaker], Feed], Round] = Round,
    ) -> None:
        self.plan = plan
        loading.remember_files(folder.root, plan.strategies)
        self.bus = bus
        self.tape = tape
        self.feed = Feed(bus)
        # A log in memory is gone with the process, and so is what it would bear out.
        self._snapshots = None if plan.memory else Snapshots(folder.root)
        self.views = Views(self.feed, plan.book, plan.mode, stored, views, self._snapshots)
        self._folder = folder
        self._rounds = rounds
        self._crashes = CrashCounter(folder.crashes)
        self._stack = AsyncExitStack()
        self._workers: Workers | None = None
        self._goes_on = False  # the log held a part of the tape before
        self.services: list[LogService] = []
        self.turns: Round
        self.player: TapePlayer

    async def __aenter__(self) -> "Demo":
        async with AsyncExitStack() as failing:
            failing.push_async_callback(self._stack.aclose)
            await self._start()
            failing.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        plan = self.plan
        self._stack.push_async_callback(self.views.end)
        self.views.check((await retry(self.bus.info)).last)
        players = await self._players()
        self.turns = self._rounds(players, self.feed)
        self.player = TapePlayer(
            self.bus, self.feed, self.tape, self.turns, mode=plan.mode, code=__version__
        )
        for service in self.services:
            await service.restore()
        await self.player.restore()
        await self.views.restore()
        await self.feed.start()
        self._stack.push_async_callback(self.feed.stop)
        await asyncio.gather(self.player.replay(), *(service.replay() for service in self.services))
        self._goes_on = self.player.played.rows > 0
        if self._workers:
            await self._workers.ready([p for p in players if isinstance(p, RemoteTurnTaker)])

    async def _players(self) -> list[TurnTaker]:
        plan = self.plan
        if plan.processes:
            self._workers = Workers(
                self._folder.root,
                plan.services,
                self.bus,
                book=plan.book,
                mode=plan.mode,
                pace="turns",
            )
            self._stack.push_async_callback(self._workers.stop)
            await self._workers.start()
            return [RemoteTurnTaker(name, plan.book, self.bus) for name in plan.services]
        self.services = assemble(
            plan.services,
            self.bus,
            self.feed,
            book=plan.book,
            mode=plan.mode,
            crashes=self._crashes,
            snapshots=self._snapshots,
            venues=connect_venues(self._folder, plan.services),
        )
        return [LocalTurnTaker(service) for service in self.services]

    @cached_property
    def sizes(self) -> DemoSizes:
        """Cash and entries that the tape's price and volume allow."""
        return tape_sizes(self.tape, instrument(self.tape.header))

    @property
    def watched(self) -> Sequence[WatchedService]:
        """Every service, in this process or in one of its own."""
        return self._workers.services if self._workers else self.services

    @property
    def ends(self) -> dict[str, int] | None:
        """Number of ended processes of each service; null when the services live in this one."""
        return self._workers.ends if self._workers else None

    async def play(self, progress: Callable[[int], None]) -> None:
        """Play until the tape or the time ends or the caller stops it; views are complete then."""
        plan = self.plan
        where = "memory" if plan.memory else "jetstream"
        await self.player.open()
        await halt_after_crashes(self.bus, plan.book, self._crashes)
        header = self.tape.header
        await set_up(self.bus, plan.book, header, plan.edge, plan.strategies, self.sizes)
        started = StackStarted(list(plan.services), __version__, where, "stack", "start")
        await publish_fact(self.bus, plan.book, "stack", log_lines.unique_name("start"), started)
        following = asyncio.create_task(self.views.follow(), name="views")
        playing = asyncio.create_task(self._play(progress), name="play")
        ending = asyncio.create_task(wait_for_interrupt(), name="interrupts")
        watching = [following, playing, ending]
        watching += [
            asyncio.create_task(answer_liveness(service, plan.book, self.bus))
            for service in self.services
        ]
        if self._workers:
            watching.append(asyncio.create_task(self._workers.watch(), name="workers"))
        try:
            await asyncio.wait(watching, timeout=plan.seconds, return_when=asyncio.FIRST_COMPLETED)
            self.player.stopping = True
            for task in watching:
                if task.done():
                    task.result()
            await playing
        finally:
            await cancel_all(watching)
        for service in self.services:
            await service.rest()
        stopped = StackStopped(list(plan.services), "stack", "stop")
        sequence = await publish_fact(
            self.bus, plan.book, "stack", log_lines.unique_name("stop"), stopped
        )
        await self.views.catch_up(sequence)
        await self.views.rest()
        self._crashes.forget()

    async def _play(self, progress: Callable[[int], None]) -> None:
        await self.player.play(self.plan.speed, progress)
        if self.plan.stay:
            await self.player.answer_doors(lambda: False)

    async def code_faults(self) -> list[str]:
        """Return the strategies of a log that goes on whose recorded code is not the code here."""
        if not self._goes_on:
            return []
        found = await read_in_force(self.bus, self.plan.book, self.plan.mode)
        faults = filter(None, map(loading.code_fault, found.strategies.values()))
        return [f"{fault}. {OTHER_RUN}" for fault in faults]

    async def summary(self, seconds: float, rows: int) -> AuditDocument:
        """Return the statement of the whole log with this run's rates."""
        found = await audit(self.bus, self.plan.book, self.plan.mode)
        document = statement(found, self.plan.book, None)
        info = await retry(self.bus.info)
        run = DemoRun(
            rows=self.player.played.rows,
            rows_in_tape=self.tape.header.rows,
            seconds=round(seconds, 3),
            rows_per_second=round(rows / seconds) if seconds else 0,
            messages=info.messages,
            bytes=info.bytes,
            finished=self.player.played.ended,
        )
        return structs.replace(document, run=run)
