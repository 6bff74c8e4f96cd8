"""Sends to a venue what fill intended, and records what came back; recall never sends.

A request is recorded before it leaves and its outcome after it, so that whoever comes after a crash
knows what the venue may have heard of, and asks before anything is sent again (decision 0021).
"""

import asyncio

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
    """One account at one venue. On a tape it takes turns and finishes each order before the next;
    live it follows the log, and requests of different orders are under way together."""

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
    ) -> None:
        self.name = name
        self.ready = False
        self._venue = venue
        self._logbook = VenueJournal(
            name, bus, feed, book=book, mode=mode, code=code, snapshots=snapshots
        )
        self._line = VenueLink(self._logbook)
        self._errands = Dispatcher(venue, self._logbook, self._line)
        self._reconciliation = Reconciliation(venue, self._logbook, self._line)
        self._advanced = 0  # the venue was told that it is then (nanoseconds UTC)

    @property
    def domain(self) -> Domain:
        """Its own subjects of the log."""
        return self._logbook.domain

    @property
    def position(self) -> int:
        """The last message of the log that it has read."""
        return self._logbook.position

    @property
    def state(self) -> InFlightOrders:
        """What is outstanding."""
        return self._logbook.desk

    async def state_at_commit(self) -> StateAtCommit:
        """Where the desk stands at the edge's last commit."""
        return await self._logbook.state_at_commit()

    async def restore(self) -> None:
        """Stand where the newest snapshot stood; to be called before the feed starts."""
        await self._logbook.restore()

    async def replay(self) -> None:
        """Fold the log up to the edge's own last commit, without sending anything."""
        await self._logbook.replay()
        self.ready = True

    def follow_recorded(self, message: Message) -> None:
        """Take the next message as recall does, beside another instance that is at work."""
        self._logbook.follow_recorded(message)

    async def follow(self) -> None:
        """Serve the venue for as long as the log goes on; ends with the error of what failed."""
        await self._logbook.read(await self._logbook.end())
        parts = (self._venue, self._logbook, self._line, self._errands, self._reconciliation)
        try:
            await LiveSession(*parts).run()
        finally:
            await self._venue.close()

    async def take_turn(self, upto: int) -> bool:
        """Carry out what is intended up to message `upto`, whatever it takes; whether anything
        was recorded. Pushed reports are not listened to: what a turn adds is a function of the
        tape and of the venue's market."""
        before = self.domain.n
        await self._logbook.read(upto)
        if self._logbook.desk.venues:
            await self._reconciliation.reconcile()
            await self._play()
        return self.domain.n > before

    async def _play(self) -> None:
        desk, at = self._logbook.desk, self._logbook.at
        acted = at > self._advanced and bool(desk.orders or desk.abandoned)
        if acted:
            await self._line.insist("clock", lambda: self._venue.advance(at))
            self._advanced = at
        while await self._finish() or acted:
            acted = False
            await self._reconciliation.catch_up()

    async def _finish(self) -> bool:
        """Send and ask until nothing is due; whether anything was."""
        acted = False
        while dues := await self._errands.due():
            acted = True
            await self._take([due for due in dues if due.step == dues[0].step])
        return acted

    async def _take(self, dues: list[NextAction]) -> None:
        """Steps of one kind, one after the other; none overtakes one that was in vain, since then
        their trades would change places."""
        await self._errands.record(dues)
        for due in dues:
            if due.step != "refuse" and not await self._errands.carry_out(due):
                await asyncio.sleep(self._errands.wait_of(due.name))
                break

    async def rest(self) -> None:
        """Leave a snapshot and give the connection back, at an orderly end."""
        await self._logbook.rest()
        await self._venue.close()
