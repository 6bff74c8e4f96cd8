"""Asks the venue about everything that may be there, and records what the log had not heard of."""

import asyncio
from collections.abc import Iterator

from deadreckon.contracts.event import Event
from deadreckon.contracts.venues import VenueReconciled
from deadreckon.runtime.process import killpoints
from deadreckon.services.venue.in_flight import orders_to_query, venue_name
from deadreckon.services.venue.journal import VenueJournal
from deadreckon.services.venue.reports import (
    checked_status,
    resurfaced_events,
    status_events,
    trade_events,
)
from deadreckon.services.venue.venue_link import VenueLink
from deadreckon.venues.port import OrderStatus, Venue, VenueTrade

EDGE = True


class Reconciliation:
    """The log and the venue side by side; it only asks, so that it may be done at any time."""

    def __init__(self, venue: Venue, logbook: VenueJournal, line: VenueLink) -> None:
        self._venue = venue
        self._logbook = logbook
        self._line = line
        self._outages = -1  # of the line, when the two were last brought together

    @property
    def holds(self) -> bool:
        """Whether the venue was asked since it last went away; nothing new is sent before."""
        return self._outages == self._line.outages

    async def reconcile(self) -> None:
        """Bring the two together, again if the venue goes away meanwhile."""
        while not self.holds:
            outages = self._line.outages
            await self._ask_everything()
            self._outages = outages

    async def _ask_everything(self) -> None:
        names = list(orders_to_query(self._logbook.desk))
        for name in names:
            await self.ask(name)
        found = await self.fetch_trades()
        killpoints.passed("venue-reconcile", self._logbook.name)
        there = await self._open_orders()
        known = self._logbook.desk.orders
        strangers = [order.client_order_id for order in there if order.client_order_id not in known]
        balances = await self._line.insist("balances", self._venue.balances)
        venue = venue_name(self._logbook.desk)
        told = VenueReconciled(venue, len(names), found, sorted(strangers), balances)
        await self._logbook.publish([told])

    async def _open_orders(self) -> list[OrderStatus]:
        """What the venue works; what was given up here and is there all the same is recorded."""
        there = await self._line.insist("open orders", self._venue.open_orders)
        await self._logbook.publish(resurfaced_events(self._logbook.desk, there))
        return there

    async def ask(self, name: str) -> None:
        """How an order stands, asked and recorded."""
        order = self._logbook.desk.orders.get(name)
        if order is None:
            return
        quantity = order.intent.quantity

        async def query() -> OrderStatus | None:
            return checked_status(await self._venue.query(name), quantity)

        standing = await self._line.insist("order", query)
        await self._logbook.publish(self._line.news(self._answered(name, standing)))

    def _answered(self, name: str, standing: OrderStatus | None) -> Iterator[Event]:
        order = self._logbook.desk.orders.get(name)
        if order is not None:
            yield from status_events(order, standing)

    async def fetch_trades(self) -> int:
        """Record the trades behind what the log has; how many there were."""
        place = self._logbook.desk.place
        trades = await self._line.insist("trades", lambda: self._venue.trades_since(place))
        before = self._heard()
        await self._logbook.publish(self.told(trades))
        return self._heard() - before

    def _heard(self) -> int:
        return self._logbook.desk.place + len(self._logbook.desk.beyond)

    def told(self, trades: list[VenueTrade]) -> Iterator[Event]:
        """What trades add to the log."""
        for trade in trades:
            yield from trade_events(self._logbook.desk, trade)

    async def catch_up(self) -> None:
        """Record what happened to open orders by itself: trades, and how others ended."""
        working = [
            name
            for name, order in orders_to_query(self._logbook.desk).items()
            if order.phase == "working"
        ]
        _, there = await asyncio.gather(self.fetch_trades(), self._open_orders())
        still = {order.client_order_id for order in there}
        gone = [name for name in working if name not in still and name in self._logbook.desk.orders]
        for name in gone:
            await self.ask(name)
        if gone:
            await self.fetch_trades()
