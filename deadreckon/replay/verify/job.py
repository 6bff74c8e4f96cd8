"""Rebuilds and verifies a folder's projections from its log."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.projections.comparison import TableDifference
from deadreckon.projections.rebuild import building
from deadreckon.projections.runner import FLUSH_SECONDS
from deadreckon.projections.sinks.sink import SinkError
from deadreckon.projections.store import paths, sequences
from deadreckon.projections.verification import verifying
from deadreckon.replay.opening import open_log
from deadreckon.replay.verify.document import VerifyDocument
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK

FLUSHED = ("audit", "lake")  # what a running stack flushes; it saves its metrics at its end
CATCH_UP_SECONDS = 10.0  # twenty flushes of a stack that keeps up with its log

MessageFacts = tuple[int, Sequence[Recorded[Any]], int]  # sequence, facts, stored_at


async def log_facts(bus: Bus, book: str, mode: Mode = "paper") -> AsyncIterator[MessageFacts]:
    """Read every message of the log with its events, in the form that projections fold."""
    ingress = Ingress(book, mode, reads_signals=False, restamps=False)
    async for message in read_messages(bus):
        yield message.sequence, list(ingress.records_of(message)), message.stored_at


async def rebuild(
    data: Path, names: Sequence[str], nats: str | None, *, shows: bool, book: str = BOOK
) -> int:
    """Build projections next to the old ones and swap them in; returns the last sequence."""
    async with open_log(data, nats, "rebuild", shows=shows) as log:
        with building(log.folder.root, names) as projector:
            end = (await log.bus.info()).last
            async for sequence, facts, stored_at in log_facts(log.bus, book):
                projector.fold(sequence, facts, stored_at)
                log.progress("rebuilding", sequence, end)
            return projector.sequence


async def verify(
    data: Path, names: Sequence[str], nats: str | None, *, shows: bool, book: str = BOOK
) -> VerifyDocument:
    """Compare projections with a fresh fold of the log, each where it is, which has to be the end
    of the log. Those of a running stack are waited for."""
    async with open_log(data, nats, "verify", shows=shows) as log:
        end = (await log.bus.info()).last
        running = log.folder.holder() is not None
        if running:
            await _caught_up(log.folder, names, end)
        with verifying(log.folder.root, names) as verifier:
            needed = 0  # the last message, up to that end, that a view has to have read
            async for sequence, facts, stored_at in log_facts(log.bus, book):
                if sequence <= verifier.last:
                    verifier.fold(sequence, facts, stored_at)
                    log.progress("verifying", sequence, verifier.last)
                elif sequence > end:
                    break
                if facts and sequence <= end:
                    needed = sequence
            verifier.require(needed, [name for name in names if not running or name in FLUSHED])
            last = max(end, (await log.bus.info()).last)
            differences = [*verifier.differences, *_ahead(verifier.last, last)]
            reached = verifier.reached
            compared = min((reached[name] for name in reached if name in FLUSHED), default=None)
            if compared is None:
                compared = verifier.last
            return VerifyDocument(compared, not differences, differences, reached)


async def _caught_up(folder: Folder, names: Sequence[str], end: int) -> None:
    """Wait until a running stack has folded the log up to `end`, or for CATCH_UP_SECONDS."""
    patience = time.monotonic() + CATCH_UP_SECONDS
    with suppress(SinkError, OSError, sqlite3.Error):  # the comparison says it
        while time.monotonic() < patience:
            reached = sequences(paths(folder.root))
            if all(reached[name] >= end for name in names if name in FLUSHED):
                return
            await asyncio.sleep(FLUSH_SECONDS / 5)


def _ahead(sequence: int, end: int) -> list[TableDifference]:
    if sequence <= end:
        return []
    note = f"a view has seen message {sequence}, but the log ends at {end}: the log was cut"
    return [TableDifference("all", "", (), "", "", "", note)]
