"""The steps of outstanding orders: recorded, taken, and their outcomes recorded, once each."""

import asyncio

from deadreckon.runtime.process import killpoints
from deadreckon.services.fill import halts
from deadreckon.services.venue.journal import VenueJournal
from deadreckon.services.venue.next_actions import NextAction, actions_due, not_sent_events
from deadreckon.services.venue.requests import Reply, events_of_reply, perform, request_intent
from deadreckon.services.venue.venue_link import VenueLink, backoff
from deadreckon.venues.port import Venue

EDGE = True

STEP_RANK = {"cancel": 0, "query": 1, "submit": 2, "refuse": 3}  # what takes risk away leaves first


class Dispatcher:
    """What is due, and the doing of it; an order that was tried in vain waits a while."""

    def __init__(self, venue: Venue, logbook: VenueJournal, line: VenueLink) -> None:
        self._venue = venue
        self._logbook = logbook
        self._line = line
        self._tries: dict[str, int] = {}  # in vain, by client order id
        self._again: dict[str, float] = {}  # when an order may be tried again, on the loop's clock

    async def due(self) -> list[NextAction]:
        """What is to be done now; whoever would submit looks at the operators' doors first."""
        desk, at = self._logbook.desk, self._logbook.at
        dues = actions_due(desk, at, halts.in_force(desk, at))
        if any(due.step == "submit" for due in dues):
            scope = await self._logbook.scope()
            dues = actions_due(self._logbook.desk, self._logbook.at, scope)
        return sorted(dues, key=lambda due: STEP_RANK[due.step])

    async def record(self, dues: list[NextAction]) -> None:
        """What leaves now and what does not leave at all; durable when this returns."""
        leaving = [event for due in dues if (event := request_intent(due)) is not None]
        await self._logbook.publish([*not_sent_events(dues), *leaving])
        if leaving:
            killpoints.passed("venue-intent", self._logbook.name)

    async def carry_out(self, due: NextAction) -> bool:
        """Take a step and record its outcome; whether there was one that can be built on."""
        reply = await perform(self._venue, due, self._logbook.at, self._logbook.name)
        await self._logbook.publish(
            self._line.news(events_of_reply(self._logbook.desk, due, reply))
        )
        if reply.fault:
            await self._line.silent(reply.fault)
        else:
            await self._line.heard()
        is_settled = self._is_settled(due)
        self._pace(due.name, reply, is_settled)
        return is_settled or (due.step == "query" and not reply.is_inconclusive)

    def _is_settled(self, due: NextAction) -> bool:
        order = self._logbook.desk.orders.get(due.name)
        return order is None or (order.phase == "working" and order.cancel != "wanted")

    def _pace(self, name: str, reply: Reply, is_settled: bool) -> None:
        if is_settled:
            self._tries.pop(name, None)
            self._again.pop(name, None)
            return
        tries = self._tries[name] = self._tries.get(name, 0) + 1
        wait = backoff(tries - 1) if reply.is_inconclusive else 0.0
        self._again[name] = asyncio.get_running_loop().time() + max(wait, reply.wait)

    def wait_of(self, name: str) -> float:
        """Seconds until an order may be tried again."""
        return max(self._again.get(name, 0.0) - asyncio.get_running_loop().time(), 0.0)
