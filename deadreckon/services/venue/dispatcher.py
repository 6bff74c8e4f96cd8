"""Dispatch of the next actions: each is recorded, sent, and its outcome recorded, once."""

import asyncio
from collections.abc import Callable

from deadreckon.accounting.halts import strictest_scope
from deadreckon.runtime.process import killpoints
from deadreckon.services.venue.journal import VenueJournal
from deadreckon.services.venue.next_actions import NextAction, actions_due, not_sent_events
from deadreckon.services.venue.requests import Reply, events_of_reply, perform, request_intent
from deadreckon.services.venue.venue_link import VenueLink, backoff
from deadreckon.venues.port import Venue

EDGE = True

STEP_RANK = {"cancel": 0, "query": 1, "submit": 2, "refuse": 3}  # what takes risk away leaves first


class Dispatcher:
    """Finds and carries out what is due; an order whose request failed waits a while.

    `clock` is the wall clock (nanoseconds UTC), by which a venue bounds the life of a request.
    """

    def __init__(
        self, venue: Venue, journal: VenueJournal, link: VenueLink, clock: Callable[[], int]
    ) -> None:
        self._venue = venue
        self._journal = journal
        self._link = link
        self._clock = clock
        self._failed: dict[str, int] = {}  # tries, by client order id
        self._again: dict[str, float] = {}  # when an order may be tried again, on the loop's clock

    async def due(self) -> list[NextAction]:
        """List what is due now, by rank; before a submit the operators' subjects are read up to
        their end."""
        state, at = self._journal.state, self._journal.at
        actions = actions_due(state, at, strictest_scope(state.halts, at))
        if any(action.kind == "submit" for action in actions):
            scope = await self._journal.scope()
            actions = actions_due(self._journal.state, self._journal.at, scope)
        return sorted(actions, key=lambda action: STEP_RANK[action.kind])

    async def record(self, actions: list[NextAction]) -> None:
        """Record what leaves now and what does not leave at all; durable when this returns."""
        guarantees, now = self._venue.guarantees, self._clock()
        intents = (request_intent(action, guarantees, now) for action in actions)
        leaving = [event for event in intents if event is not None]
        await self._journal.publish([*not_sent_events(actions), *leaving])
        if leaving:
            killpoints.passed("venue-intent", self._journal.name)

    async def carry_out(self, action: NextAction) -> bool:
        """Send a request and record its outcome; return whether the outcome is known."""
        journal = self._journal
        reply = await perform(self._venue, action, journal.at, journal.name, self._clock)
        events = events_of_reply(journal.state, action, reply)
        await journal.publish(self._link.unrepeated(events))
        if reply.fault:
            await self._link.unanswered(reply.fault)
        else:
            await self._link.answered()
        is_settled = self._is_settled(action)
        self._pace(action.name, reply, is_settled)
        return is_settled or (action.kind == "query" and not reply.is_inconclusive)

    def _is_settled(self, action: NextAction) -> bool:
        order = self._journal.state.orders.get(action.name)
        return order is None or (order.phase == "working" and order.cancel != "wanted")

    def _pace(self, name: str, reply: Reply, is_settled: bool) -> None:
        if is_settled:
            self._failed.pop(name, None)
            self._again.pop(name, None)
            return
        tries = self._failed[name] = self._failed.get(name, 0) + 1
        wait = backoff(tries - 1) if reply.is_inconclusive else 0.0
        self._again[name] = asyncio.get_running_loop().time() + max(wait, reply.wait)

    def wait_of(self, name: str) -> float:
        """Return the seconds until an order may be tried again."""
        return max(self._again.get(name, 0.0) - asyncio.get_running_loop().time(), 0.0)
