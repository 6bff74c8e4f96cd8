"""Rebuilds and verifies a folder's projections from its log."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from deadreckon.contracts.event import Mode, Recorded
from deadreckon.projections.comparison import TableDifference
from deadreckon.projections.rebuild import building
from deadreckon.projections.verification import verifying
from deadreckon.replay.opening import open_log
from deadreckon.replay.verify.document import VerifyDocument
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK

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
    """Compare projections with a fresh fold of the log, up to where they have read it."""
    async with open_log(data, nats, "verify", shows=shows) as log:
        with verifying(log.folder.root, names) as verifier:
            end = (await log.bus.info()).last
            async for sequence, facts, stored_at in log_facts(log.bus, book):
                if sequence > verifier.last:
                    break
                verifier.fold(sequence, facts, stored_at)
                log.progress("verifying", sequence, verifier.last)
            differences = [*verifier.differences, *_ahead(verifier.last, end)]
            return VerifyDocument(verifier.last, not differences, differences)


def _ahead(sequence: int, end: int) -> list[TableDifference]:
    if sequence <= end:
        return []
    note = f"a view has seen message {sequence}, but the log ends at {end}: the log was cut"
    return [TableDifference("all", "", (), "", "", "", note)]
