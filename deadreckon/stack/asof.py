"""The book at a place of a folder's log, as a verb asks for it."""

from pathlib import Path
from typing import Any

from deadreckon.replay.asof import Known, asof, document, parse_place
from deadreckon.runtime import logs
from deadreckon.runtime.folder import Folder
from deadreckon.stack.assembly import BOOK
from deadreckon.stack.auditing import progress_told
from deadreckon.stack.host import open_bus

ANCHORS = "asof"  # the folder of the anchors, which may be deleted at any time
NOTICED = 20_000  # messages to read from which on somebody wants to see how far it is


async def book_asof(
    data: Path, place: str, *, known: Known, nats: str | None, shows: bool, book: str = BOOK
) -> dict[str, Any]:
    """The document of the book at a place of a folder's log; anchors are kept in the folder.

    Raises PlaceError.
    """
    asked = parse_place(place)
    folder = Folder(data).check()
    logs.configure(folder.logs / "asof.log")
    async with open_bus(folder, nats) as bus:
        with progress_told(shows) as tell:

            def progress(done: int, end: int) -> None:
                if end > NOTICED:
                    tell("reading", done, end)

            found = await asof(
                bus, asked, folder.root / ANCHORS, book=book, known=known, progress=progress
            )
    return document(found, place, book)
