"""The audit as a verb runs it: with progress, and with a look at what the projections say."""

import sqlite3
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deadreckon.replay.audit import audit
from deadreckon.replay.statement import statement
from deadreckon.runtime import logs
from deadreckon.runtime.folder import Folder
from deadreckon.stack.assembly import BOOK
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
    document["checks"]["projections"] = compare_projections(folder.audit, document, day, book)
    return document


def compare_projections(path: Path, document: Document, day: str | None, book: str) -> Document:
    """Whether the audit book, if there is one, knows the same fills and realised PnL.

    It is read after the figures are made and changes none of them.
    """
    if not path.exists():
        return {"agree": None, "says": "there is no audit book to compare with"}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        place = connection.execute("SELECT min(place) FROM _projection").fetchone()[0] or 0
        differences = _differences(connection, document, day, book)
    if day is None and place < document["last_sequence"]:
        says = f"the audit book has read {place} of {document['last_sequence']} messages"
        return {"agree": None, "says": says}
    if differences:
        return {"agree": False, "says": "; ".join(differences)}
    return {"agree": True, "says": "the audit book agrees"}


def _differences(
    connection: sqlite3.Connection, document: Document, day: str | None, book: str
) -> list[str]:
    found = []
    fills = _count_fills(connection, day, book)
    if fills != document["fills"]:
        found.append(f"the audit book has {fills} fills, the log {document['fills']}")
    if day is None:
        found += _position_differences(connection, document, book)
    return found


def _count_fills(connection: sqlite3.Connection, day: str | None, book: str) -> int:
    from deadreckon.contracts.moments import DAY, day_start

    where, values = "book = ?", [book]
    if day is not None:
        where += " AND at >= ? AND at < ?"
        values += [day_start(day), day_start(day) + DAY]  # type: ignore[list-item]
    row = connection.execute(f"SELECT count(*) FROM fills WHERE {where}", values).fetchone()
    return int(row[0])


def _position_differences(
    connection: sqlite3.Connection, document: Document, book: str
) -> list[str]:
    rows = connection.execute(
        "SELECT strategy, venue, instrument, quantity FROM positions WHERE book = ?", (book,)
    )
    theirs = {row[:3]: row[3] for row in rows}
    ours = {
        (row["strategy"], row["venue"], row["instrument"]): row["closing_quantity"]
        for row in document["positions"]
    }
    return [
        f"{'/'.join(key)}: the audit book holds {theirs.get(key)}, the log {ours.get(key)}"
        for key in sorted(set(ours) | set(theirs))
        if theirs.get(key) != ours.get(key)
    ]
