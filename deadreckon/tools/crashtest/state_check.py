"""States of all services recovered from the log alone, to compare with the running ones."""

from deadreckon.contracts.event import Mode
from deadreckon.contracts.publishers import is_venue_edge
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.process.killpoints import unarmed
from deadreckon.runtime.service.service import Service
from deadreckon.runtime.service.snapshots import state_digest
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import RANK
from deadreckon.services.venue.journal import VenueJournal

CODE = "state check"


async def recovered_states(
    bus: Bus, upto: int, services: tuple[str, ...], book: str
) -> dict[str, str]:
    """Recover every service from the log up to a sequence where all were quiet; return digests.

    A service that would commit something there has a note instead of its digest. It happens on a
    copy, so that nothing is written and no venue is called.
    """
    copy = MemoryBus(MemoryLog(await _log(bus, upto)))
    with unarmed():
        return await _recovered(copy, upto, services, book)


async def _recovered(copy: Bus, upto: int, services: tuple[str, ...], book: str) -> dict[str, str]:
    feed = Feed(copy)
    mode: Mode = "paper"
    names = [name for name in RANK if name in services]
    runners = [
        Service(name, decider(name), copy, feed, book=book, mode=mode, code=CODE) for name in names
    ]
    journals = [
        VenueJournal(name, copy, feed, book=book, mode=mode, code=CODE)
        for name in services
        if is_venue_edge(name)
    ]
    await feed.start()
    try:
        found = {service.name: await _state_of(service, upto) for service in runners}
        for journal in journals:
            await journal.replay()
            await journal.read(upto)
            found[journal.name] = state_digest(journal.state)
    finally:
        await feed.stop()
    return found


async def _state_of(service: Service, upto: int) -> str:
    await service.replay()
    committed = await service.take_turn(upto)
    return "would speak" if committed else state_digest(service.state)


async def _log(bus: Bus, upto: int) -> list[Stored]:
    found: list[Stored] = []
    reader = await bus.read(0)
    try:
        while len(found) < upto:
            found += await reader.next(1.0)
    finally:
        await reader.close()
    return found[:upto]
