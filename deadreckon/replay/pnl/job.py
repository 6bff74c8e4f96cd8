"""The PnL of an archive as a verb asks for it."""

from pathlib import Path
from typing import Any

from deadreckon.archive.location import FOLDER
from deadreckon.archive.segments import Archive
from deadreckon.replay.audit.job import progress_reporter
from deadreckon.replay.pnl.document import sealed_pnl
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK


async def archive_pnl(
    data: Path, day: str | None, *, shows: bool, book: str = BOOK
) -> dict[str, Any]:
    """The document of a day or of everything that is sealed; it needs no server, and takes no lock.

    Raises FolderError, NotSealedError, ArchiveError and ImpossibleFillError.
    """
    archive = Archive(Folder(data).check().root / FOLDER)
    with progress_reporter(shows) as told:
        return sealed_pnl(archive, book, day, lambda done, end: told("folding ranges", done, end))
