"""Where a rerun of one day may begin: at snapshots from before it, where they are borne out."""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Raw, Struct

from deadreckon.contracts.event import Mode
from deadreckon.replay.rerun.job.protocol import Start
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Link
from deadreckon.runtime.service.snapshots import Snapshot, Snapshots, encode_state
from deadreckon.services.catalogue import DECIDERS, decider


class Anchors(Struct, frozen=True):
    """Where services may begin, and from which message on all of them together must be fed."""

    place: int = 0
    links: dict[str, Link] = {}
    starts: dict[str, Start] = {}


async def anchors(
    data: Path, bus: Bus, services: Iterable[str], book: str, mode: Mode, before: int
) -> Anchors:
    """The snapshots that stand before a moment (nanoseconds UTC) and fit log and program; whoever
    has none begins at the log's first message."""
    found: dict[str, Snapshot] = {}
    wanted = list(services)
    shelves = Snapshots(data)
    for name in wanted:
        shape = type(decider(name).initial())
        shelf = shelves.shelf(name, book, mode, [DECIDERS[name]], shape)
        snapshot = await shelf.load(bus)
        if snapshot is not None and snapshot.intake.now < before:
            found[name] = snapshot
    starts = {
        name: Start(each.moment.n, each.moment.place, each.intake, Raw(encode_state(each.state)))
        for name, each in found.items()
    }
    if len(found) < len(wanted):
        return Anchors(starts=starts)
    least = min(found.values(), key=lambda each: each.moment.place)
    links = {f"{of}.{service}": link for (of, service), link in least.links.items()}
    return Anchors(least.moment.place, links, starts)
