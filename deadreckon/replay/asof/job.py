"""Job of `dr replay asof`: the book at a point of a folder's log."""

from pathlib import Path

from deadreckon.replay.asof import AsofDocument, KnownAs, asof, document, parse_log_point
from deadreckon.replay.opening import open_log
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK

ANCHORS_FOLDER = "asof"  # folder of the anchors, which may be deleted at any time
PROGRESS_FROM = 20_000  # messages to read from which on progress is shown


async def book_asof(
    data: Path,
    point: str,
    *,
    known: KnownAs,
    nats: str | None,
    shows: bool,
    book: str = DEFAULT_BOOK,
) -> AsofDocument:
    """Compute the book at a point of a folder's log; anchors are saved in the folder.

    Raises LogPointError.
    """
    asked = parse_log_point(point)
    async with open_log(data, nats, "asof", shows=shows) as opened:

        def progress(done: int, end: int) -> None:
            if end > PROGRESS_FROM:
                opened.progress("reading", done, end)

        cache = opened.folder.root / ANCHORS_FOLDER
        found = await asof(opened.bus, asked, cache, book=book, known=known, progress=progress)
    return document(found, point, book, known)
