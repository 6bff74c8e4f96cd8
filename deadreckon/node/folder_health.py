"""Health of a folder as seen from outside: its log, and whether anything may be traded there."""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct, structs

from deadreckon.accounting.halts import Halt
from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.errors import ExpectedError
from deadreckon.node.folder_log import gateway_health, log_health_from
from deadreckon.node.trading_conditions import DAMAGE
from deadreckon.node.trading_status import Trading, outside_findings, trading, unread
from deadreckon.projections.queries import RowDocument, row_document
from deadreckon.projections.tables import BY_NAME
from deadreckon.projections.tables.halts import HaltRow
from deadreckon.replay.asof import BookState, asof, halts_in_force, initial
from deadreckon.replay.asof.fold import SetBy
from deadreckon.replay.asof.job import ANCHORS_FOLDER
from deadreckon.replay.asof.log_point import AtSequence
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.server_files import ServerFiles
from deadreckon.services.catalogue import BOOK


class FolderHealth(Struct, frozen=True):
    """Health of a folder's log, and whether anything may be traded.

    `halts` are those in force at the log's end, latest first, as rows of their table; null where a
    stack keeps the views up to date, or nothing could be read.
    """

    log: dict[str, Any]
    trading: Trading
    halts: list[RowDocument] | None = None


async def folder_health(folder: Folder) -> FolderHealth:
    """Report what may be traded, as the stack that runs there knows; without one that answers, the
    log is read to its end."""
    record = await asyncio.to_thread(gateway_health, folder)
    log = await log_health_from(folder, record)
    if record is not None and "trading" in record:
        return FolderHealth(log, msgspec.convert(record["trading"], Trading))
    found = list(outside_findings(folder.root, folder.holder(), log["reason"]))
    try:
        state, halts = (None, None) if log["reason"] else await _read_end(folder)
    except ExpectedError as fault:
        found.append(unread(str(fault)))
        return FolderHealth(log, trading(None, found))
    if state is None and not found:
        found.append(unread("no gateway answers, and the log is not kept here"))
    return FolderHealth(log, trading(state.trading if state else None, found), halts)


async def _read_end(folder: Folder) -> tuple[BookState | None, list[RowDocument] | None]:
    """Read the book and its halts at the end of the log; null for a folder that has none."""
    if not ServerFiles(folder.root).store.is_dir():
        return None, None
    async with open_bus(folder) as bus:
        last = (await retry(bus.info)).last
        if not last:
            return initial(), []
        cache = folder.root / ANCHORS_FOLDER
        state = (await asof(bus, AtSequence(last), cache, book=BOOK, known="then")).then
        halts = reversed(halts_in_force(state).items())
        return state, [await _row(bus, state.halts_set_by[name], halt) for name, halt in halts]


async def _row(bus: Bus, set_by: SetBy, halt: Halt) -> RowDocument:
    """Return a halt as a row of the table of halts."""
    stored = await retry(lambda: bus.message(set_by.sequence))
    assert stored is not None, "the message of a halt that was folded is in the log"
    message = Decoding().decode(stored)
    subject, damaged = message.subject, halt.rule == DAMAGE
    kind = "log_damaged" if damaged else "requested" if halt.actor else "imposed"
    row = HaltRow(
        event_id=set_by.id,
        at=set_by.at,
        book=BOOK,
        kind=kind,
        halt_id=set_by.id,
        source=f"{subject.service}.{subject.leaf}" if subject.leaf else subject.service,
        actor=halt.actor or None,
        scope=halt.scope,
        rule=None if damaged else halt.rule or None,
        limit_value=halt.limit,
        measured=halt.measured,
        limit_set_by=halt.limit_set_by,
        reason=halt.reason,
        until=halt.until,
    )
    position = (set_by.sequence, set_by.index, message.stored_at)
    document = row_document(BY_NAME["halts"].stored, (*structs.astuple(row), *position))
    return document | {"acknowledged_by": sorted(halt.acknowledged)}
