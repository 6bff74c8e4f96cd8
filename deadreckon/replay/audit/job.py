"""The audit of a data folder: its log folded, its projections compared, its statement written."""

from pathlib import Path

from msgspec import UNSET, structs

from deadreckon.contracts.errors import DifferenceError
from deadreckon.contracts.timestamps import day_of
from deadreckon.replay.audit.audit import Audit, audit
from deadreckon.replay.audit.document import AuditDocument
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.audit.files import (
    StatementError,
    StatementRequest,
    seal_status,
    write_statements,
)
from deadreckon.replay.audit.statement.collect import StatementCollector
from deadreckon.replay.audit.statement.document import full_statement
from deadreckon.replay.opening import open_log
from deadreckon.replay.verify.audit_book import compare_projections
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK

FIGURES_ONLY = StatementRequest()


class EmptyDayError(StatementError):
    """You asked for the statement of a day of which the log has nothing."""

    exit_code = DifferenceError.exit_code


async def audit_folder(
    data: Path,
    day: str | None,
    nats: str | None,
    *,
    shows: bool,
    book: str = BOOK,
    wanted: StatementRequest = FIGURES_ONLY,
) -> AuditDocument:
    """Audit a folder's log, compare its projections, and write the files that are `wanted`.

    Files are written once everything in them is known. Raises StatementError and VenueFileError.
    """
    collector = (
        StatementCollector(keeps_trades=wanted.venue is not None) if wanted.anything else None
    )
    async with open_log(data, nats, "audit", shows=shows) as log:
        found = await audit(log.bus, book, "paper", day, log.reading("auditing"), collector)
    document = statement(found, book, day)
    if day is not None and not document.events:
        raise EmptyDayError(_nothing(found, document.day))
    projections = compare_projections(
        log.folder.audit, found.traded, document.last_sequence, day, book
    )
    document = document.with_projections(projections)
    if collector is None:
        return document
    return _in_full(log.folder, found, collector, document, wanted)


def _in_full(
    folder: Folder,
    found: Audit,
    collector: StatementCollector,
    document: AuditDocument,
    wanted: StatementRequest,
) -> AuditDocument:
    """Write the full statement; add to the document what else it says."""
    if not document.events:
        raise EmptyDayError(_nothing(found, document.day))
    full = full_statement(found, collector, document, wanted.venue)
    return structs.replace(
        document,
        root=full.root,
        seal=seal_status(folder.root / "archive", full),
        venue_statement=UNSET if wanted.venue is None else full.venue_statement,
        evidence_differences=full.checks.evidence_differences,
        written=write_statements(full, wanted.outputs),
    )


def _nothing(found: Audit, day: str) -> str:
    if found.first_at is None:
        return "the log has no events at all: there is no statement"
    reach = f"{day_of(found.first_at)} to {day_of(found.last_at)}"
    return f"the log has nothing of {day}, only of {reach} (--all takes everything)"
