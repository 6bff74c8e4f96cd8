"""Assembly of the services on one bus and one feed."""

from collections.abc import Mapping
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
from deadreckon.services.catalogue import DECIDERS, RUN_STRATEGIES, in_turn_order
from deadreckon.services.strategy_edge import LoadsStrategies
from deadreckon.services.venue.edge import VenueEdge
from deadreckon.venues.port import Venue


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
