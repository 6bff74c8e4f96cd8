"""Journal of a venue edge: folds the orders in flight and records what the venue answers."""

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from deadreckon.accounting.halts import impose, strictest_scope
from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import canonical_event
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import HaltImposed, HaltRequested, LogDamaged
from deadreckon.contracts.subjects import domain
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.service.edge_journal import EdgeJournal
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.venue.in_flight import InFlightOrders, evolve, initial

EDGE = True


class _Orders:
    """The orders in flight at a venue, moved by recorded facts."""

    def __init__(self, name: str) -> None:
        self.state: InFlightOrders = initial(name)

    def resume(self, state: InFlightOrders) -> None:
        """Go on from a state that was read from a snapshot."""
        self.state = state

    def replay(self, question: Recorded[Any], answers: Iterable[Recorded[Any]]) -> None:
        """Fold a fact and what follows it."""
        for record in (question, *answers):
            self.state = evolve(self.state, record)


class VenueJournal(EdgeJournal):
    """The journal of one venue edge; `state` is the orders in flight."""

    def __init__(
        self,
        name: str,
        bus: Bus,
        feed: Feed,
        *,
        book: str,
        mode: Mode,
        code: str,
        snapshots: Snapshots | None = None,
    ) -> None:
        self._orders = _Orders(name)
        self._book = book
        self._mode: Mode = mode
        super().__init__(
            name,
            self._orders,
            bus,
            feed,
            book=book,
            mode=mode,
            code=code,
            modules=[evolve.__module__],
            snapshots=snapshots,
        )

    @property
    def state(self) -> InFlightOrders:
        """The orders in flight."""
        return self._orders.state

    async def scope(self) -> HaltScope | None:
        """Find the strictest halt in force, those included that operators requested since.

        A resume counts only once everything before it was read. Waits for as long as the log is
        away: nothing leaves without it.
        """
        tail = await retry(lambda: self.bus.tail(domain(self._book, "op")))
        ahead = dict(self.state.halts)
        if tail is not None and tail.sequence > self.position:
            await self.feed.reach(tail.sequence)
            intake = structs.replace(self.ingress)
            for message in self.feed.since(self.position, tail.sequence - self.position):
                for record in intake.records_of(message):
                    if isinstance(record.event, HaltRequested | HaltImposed | LogDamaged):
                        impose(ahead, record)
        return strictest_scope(ahead, self.at)

    def recorded(self, event: Event) -> Recorded[Any]:
        """Stamp an event. Its id derives from the order (or the edge), the type of event, and how
        many came before it: never from a clock."""
        name = getattr(event, "client_order_id", "")
        order = self.state.orders.get(name)
        ordinal = self.state.recorded if order is None else order.recorded
        fact_id = derive_id(name if order else self.name, NAMES[type(event)], ordinal)
        return Recorded(
            id=fact_id,
            at=self.at,
            book=self._book,
            mode=self._mode,
            source=self.name,
            cause=None if order is None else order.intent_id,
            root=fact_id if order is None else order.root,
            event=canonical_event(event),
        )
