"""Reconciliation of the log with the venue: queries all that may be there, records what is new."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

from deadreckon.contracts.event import Event
from deadreckon.contracts.venues import VenueReconciled
from deadreckon.runtime.process import killpoints
from deadreckon.services.venue.in_flight import orders_to_query, venue_name
from deadreckon.services.venue.journal import VenueJournal
from deadreckon.services.venue.reports import resurfaced_events, status_events, trade_events
from deadreckon.services.venue.requests import is_final, query
from deadreckon.services.venue.venue_link import VenueLink
from deadreckon.venues.port import FollowsLogTime, OrderStatus, Venue

EDGE = True


class Reconciliation:
    """Comparison of the log with the venue; it sends queries only, so it may be run at any time."""

    def __init__(
        self, venue: Venue, journal: VenueJournal, link: VenueLink, clock: Callable[[], int]
    ) -> None:
        self._venue = venue
        self._journal = journal
        self._link = link
        self._clock = clock
        self._outages = -1  # of the link, at the last reconciliation
        self._advanced = 0  # log time (nanoseconds UTC) up to which the venue's market was played

    @property
    def holds(self) -> bool:
        """Tell whether the venue was queried since it last went away; nothing is sent before."""
        return self._outages == self._link.outages

    async def reconcile(self) -> None:
        """Query everything, again if the venue goes away meanwhile."""
        while not self.holds:
            outages = self._link.outages
            await self._query_everything()
            self._outages = outages

    async def _query_everything(self) -> None:
        names = list(orders_to_query(self._journal.state))
        for name in names:
            await self._query(name)
        found = await self.fetch_trades()
        killpoints.passed("venue-reconcile", self._journal.name)
        there = await self._open_orders()
        known = self._journal.state.orders
        external = [
            order.client_order_id or order.venue_order_id
            for order in there
            if order.client_order_id not in known
        ]
        reconciled = VenueReconciled(
            venue=venue_name(self._journal.state),
            orders_asked=len(names),
            trades_found=found,
            strangers=sorted(external),
            balances=await self._link.retry("balances", self._venue.balances),
            positions=await self._link.retry("positions", self._venue.positions),
            cursor=self._journal.state.cursor,
        )
        await self._journal.publish([reconciled])

    async def _open_orders(self) -> list[OrderStatus]:
        """List the open orders; record those that were given up here and are there all the same."""
        there = await self._link.retry("open orders", self._venue.open_orders)
        await self._journal.publish(resurfaced_events(self._journal.state, there))
        return there

    async def _query(self, name: str) -> None:
        """Query an order and record what is new in its status."""
        order = self._journal.state.orders.get(name)
        if order is None:
            return
        now = self._clock()
        status = await self._link.retry("order", lambda: query(self._venue, order))
        events = self._status_events(name, status, now)
        await self._journal.publish(self._link.unrepeated(events))

    def _status_events(self, name: str, status: OrderStatus | None, now: int) -> Iterator[Event]:
        order = self._journal.state.orders.get(name)
        if order is None:
            return
        may_arrive = status is None and order.phase == "sending"
        if not may_arrive or is_final(order, self._venue.guarantees, now):
            yield from status_events(order, status)

    async def fetch_trades(self) -> int:
        """Record the trades behind the log's cursor; return how many there were."""
        before, cursor = self._journal.state.numbered, self._journal.state.cursor
        while True:
            page = await self._link.retry("trades", partial(self._venue.trades_since, cursor))
            await self._journal.publish(trade_events(self._journal.state, page))
            if page.complete or page.cursor == cursor:
                return self._journal.state.numbered - before
            cursor = page.cursor

    async def catch_up(self) -> None:
        """Record what happened to open orders by itself: trades, and how others ended."""
        working = [
            name
            for name, order in orders_to_query(self._journal.state).items()
            if order.phase == "working"
        ]
        _, there = await asyncio.gather(self.fetch_trades(), self._open_orders())
        still = {order.client_order_id for order in there}
        gone = [
            name for name in working if name not in still and name in self._journal.state.orders
        ]
        for name in gone:
            await self._query(name)
        if gone:
            await self.fetch_trades()

    async def advance(self, at: int) -> bool:
        """Play a simulated venue's market up to log time `at`; return whether time went on."""
        if at <= self._advanced:
            return False
        self._advanced = at
        venue = self._venue
        if isinstance(venue, FollowsLogTime):
            await self._link.retry("clock", lambda: venue.advance(at))
        return True
