"""The undisturbed run: what a tape with a script comes to when nobody is killed."""

from pathlib import Path

from msgspec import Struct

from deadreckon.projections.digest import Standing
from deadreckon.projections.sinks.audit_book import AuditBook
from deadreckon.projections.store import open_projector, paths
from deadreckon.replay.audit.audit import audit
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.verify.job import told as telling
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.crashtest.log_tally import Account, take_account
from deadreckon.tools.crashtest.money_totals import Economy, take_economy
from deadreckon.tools.crashtest.scripted_turns import CuedRound
from deadreckon.tools.crashtest.stack_process import MODE, SIM, Show, demo_of, doors_of, exchange_of


class Reference(Struct):
    """States of all services by (rows, cues) settled; every event; what the tables come to, and
    all of it in money.

    Against an exchange only that counts: what is asked twice there, and how often, is recorded.
    """

    states: dict[tuple[int, int], dict[str, str]]
    account: Account
    tables: dict[str, Standing]
    economy: Economy


async def undisturbed(show: Show, folder: Path) -> Reference:
    """Play the tape in this process, in memory, and keep what has to come out again."""
    states: dict[tuple[int, int], dict[str, str]] = {}

    async def told(rows: int, cues: int, turns: CuedRound) -> None:
        states[rows, cues] = await turns.states()

    bus = MemoryBus()
    place = Folder(folder).create()
    async with (
        exchange_of(show, place),
        demo_of(show, bus, place, None, doors_of(bus, bus), told) as demo,
    ):
        await demo.play(lambda _: None)
    document = statement(await audit(bus, BOOK, MODE), BOOK, None)
    return Reference(
        states={} if show.venue == SIM else states,
        account=await take_account(bus),
        tables=await _tables(bus, folder),
        economy=await take_economy(bus, document),
    )


async def _tables(bus: Bus, folder: Path) -> dict[str, Standing]:
    projector = open_projector(paths(folder), ["audit"])
    async for sequence, facts, stored_at in telling(bus, BOOK):
        projector.fold(sequence, facts, stored_at)
    projector.flush()
    projector.close()
    return standings(folder)


def standings(folder: Path) -> dict[str, Standing]:
    """Rows and digest of every table of a folder's audit book."""
    book = AuditBook(paths(folder).audit)
    try:
        return book.standings()
    finally:
        book.close()
