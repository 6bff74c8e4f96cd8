"""The audit as a verb runs it: with progress, and with a look at what the projections say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deadreckon.replay.audit import audit
from deadreckon.replay.statement import statement
from deadreckon.runtime import logs
from deadreckon.runtime.folder import Folder
from deadreckon.stack.assembly import BOOK
from deadreckon.stack.book_check import compare_projections
from deadreckon.stack.host import open_bus

Document = dict[str, Any]


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
def progress_told(shows: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for a job of several parts: call it with (part, done, of)."""
    with progress_bar(shows) as bar:
        task = bar.add_task("", total=None)
        yield lambda part, done, end: bar.update(
            task, description=part, completed=done, total=end or 1
        )


async def audited(
    data: Path, day: str | None, nats: str | None, *, shows: bool, book: str = BOOK
) -> Document:
    """The statement of a folder's log, with what its projections have to say to it."""
    folder = Folder(data).check()
    logs.configure(folder.logs / "audit.log")
    async with open_bus(folder, nats) as bus:
        with progress_bar(shows) as bar:
            task = bar.add_task("auditing", total=(await bus.info()).last or 1)
            found = await audit(
                bus,
                book,
                "paper",
                day,
                lambda done, end: bar.update(task, completed=done, total=end),
            )
    document = statement(found, book, day)
    document["checks"]["projections"] = compare_projections(
        folder.audit, found.traded, document["last_sequence"], day, book
    )
    return document
