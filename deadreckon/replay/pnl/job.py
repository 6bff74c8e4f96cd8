"""The PnL of an archive as a verb asks for it."""

from pathlib import Path
from typing import Any

from deadreckon.replay.archive.place import FOLDER
from deadreckon.replay.archive.segments import Archive
from deadreckon.replay.pnl.document import profit
from deadreckon.runtime.folder import Folder
from deadreckon.stack.assembly import BOOK
from deadreckon.stack.auditing import progress_told


async def archived_profit(
    data: Path, day: str | None, *, shows: bool, book: str = BOOK
) -> dict[str, Any]:
    """The document of a day or of everything that is sealed; it needs no server, and takes no lock.

    Raises FolderError, NotSealedError, ArchiveError and ImpossibleFillError.
    """
    archive = Archive(Folder(data).check().root / FOLDER)
    with progress_told(shows) as told:
        return profit(archive, book, day, lambda done, end: told("folding ranges", done, end))
