"""Rebuilds and verifies a folder's projections from its log, with progress."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.projections.comparison import TableDifference
from deadreckon.projections.rebuild import building
from deadreckon.projections.verification import verifying
from deadreckon.replay.audit.job import progress_bar
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK

MessageFacts = tuple[int, Sequence[Recorded[Any]], int]  # sequence, facts, stored_at


async def log_facts(bus: Bus, book: str, mode: Mode = "paper") -> AsyncIterator[MessageFacts]:
    """Every message of the log as projections are told it."""
    intake = Ingress(book, mode, reads_signals=False, restamps=False)
    async for message in read_messages(bus):
        yield message.sequence, list(intake.records_of(message)), message.stored_at


async def rebuild(
    data: Path, names: Sequence[str], nats: str | None, *, shows: bool, book: str = BOOK
) -> int:
    """Build projections beside the old ones and swap them in; returns the place reached."""
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "rebuild.log")
    async with open_bus(folder, nats) as bus:
        with building(folder.root, names) as projector, progress_bar(shows) as bar:
            task = bar.add_task("rebuilding", total=(await bus.info()).last or 1)
            async for sequence, facts, stored_at in log_facts(bus, book):
                projector.fold(sequence, facts, stored_at)
                bar.update(task, completed=sequence)
            return projector.sequence


async def verify(
    data: Path, names: Sequence[str], nats: str | None, *, shows: bool, book: str = BOOK
) -> tuple[int, list[TableDifference]]:
    """Compare projections with a fresh fold of the log; the place compared and what differs."""
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "verify.log")
    async with open_bus(folder, nats) as bus:
        with verifying(folder.root, names) as verifier, progress_bar(shows) as bar:
            task = bar.add_task("verifying", total=verifier.last or 1)
            end = (await bus.info()).last
            async for sequence, facts, stored_at in log_facts(bus, book):
                if sequence > verifier.last:
                    break
                verifier.fold(sequence, facts, stored_at)
                bar.update(task, completed=sequence)
            return verifier.last, [*verifier.differences, *_ahead(verifier.last, end)]


def _ahead(place: int, end: int) -> list[TableDifference]:
    if place <= end:
        return []
    note = f"a view has seen message {place}, but the log ends at {end}: the log was cut"
    return [TableDifference("all", "", (), "", "", "", note)]
