"""The undisturbed run: what a tape with a script comes to when nobody is killed."""

from pathlib import Path

from msgspec import Struct

from deadreckon.projections.digest import Standing
from deadreckon.projections.store import open_projector, paths
from deadreckon.runtime.bus import Bus
from deadreckon.runtime.folder import Folder
from deadreckon.runtime.memory import MemoryBus
from deadreckon.stack.crashtest.account import Account, take_account
from deadreckon.stack.crashtest.conductor import Show, demo_of, doors_of
from deadreckon.stack.crashtest.cued import CuedRound
from deadreckon.stack.demo import Plan
from deadreckon.stack.verifying import told as telling


class Reference(Struct):
    """States of all services by (rows, cues) settled; every event; what the tables come to."""

    states: dict[tuple[int, int], dict[str, str]]
    account: Account
    tables: dict[str, Standing]


async def undisturbed(show: Show, folder: Path) -> Reference:
    """Play the tape in this process, in memory, and keep what has to come out again."""
    states: dict[tuple[int, int], dict[str, str]] = {}

    async def told(rows: int, cues: int, turns: CuedRound) -> None:
        states[rows, cues] = await turns.states()

    bus = MemoryBus()
    place = Folder(folder).create()
    async with demo_of(show, bus, place, None, doors_of(bus, bus), told) as demo:
        await demo.play(lambda _: None)
    return Reference(states, await take_account(bus), await _tables(bus, folder))


async def _tables(bus: Bus, folder: Path) -> dict[str, Standing]:
    projector = open_projector(paths(folder), ["audit"])
    async for sequence, facts, stored_at in telling(bus, Plan().book):
        projector.fold(sequence, facts, stored_at)
    projector.flush()
    projector.close()
    return standings(folder)


def standings(folder: Path) -> dict[str, Standing]:
    """Rows and digest of every table of a folder's audit book."""
    from deadreckon.projections.audit import AuditBook

    book = AuditBook(paths(folder).audit)
    try:
        return book.standings()
    finally:
        book.close()
