"""A venue beside a running clock: what is due leaves, what is pushed is heard, the rest asked."""

import asyncio
from collections.abc import Iterator
from typing import Any

import structlog

from deadreckon.contracts.event import Event
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.services.venue.dispatcher import Dispatcher
from deadreckon.services.venue.in_flight import orders_to_query
from deadreckon.services.venue.journal import VenueJournal
from deadreckon.services.venue.next_actions import NextAction
from deadreckon.services.venue.reconciliation import Reconciliation
from deadreckon.services.venue.reports import checked_status, resurfaced_events, status_events
from deadreckon.services.venue.venue_link import VenueLink, backoff
from deadreckon.venues.port import (
    MalformedReportError,
    OrderStatus,
    RejectedError,
    UnansweredError,
    Venue,
    VenueTrade,
)

EDGE = True

REQUESTS_AT_ONCE = 8  # requests under way at once
MESSAGES_BEHIND_MAX = (
    1_000  # messages of the log not read yet: at full speed a tenth of a second of it
)
POLL_SECONDS = 1.0  # between two looks at a venue that should have told by itself

log = structlog.get_logger()


class LiveSession:
    """Jobs side by side; each of them only adds to the log what the log does not have."""

    def __init__(
        self,
        venue: Venue,
        logbook: VenueJournal,
        line: VenueLink,
        errands: Dispatcher,
        reconciliation: Reconciliation,
    ) -> None:
        self._venue = venue
        self._logbook = logbook
        self._line = line
        self._errands = errands
        self._reconciliation = reconciliation
        self._advanced = 0  # the venue was told that it is then (nanoseconds UTC)
        self._busy: dict[str, asyncio.Task[bool]] = {}  # by client order id
        self._told_of_trades = False  # by a push; they are still to be asked for
        self._late = False  # too far behind the log to send an order
        self._news = asyncio.Event()  # something may be due
        self._behind = asyncio.Event()  # the venue may know more than the log

    async def run(self) -> None:
        """Serve the venue until cancelled; ends with the error of what failed."""
        jobs = [self._take_in(), self._pursue(), self._keep_up(), self._listen()]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            under_way: list[asyncio.Task[Any]] = [*tasks, *self._busy.values()]
            await cancel_all(under_way)

    async def _take_in(self) -> None:
        while True:
            await self._logbook.arrives()
            await self._logbook.read()
            self._news.set()

    async def _pursue(self) -> None:
        """Let what is due leave, one request an order, WIDTH in all."""
        while True:
            self._news.clear()
            self._clear_done()
            dues = await self._dues()
            free = [due for due in dues if due.name not in self._busy]
            ready = [due for due in free if not self._errands.wait_of(due.name)]
            await self._let_go(ready[: REQUESTS_AT_ONCE - len(self._busy)])
            waits = [self._errands.wait_of(due.name) for due in free]
            await _within(self._news, min([POLL_SECONDS, *filter(None, waits)]))

    async def _dues(self) -> list[NextAction]:
        """What may leave now: no order does from far behind the log, where it may long be void."""
        dues = await self._errands.due() if self._reconciliation.holds else []
        if not any(due.step == "submit" for due in dues):
            return dues
        behind = await self._logbook.end() - self._logbook.position
        self._say_late(behind)
        return (
            [due for due in dues if due.step != "submit"] if behind > MESSAGES_BEHIND_MAX else dues
        )

    def _say_late(self, behind: int) -> None:
        late = behind > MESSAGES_BEHIND_MAX
        if late and not self._late:
            log.warning("venue_edge_behind", messages=behind, next="no order leaves meanwhile")
        self._late = late

    def _clear_done(self) -> None:
        for name, task in list(self._busy.items()):
            if task.done():
                del self._busy[name]
                task.result()

    async def _let_go(self, dues: list[NextAction]) -> None:
        if not dues:
            return
        await self._errands.record(dues)
        for due in dues:
            if due.step != "refuse":
                task = asyncio.create_task(self._errands.carry_out(due))
                task.add_done_callback(lambda _: self._news.set())
                self._busy[due.name] = task

    async def _keep_up(self) -> None:
        """Reconcile at the start and whenever the venue comes back; ask what it did not push."""
        while True:
            desk = self._logbook.desk
            if desk.venues and not self._reconciliation.holds:
                if self._busy:
                    await asyncio.wait(self._busy.values())
                await self._reconciliation.reconcile()
                self._news.set()
            elif orders_to_query(desk) or desk.abandoned or self._told_of_trades:
                self._told_of_trades = False
                await self._look()
            await _within(self._behind, POLL_SECONDS)
            self._behind.clear()

    async def _look(self) -> None:
        at = self._logbook.at
        if at > self._advanced:
            await self._line.insist("clock", lambda: self._venue.advance(at))
            self._advanced = at
        await self._reconciliation.catch_up()
        self._news.set()

    async def _listen(self) -> None:
        """Hear what the venue pushes; each time the connection ends, something may be missing."""
        tries = 0
        while True:
            try:
                async for report in self._venue.reports():
                    tries = 0
                    await self._hear(report)
            except MalformedReportError as error:
                await self._line.refuse("pushed report", error)
            except (UnansweredError, RejectedError):
                pass  # the requests beside it tell whether the venue is away
            self._behind.set()
            await asyncio.sleep(backoff(tries))
            tries += 1

    async def _hear(self, report: VenueTrade | OrderStatus) -> None:
        """A pushed trade is a reason to ask, no more: its place, were it wrong, would stand in the
        way of the trade that is really there."""
        if isinstance(report, VenueTrade):
            self._told_of_trades = True
            self._behind.set()
            return
        await self._logbook.publish(self._line.news(self._pushed(report)))
        self._news.set()

    def _pushed(self, report: OrderStatus) -> Iterator[Event]:
        desk = self._logbook.desk
        if report.open and report.client_order_id in desk.abandoned:
            yield from resurfaced_events(desk, [report])
        elif (order := desk.orders.get(report.client_order_id)) is not None:
            yield from status_events(order, checked_status(report, order.intent.quantity))


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiting}, timeout=seconds)
    waiting.cancel()
