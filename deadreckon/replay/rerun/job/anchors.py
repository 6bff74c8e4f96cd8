"""Finds where a rerun of one day may begin: at snapshots from before it that fit the log."""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Raw, Struct

from deadreckon.contracts.event import Mode
from deadreckon.replay.rerun.job.protocol import ServiceStart
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import ChainLink
from deadreckon.runtime.service.snapshots import Snapshot, Snapshots, encode_state
from deadreckon.services.catalogue import DECIDERS, decider


class StartPoints(Struct, frozen=True):
    """The states that services begin from, and the message after which the log is sent to them."""

    after: int = 0
    links: dict[str, ChainLink] = {}
    starts: dict[str, ServiceStart] = {}


async def start_points(
    data: Path, bus: Bus, services: Iterable[str], book: str, mode: Mode, before: int
) -> StartPoints:
    """Find the snapshots from before a moment (nanoseconds UTC) that fit log and program.

    A service without one begins at the log's first message.
    """
    found: dict[str, Snapshot] = {}
    wanted = list(services)
    stores = Snapshots(data)
    for name in wanted:
        shape = type(decider(name).initial())
        snapshot_store = stores.snapshot_store(name, book, mode, [DECIDERS[name]], shape)
        snapshot = await snapshot_store.load(bus)
        if snapshot is not None and snapshot.ingress.now < before:
            found[name] = snapshot
    starts = {
        name: ServiceStart(
            each.position.n, each.position.covered, each.ingress, Raw(encode_state(each.state))
        )
        for name, each in found.items()
    }
    if len(found) < len(wanted):
        return StartPoints(starts=starts)
    least = min(found.values(), key=lambda each: each.position.covered)
    links = {f"{of}.{service}": link for (of, service), link in least.links.items()}
    return StartPoints(least.position.covered, links, starts)
