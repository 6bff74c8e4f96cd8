"""The audit as a verb runs it: with progress, and with a look at what the projections say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.errors import DifferenceError
from deadreckon.contracts.timestamps import day_of
from deadreckon.replay.audit.audit import Audit, audit
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.audit.files import (
    StatementError,
    StatementRequest,
    seal_status,
    write_statements,
)
from deadreckon.replay.audit.statement.collect import StatementCollector
from deadreckon.replay.audit.statement.document import full_statement
from deadreckon.replay.verify.audit_book import compare_projections
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK

Document = dict[str, Any]
FIGURES_ONLY = StatementRequest()


class EmptyDayError(StatementError):
    """You asked for the statement of a day of which the log has nothing."""

    exit_code = DifferenceError.exit_code


def progress_bar(shows: bool) -> Progress:
    """A bar on stderr, silent where nobody looks."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not shows,
        transient=True,
    )


@contextmanager
def progress_reporter(shows: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for a job of several parts: call it with (part, done, of)."""
    with progress_bar(shows) as bar:
        task = bar.add_task("", total=1)
        yield lambda part, done, end: bar.update(
            task, description=part, completed=done, total=end or 1
        )


async def audit_folder(
    data: Path,
    day: str | None,
    nats: str | None,
    *,
    shows: bool,
    book: str = BOOK,
    wanted: StatementRequest = FIGURES_ONLY,
) -> Document:
    """The statement of a folder's log, with what its projections have to say to it.

    What more is `wanted` is made on the way; the files are written when all of it is there.
    Raises StatementError and VenueFileError.
    """
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "audit.log")
    gathering = (
        StatementCollector(keeps_trades=wanted.venue is not None) if wanted.anything else None
    )
    async with open_bus(folder, nats) as bus:
        with progress_reporter(shows) as tell:
            found = await audit(
                bus,
                book,
                "paper",
                day,
                lambda done, end: tell("auditing", done, end),
                gathering,
            )
    document = statement(found, book, day)
    document["checks"]["projections"] = compare_projections(
        folder.audit, found.traded, document["last_sequence"], day, book
    )
    if gathering is not None:
        document |= _in_full(folder, found, gathering, document, wanted)
    return document


def _in_full(
    folder: Folder,
    found: Audit,
    gathering: StatementCollector,
    document: Document,
    wanted: StatementRequest,
) -> Document:
    """Write what is wanted; what there is to say of it beside the figures."""
    if not document["events"]:
        raise EmptyDayError(_nothing(found, document["day"]))
    full = full_statement(found, gathering, document, wanted.venue)
    told: Document = {"root": full["root"], "seal": seal_status(folder.root / "archive", full)}
    if wanted.venue is not None:
        told["venue_statement"] = full["venue_statement"]
    told["evidence_differences"] = full["checks"]["evidence_differences"]
    return told | {"written": write_statements(full, wanted.outputs)}


def _nothing(found: Audit, day: str) -> str:
    if found.first_at is None:
        return "the log has no events at all: nothing is written"
    reach = f"{day_of(found.first_at)} to {day_of(found.last_at)}"
    return f"the log has nothing of {day}, only of {reach}: nothing is written"
