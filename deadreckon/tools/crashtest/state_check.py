"""What the log alone makes of every service, beside what the services themselves remember."""

from deadreckon.contracts.event import Mode
from deadreckon.contracts.publishers import is_venue_edge
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.process.killpoints import unarmed
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshots import state_digest
from deadreckon.services.catalogue import RANK, decider
from deadreckon.services.venue.journal import VenueJournal

CODE = "witness"


async def recovered_states(
    bus: Bus, upto: int, services: tuple[str, ...], book: str
) -> dict[str, str]:
    """The digest of every service's state after recalling the log up to a place where all were
    silent; who would speak there says so in place of its digest.

    It happens on a copy, so that nobody can write and no venue is asked.
    """
    copy = MemoryBus(MemoryLog(await _log(bus, upto)))
    with unarmed():
        return await _recalled(copy, upto, services, book)


async def _recalled(copy: Bus, upto: int, services: tuple[str, ...], book: str) -> dict[str, str]:
    feed = Feed(copy)
    mode: Mode = "paper"
    names = [name for name in RANK if name in services]
    lived = [
        Service(name, decider(name), copy, feed, book=book, mode=mode, code=CODE) for name in names
    ]
    books = [
        VenueJournal(name, copy, feed, book=book, mode=mode, code=CODE)
        for name in services
        if is_venue_edge(name)
    ]
    await feed.start()
    try:
        found = {service.name: await _state_of(service, upto) for service in lived}
        for logbook in books:
            await logbook.replay()
            await logbook.read(upto)
            found[logbook.name] = state_digest(logbook.desk)
    finally:
        await feed.stop()
    return found


async def _state_of(service: Service, upto: int) -> str:
    await service.replay()
    spoke = await service.take_turn(upto)
    return "would speak" if spoke else state_digest(service.state)


async def _log(bus: Bus, upto: int) -> list[Stored]:
    found: list[Stored] = []
    reader = await bus.read(0)
    try:
        while len(found) < upto:
            found += await reader.next(1.0)
    finally:
        await reader.close()
    return found[:upto]
