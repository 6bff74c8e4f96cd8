"""Live session with a venue: sends what is due, listens to pushed reports, polls for the rest."""

import asyncio
from collections.abc import Iterator
from typing import Any

from deadreckon.contracts.event import Event
from deadreckon.runtime.process import log_lines
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
POLL_SECONDS = 1.0  # between two polls of a venue that should have pushed by itself

log = log_lines.Logger()


class LiveSession:
    """Four jobs side by side; each only records what the log does not have yet."""

    def __init__(
        self,
        venue: Venue,
        journal: VenueJournal,
        link: VenueLink,
        dispatcher: Dispatcher,
        reconciliation: Reconciliation,
    ) -> None:
        self._venue = venue
        self._journal = journal
        self._link = link
        self._dispatcher = dispatcher
        self._reconciliation = reconciliation
        self._busy: dict[str, asyncio.Task[bool]] = {}  # by client order id
        self._trades_pushed = False  # they are still to be fetched
        self._late = False  # too far behind the log to send an order
        self._wakes = asyncio.Event()  # something may be due
        self._behind = asyncio.Event()  # the venue may know more than the log

    async def run(self) -> None:
        """Serve the venue until cancelled; ends with the error of what failed."""
        jobs = [self._read(), self._dispatch(), self._keep_up(), self._listen()]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            under_way: list[asyncio.Task[Any]] = [*tasks, *self._busy.values()]
            await cancel_all(under_way)

    async def _read(self) -> None:
        while True:
            await self._journal.arrives()
            await self._journal.read()
            self._wakes.set()

    async def _dispatch(self) -> None:
        """Send what is due: one request for an order, REQUESTS_AT_ONCE in all."""
        while True:
            self._wakes.clear()
            self._clear_done()
            actions = await self._actions()
            free = [action for action in actions if action.name not in self._busy]
            ready = [action for action in free if not self._dispatcher.wait_of(action.name)]
            await self._start(ready[: REQUESTS_AT_ONCE - len(self._busy)])
            waits = [self._dispatcher.wait_of(action.name) for action in free]
            await _within(self._wakes, min([POLL_SECONDS, *filter(None, waits)]))

    async def _actions(self) -> list[NextAction]:
        """List what may leave now: no order does from far behind the log, where it may be void."""
        actions = await self._dispatcher.due() if self._reconciliation.holds else []
        if not any(action.kind == "submit" for action in actions):
            return actions
        behind = await self._journal.end() - self._journal.position
        self._log_late(behind)
        if behind <= MESSAGES_BEHIND_MAX:
            return actions
        return [action for action in actions if action.kind != "submit"]

    def _log_late(self, behind: int) -> None:
        late = behind > MESSAGES_BEHIND_MAX
        if late and not self._late:
            log.warning("venue_edge_behind", messages=behind, next="no order leaves meanwhile")
        self._late = late

    def _clear_done(self) -> None:
        for name, task in list(self._busy.items()):
            if task.done():
                del self._busy[name]
                task.result()

    async def _start(self, actions: list[NextAction]) -> None:
        if not actions:
            return
        await self._dispatcher.record(actions)
        for action in actions:
            if action.kind != "refuse":
                task = asyncio.create_task(self._dispatcher.carry_out(action))
                task.add_done_callback(lambda _: self._wakes.set())
                self._busy[action.name] = task

    async def _keep_up(self) -> None:
        """Reconcile at the start and whenever the venue is back; poll for what it did not push."""
        while True:
            state = self._journal.state
            if state.venues and not self._reconciliation.holds:
                if self._busy:
                    await asyncio.wait(self._busy.values())
                await self._reconciliation.reconcile()
                self._wakes.set()
            elif orders_to_query(state) or state.abandoned or self._trades_pushed:
                self._trades_pushed = False
                await self._poll()
            await _within(self._behind, POLL_SECONDS)
            self._behind.clear()

    async def _poll(self) -> None:
        await self._reconciliation.advance(self._journal.at)
        await self._reconciliation.catch_up()
        self._wakes.set()

    async def _listen(self) -> None:
        """Take in pushed reports; each time the connection ends, some may be missing."""
        tries = 0
        while True:
            try:
                async for report in self._venue.reports():
                    tries = 0
                    await self._on_report(report)
            except MalformedReportError as error:
                await self._link.refuse("pushed report", error)
            except (UnansweredError, RejectedError):
                pass  # the other jobs' requests find out whether the venue is away
            self._behind.set()
            await asyncio.sleep(backoff(tries))
            tries += 1

    async def _on_report(self, report: VenueTrade | OrderStatus) -> None:
        """Record a pushed status. A pushed trade is only a reason to fetch: the log's cursor must
        not pass trades that were never pushed."""
        if isinstance(report, VenueTrade):
            self._trades_pushed = True
            self._behind.set()
            return
        await self._journal.publish(self._link.unrepeated(self._pushed(report)))
        self._wakes.set()

    def _pushed(self, report: OrderStatus) -> Iterator[Event]:
        state = self._journal.state
        if report.open and report.client_order_id in state.abandoned:
            yield from resurfaced_events(state, [report])
        elif (order := state.orders.get(report.client_order_id)) is not None:
            yield from status_events(order, checked_status(report, order.intent.quantity))


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so many seconds."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiting}, timeout=seconds)
    waiting.cancel()
