"""Catalogue of the services, in the order in which they take turns on a tape."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import cast

from deadreckon import __version__
from deadreckon.contracts.event import Mode
from deadreckon.contracts.publishers import is_venue_edge
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.decider_runner import Decider
from deadreckon.runtime.service.log_service import LogService
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.strategy_edge import LoadsStrategies
from deadreckon.services.venue.edge import VenueEdge
from deadreckon.venues.port import Venue

# The order of turns on a tape: causes before effects, so that most rounds need no second one.
DECIDERS = {
    "trainer": "deadreckon.services.trainer.decider",
    "signal": "deadreckon.services.signal.decider",
    "risk": "deadreckon.services.risk.decider",
    "router": "deadreckon.services.router.decider",
    "fill": "deadreckon.services.fill.decider",
    "portfolio": "deadreckon.services.portfolio.decider",
    "governance": "deadreckon.services.governance.decider",
}
RANK = tuple(DECIDERS)

BOOK = "desk"


def in_turn_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort services by their turns on a tape; names of no service are left out.

    Venue edges come right after fill: what fill intends is sent, and what came back is recorded,
    in the same round.
    """
    wanted = set(names)
    edges = sorted(name for name in wanted if is_venue_edge(name))
    after = RANK.index("fill") + 1
    return tuple(n for n in (*RANK[:after], *edges, *RANK[after:]) if n in wanted)


# They run strategies by name: what the names mean is found before a decider is asked.
RUN_STRATEGIES = ("trainer", "signal")


@cache
def decider(name: str) -> Decider:
    """Return the module that decides for a service; raises KeyError for an unknown one."""
    module = import_module(DECIDERS[name])
    return LoadsStrategies(module) if name in RUN_STRATEGIES else cast(Decider, module)


def assemble(
    names: tuple[str, ...],
    bus: Bus,
    feed: Feed,
    *,
    book: str,
    mode: Mode,
    crashes: CrashCounter | None = None,
    snapshots: Snapshots | None = None,
    venues: Mapping[str, Venue] | None = None,
) -> list[LogService]:
    """Build the named services on one bus and one feed, in the order of turns.

    `venues` are the accounts by the edge that serves each; raises ValueError for an edge without
    one.
    """

    def made(name: str) -> LogService:
        if is_venue_edge(name):
            venue = (venues or {}).get(name)
            if venue is None:
                raise ValueError(f"{name} was named, and no venue for it")
            return VenueEdge(
                name, bus, feed, venue, book=book, mode=mode, code=__version__, snapshots=snapshots
            )
        return Service(
            name,
            decider(name),
            bus,
            feed,
            book=book,
            mode=mode,
            code=__version__,
            crashes=crashes,
            snapshots=snapshots,
        )

    return [made(name) for name in in_turn_order(names)]
