"""A stack without a tape: services side by side, time from the clock, signals at the doors."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path

from msgspec import Struct

from deadreckon import __version__
from deadreckon.archive.jobs.daily_seal import DailySealer
from deadreckon.archive.open_log import server_location, stack_bus
from deadreckon.contracts.life import StackStarted, StackStopped
from deadreckon.contracts.limits import DEFAULT_QUOTA
from deadreckon.marketdata.tapes.tape import Tape, open_tape
from deadreckon.node.facts import publish_fact
from deadreckon.node.missing_setup import missing_shown
from deadreckon.node.readiness import Readiness, WatchedService
from deadreckon.node.settings import StackSettings
from deadreckon.node.simulated_venue import venues_ready
from deadreckon.node.supervision import halt_after_crashes
from deadreckon.node.venue_logins import connect_venues
from deadreckon.node.verdicts import verdicts_published
from deadreckon.node.worker_processes import Workers
from deadreckon.projections.runner import FoldedView, Views
from deadreckon.projections.stored_views import StoredViews, stored_views
from deadreckon.replay.asof.anchor_job import AnchorJob
from deadreckon.replay.verify.self_check import SelfCheck
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.interrupts import interrupt_event, wait_for_interrupt
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.runtime.service.standby import answer_liveness
from deadreckon.services.assembly import assemble
from deadreckon.services.clock.edge import Clock
from deadreckon.services.market.live_market import LiveMarket
from deadreckon.strategies.loading import use_folder
from deadreckon.venues.port import Venue

AWAY_WAIT = 1.0  # seconds for the same while the log is away
REST_WAIT = 10.0  # seconds for the last commits and snapshots of an orderly end

log = log_lines.Logger()


class LiveStack:
    """Services, clock and views on one bus, each at its own pace."""

    def __init__(
        self,
        settings: StackSettings,
        bus: Bus,
        crashes: CrashCounter,
        stored: StoredViews | None,
        views: Sequence[FoldedView] = (),
        snapshots: Snapshots | None = None,
        venues: Mapping[str, Venue] | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.settings = settings
        self._crashes = crashes
        self.bus = bus
        self.feed = Feed(bus)
        self.views = Views(self.feed, settings.book, settings.mode, stored, views, snapshots)
        self.services = assemble(
            () if settings.processes else settings.running,
            bus,
            self.feed,
            book=settings.book,
            mode=settings.mode,
            crashes=crashes,
            snapshots=snapshots,
            venues=venues,
        )
        self._workers = self._processes() if settings.processes else None
        self.sealer = DailySealer(Path(settings.data), settings.nats, bus, settings.archive)
        self._anchoring = AnchorJob(Path(settings.data), settings.nats, bus)
        self.checks = self._self_check() if stored and settings.check_views_minutes > 0 else None
        self.clock = self._clock(snapshots)
        self.market = tape and LiveMarket(
            bus, self.feed, tape, book=settings.book, mode=settings.mode, code=__version__
        )

    @property
    def watched(self) -> Sequence[WatchedService]:
        """Every service, in this process or in one of its own."""
        return self._workers.services if self._workers else self.services

    @property
    def ends(self) -> dict[str, int] | None:
        """Number of ended processes of each service; null when the services live in this one."""
        return self._workers.ends if self._workers else None

    def _clock(self, snapshots: Snapshots | None) -> Clock:
        settings = self.settings
        return Clock(
            self.bus,
            self.feed,
            book=settings.book,
            mode=settings.mode,
            code=__version__,
            every=settings.clock_seconds,
            snapshots=snapshots,
        )

    def _processes(self) -> Workers:
        settings = self.settings
        return Workers(
            Path(settings.data),
            settings.running,
            self.bus,
            book=settings.book,
            mode=settings.mode,
            pace="free",
            nats=settings.nats,
        )

    def _self_check(self) -> SelfCheck:
        settings = self.settings
        return SelfCheck(
            Path(settings.data),
            self.bus,
            settings.nats,
            mode=settings.mode,
            every_seconds=settings.check_views_minutes * 60,
            now=lambda: self.views.now,
        )

    async def run(self, until: asyncio.Event | None = None) -> None:
        """Answer until interrupted (or `until` is set); ends with the error of what failed.

        A request to end that comes during recovery takes effect when it is complete.
        """
        ending = asyncio.create_task(until.wait() if until else wait_for_interrupt(), name="ending")
        try:
            await self._run(ending)
        finally:
            await cancel_all([ending])

    async def _run(self, ending: "asyncio.Task[object]") -> None:
        self.views.check((await retry(self.bus.info)).last)
        for service in self.services:
            await service.restore()
        await self.clock.restore()
        await self.views.restore()
        await self.feed.start()
        try:
            edges = [self.clock, self.market] if self.market else [self.clock]
            await asyncio.gather(*(each.replay() for each in (*edges, *self.services)))
            await halt_after_crashes(self.bus, self.settings.book, self._crashes)
            if self._workers:
                await self._workers.start()
            await self._say_started()
            await self._follow(ending)
            await self._rest()
            await self._end()
            self._crashes.forget()
        finally:
            if self._workers:
                await self._workers.stop()
            await self.feed.stop()
            await self.views.end()

    async def _follow(self, ending: "asyncio.Task[object]") -> None:
        jobs = [asyncio.create_task(each.follow(), name=each.name) for each in self.services]
        jobs += [
            asyncio.create_task(answer_liveness(each, self.settings.book, self.bus))
            for each in self.services
        ]
        jobs.append(asyncio.create_task(self.clock.run(), name="clock"))
        if self.market:
            jobs.append(asyncio.create_task(self.market.run(), name="market"))
        jobs.append(asyncio.create_task(self.views.follow(), name="views"))
        jobs.append(asyncio.create_task(self.sealer.run(), name="sealer"))
        if self.checks:
            jobs.append(asyncio.create_task(self.checks.follow(), name="self check"))
        jobs.append(asyncio.create_task(self._anchoring.run(), name="anchoring"))
        done, rest = await asyncio.wait([*jobs, ending], return_when=asyncio.FIRST_COMPLETED)
        await cancel_all(rest)
        for task in done:
            task.result()

    async def _rest(self) -> None:
        """Leave snapshots behind, unless the log is away: the next start folds it then."""
        if self._workers:
            await self._workers.stop()
        resting = asyncio.gather(self.clock.rest(), *(service.rest() for service in self.services))
        with suppress(TimeoutError):
            await asyncio.wait_for(resting, self._patience())

    def _patience(self) -> float:
        """Return the seconds for a step of an orderly end; a log that is away has been waited for
        already."""
        return REST_WAIT if self.bus.log_health.available else AWAY_WAIT

    async def _end(self) -> None:
        """Publish the end and bring the views up to it; without a log or a disk just end."""
        try:
            await asyncio.wait_for(self._say_stopped(), self._patience())
            await asyncio.wait_for(self.views.rest(), self._patience())
        except TimeoutError:
            log.warning(
                "ended_unsaid", reason=self.bus.log_health.fault() or "the views take too long"
            )

    async def _say_started(self) -> None:
        started = StackStarted(
            list(self.settings.running), __version__, "jetstream", "stack", "start"
        )
        await publish_fact(
            self.bus, self.settings.book, "stack", log_lines.unique_name("start"), started
        )
        await publish_fact(
            self.bus, self.settings.book, "stack", log_lines.unique_name("quota"), DEFAULT_QUOTA
        )

    async def _say_stopped(self) -> None:
        stopped = StackStopped(list(self.settings.running), "stack", "stop")
        name = log_lines.unique_name("stop")
        sequence = await publish_fact(self.bus, self.settings.book, "stack", name, stopped)
        await self.views.catch_up(sequence)


class StackAddresses(Struct, frozen=True):
    """Addresses of a stack: its folder, its NATS server with the folder of credentials
    for it (empty for one that is not its own), its gateway (empty: none)."""

    data: str
    nats: str
    credentials: str
    web: str


Serve = Callable[[Folder, Readiness, int | None], AbstractAsyncContextManager[str]]


async def run_stack(
    settings: StackSettings,
    announce: Callable[[StackAddresses], None],
    serve: Serve,
    show_missing: Callable[[list[str]], None] = lambda _: None,
) -> None:
    """Run the stack that the settings describe until it is interrupted.

    `serve` opens the web pages on the port that is given (null: none) and yields their URL.
    `show_missing` is called with what the folder lacks before anything can be traded, if anything.
    """
    log_lines.configure()
    folder = Folder(Path(settings.data)).create()
    log_lines.report_crashes(folder.logs / "up.crash")
    use_folder(folder.root)
    tape = open_tape(folder.root / settings.market) if settings.market else None
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.alone())
        bus = await stack.enter_async_context(
            stack_bus(
                folder,
                settings.nats,
                port=settings.nats_port,
                book=settings.book,
                tls=settings.tls,
                venues=settings.venues.edges,
            )
        )
        stored = stack.enter_context(stored_views(folder))
        verdicts = await stack.enter_async_context(verdicts_published(bus, settings.book))
        await stack.enter_async_context(venues_ready(folder, settings.venues))
        venues = connect_venues(folder, settings.running)
        crashes, snapshots = CrashCounter(folder.crashes), Snapshots(folder.root)
        live = LiveStack(settings, bus, crashes, stored, [verdicts], snapshots, venues, tape)
        vitals = _vitals(live, stored)
        web = await stack.enter_async_context(serve(folder, vitals, settings.web_port))
        server = None if settings.nats else server_location(folder)
        found = server or {"url": settings.nats or "", "credentials": ""}
        asked = stack.enter_context(interrupt_event())  # whoever reads the addresses may stop it
        announce(StackAddresses(str(folder.root), found["url"], found["credentials"], web))
        await stack.enter_async_context(missing_shown(vitals, tape is not None, show_missing))
        await live.run(asked)


def _vitals(live: LiveStack, stored: StoredViews) -> Readiness:
    return Readiness(
        live.settings.book,
        live.settings.mode,
        live.feed,
        live.views,
        stored,
        lambda: live.watched,
        lambda: live.ends,
        lambda: live.sealer.failures,
    )
