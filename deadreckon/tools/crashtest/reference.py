"""Undisturbed run: the result of a tape with a script without any kill."""

from pathlib import Path

from msgspec import Struct

from deadreckon.projections.digest import TableDigest
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.store import open_projector, paths
from deadreckon.replay.audit.audit import audit
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.verify.job import log_facts as telling
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.crashtest.log_tally import LogTally, tally_log
from deadreckon.tools.crashtest.money_totals import MoneyTotals, total_money
from deadreckon.tools.crashtest.scripted_turns import ScriptedRound
from deadreckon.tools.crashtest.stack_process import (
    MODE,
    SIM,
    RunSettings,
    connections_by_subject,
    exchange_running,
    scripted_demo,
)


class Reference(Struct):
    """Results of the undisturbed run: states by (rows, whether the
    next bar has opened, cues) settled, events, tables, money.

    At an exchange only the money is compared: repeated requests are recorded there.
    """

    states: dict[tuple[int, bool, int], dict[str, str]]
    account: LogTally
    tables: dict[str, TableDigest]
    money: MoneyTotals


async def undisturbed(settings: RunSettings, folder: Path) -> Reference:
    """Play the tape in this process, in memory, and keep what has to come out again."""
    states: dict[tuple[int, bool, int], dict[str, str]] = {}

    async def on_settled(rows: int, cues: int, turns: ScriptedRound) -> None:
        states[rows, demo.player.played.opened, cues] = await turns.states()

    bus = MemoryBus()
    data_folder = Folder(folder).create()
    async with (
        exchange_running(settings, data_folder),
        scripted_demo(
            settings, bus, data_folder, None, connections_by_subject(bus, bus), on_settled
        ) as demo,
    ):
        await demo.play(lambda _: None)
    document = statement(await audit(bus, BOOK, MODE), BOOK, None)
    return Reference(
        states={} if settings.venue == SIM else states,
        account=await tally_log(bus),
        tables=await _tables(bus, folder),
        money=await total_money(bus, document),
    )


async def _tables(bus: Bus, folder: Path) -> dict[str, TableDigest]:
    projector = open_projector(paths(folder), ["audit"])
    async for sequence, facts, stored_at in telling(bus, BOOK):
        projector.fold(sequence, facts, stored_at)
    projector.flush()
    projector.close()
    return digests(folder)


def digests(folder: Path) -> dict[str, TableDigest]:
    """Return rows and digest of every table of a folder's audit database."""
    book = AuditDatabase(paths(folder).audit)
    try:
        return book.digests()
    finally:
        book.close()
