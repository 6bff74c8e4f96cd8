"""Job of `dr replay asof`: the book at a point of a folder's log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deadreckon.archive.open_log import open_bus
from deadreckon.replay.asof import KnownAs, asof, document, parse_log_point
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK

ANCHORS_FOLDER = "asof"  # folder of the anchors, which may be deleted at any time
PROGRESS_FROM = 20_000  # messages to read from which on a progress bar is shown


async def book_asof(
    data: Path,
    place: str,
    *,
    known: KnownAs,
    nats: str | None,
    shows: bool,
    book: str = DEFAULT_BOOK,
) -> dict[str, Any]:
    """Compute the document of the book at a point of a folder's log; anchors are saved in the
    folder.

    Raises LogPointError.
    """
    asked = parse_log_point(place)
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "asof.log")
    cache = folder.root / ANCHORS_FOLDER
    async with open_bus(folder, nats) as bus:
        with _progress(shows) as progress:
            found = await asof(bus, asked, cache, book=book, known=known, progress=progress)
    return document(found, place, book, known)


@contextmanager
def _progress(shows: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on a terminal, once there are many messages to read."""
    if not shows:
        yield None
        return
    from deadreckon.replay.opening import progress_bar  # late: it takes a sixth of a second

    with progress_bar(shows) as tell:
        yield lambda done, end: tell("reading", done, end) if end > PROGRESS_FROM else None
