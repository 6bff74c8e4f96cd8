"""Which services there are, and in which order they answer on a tape."""

from importlib import import_module
from typing import cast

from deadreckon import __version__
from deadreckon.contracts.event import Mode
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.crashes import CrashBook
from deadreckon.runtime.feed import Feed
from deadreckon.runtime.lived import Decider
from deadreckon.runtime.service import Service
from deadreckon.runtime.snapshots import Snapshots

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
    crashes: CrashBook | None = None,
    snapshots: Snapshots | None = None,
) -> list[Service]:
    """The named services on one bus and one feed, in the order of turns."""
    return [
        Service(
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
        for name in RANK
        if name in names
    ]
