"""Which services there are, and in which order they answer on a tape."""

from importlib import import_module
from typing import cast

from deadreckon import __version__
from deadreckon.contracts.event import Mode
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.decider_runner import Decider
from deadreckon.runtime.service.log_service import LogService
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshots import Snapshots
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

# A stack that trades at the simulated exchange has its edge right after fill: what fill intends is
# sent, and what came back is told, in the same round.
VENUE_SIM = "venue-sim"
RANK_WITH_VENUE = (*RANK[: RANK.index("fill") + 1], VENUE_SIM, *RANK[RANK.index("fill") + 1 :])

BOOK = "desk"


def decider(name: str) -> Decider:
    """The module that decides for a service; raises KeyError for an unknown one."""
    return cast(Decider, import_module(DECIDERS[name]))


def assemble(
    names: tuple[str, ...],
    bus: Bus,
    feed: Feed,
    *,
    book: str,
    mode: Mode,
    crashes: CrashCounter | None = None,
    snapshots: Snapshots | None = None,
    venue: Venue | None = None,
) -> list[LogService]:
    """The named services on one bus and one feed, in the order of turns.

    `venue` is the account of the venue edge; raises ValueError when that is named without one.
    """

    def made(name: str) -> LogService:
        if name == VENUE_SIM:
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

    return [made(name) for name in RANK_WITH_VENUE if name in names]
