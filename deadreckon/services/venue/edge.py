"""Edge of one venue: sends what fill intended and records the answers; replay never sends.

A request is recorded before it leaves and its outcome after it, so that after a crash the log tells
what may be at the venue, and it is queried before anything is sent again (decision 0021).
"""

import asyncio
import time
from collections.abc import Callable

from deadreckon.contracts.event import Mode
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import Feed, Message
from deadreckon.runtime.service.snapshots import Snapshots, StateAtCommit
from deadreckon.services.venue.dispatcher import Dispatcher
from deadreckon.services.venue.in_flight import InFlightOrders
from deadreckon.services.venue.journal import VenueJournal
from deadreckon.services.venue.live_session import LiveSession
from deadreckon.services.venue.next_actions import NextAction
from deadreckon.services.venue.reconciliation import Reconciliation
from deadreckon.services.venue.venue_link import VenueLink
from deadreckon.venues.port import Venue

EDGE = True


class VenueEdge:
    """Service of one account at one venue.

    On a tape it takes turns and finishes each order before the next; live it follows the log, and
    requests of different orders are under way together. `clock` is the wall clock (nanoseconds
    UTC): it bounds the life of requests, and never decides what is sent.
    """

    def __init__(
        self,
        name: str,
        bus: Bus,
        feed: Feed,
        venue: Venue,
        *,
        book: str,
        mode: Mode,
        code: str,
        snapshots: Snapshots | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self.ready = False
        self._venue = venue
        self._journal = VenueJournal(
            name, bus, feed, book=book, mode=mode, code=code, snapshots=snapshots
        )
        self._link = VenueLink(self._journal)
        self._dispatcher = Dispatcher(venue, self._journal, self._link, clock)
        self._reconciliation = Reconciliation(venue, self._journal, self._link, clock)

    @property
    def domain(self) -> Domain:
        """The edge's own subjects of the log."""
        return self._journal.domain

    @property
    def position(self) -> int:
        """The last message of the log that the edge has read."""
        return self._journal.position

    @property
    def state(self) -> InFlightOrders:
        """The orders in flight."""
        return self._journal.state

    @property
    def awaits_price(self) -> bool:
        """False: the orders of a real venue meet no price of the log."""
        return False

    async def state_at_commit(self) -> StateAtCommit:
        """Return the state at the edge's last commit, with its digest."""
        return await self._journal.state_at_commit()

    async def restore(self) -> None:
        """Continue from the newest snapshot; to be called before the feed starts."""
        await self._journal.restore()

    async def replay(self) -> None:
        """Fold the log up to the edge's own last commit, without sending anything."""
        await self._journal.replay()
        self.ready = True

    def follow_recorded(self, message: Message) -> None:
        """Fold the next message as `replay` does, for a standby of an instance at work."""
        self._journal.follow_recorded(message)

    async def follow(self) -> None:
        """Serve the venue for as long as the log goes on; ends with the error of what failed."""
        await self._journal.read(await self._journal.end())
        parts = (self._venue, self._journal, self._link, self._dispatcher, self._reconciliation)
        try:
            await LiveSession(*parts).run()
        finally:
            await self._venue.close()

    async def take_turn(self, upto: int) -> bool:
        """Carry out what is intended up to message `upto`; return whether anything was recorded.

        Pushed reports are not listened to: what a turn adds is a function of the tape and of the
        venue's market.
        """
        before = self.domain.n
        await self._journal.read(upto)
        if self._journal.state.venues:
            await self._reconciliation.reconcile()
            await self._play()
        return self.domain.n > before

    async def _play(self) -> None:
        state = self._journal.state
        acted = bool(state.orders or state.abandoned)
        acted = acted and await self._reconciliation.advance(self._journal.at)
        while await self._finish() or acted:
            acted = False
            await self._reconciliation.catch_up()

    async def _finish(self) -> bool:
        """Send and query until nothing is due; return whether anything was."""
        acted = False
        while actions := await self._dispatcher.due():
            acted = True
            await self._run([each for each in actions if each.kind == actions[0].kind])
        return acted

    async def _run(self, actions: list[NextAction]) -> None:
        """Run actions of one kind in order. Stop at the first that fails: later orders must not
        trade before it."""
        await self._dispatcher.record(actions)
        for action in actions:
            if action.kind != "refuse" and not await self._dispatcher.carry_out(action):
                await asyncio.sleep(self._dispatcher.wait_of(action.name))
                break

    async def rest(self) -> None:
        """Leave a snapshot and give the connection back, at an orderly end."""
        await self._journal.rest()
        await self._venue.close()
