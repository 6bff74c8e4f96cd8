"""A folder's log from its first message on: live, archived, or the one behind the other."""

from pathlib import Path

from deadreckon.archive.location import FOLDER, has_archive, refuse_end
from deadreckon.archive.manifests import ArchiveError, read_chain
from deadreckon.runtime.log.bus import Bus, HoleError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.process import log_lines

log = log_lines.Logger()


async def whole_log(data: Path, live: Bus) -> Bus:
    """Return the log from its first message on: `live` itself if it has all of it, otherwise with
    the archive before it. Raises HoleError if the two do not meet."""
    info = await retry(live.info)
    if info.first <= 1:
        _refuse_cut(data, info.last)
        return live
    if not has_archive(data):
        raise HoleError(
            f"the log begins with message {info.first}, and what came before is not in "
            f"{data / FOLDER}: bring the archive back to there (docs/archive.md)"
        )
    from deadreckon.archive.spliced_log import with_archive  # polars; most starts need none

    return await with_archive(data, live)


def _refuse_cut(data: Path, last: int) -> None:
    """Check a complete log against its archive; damage to the archive is no reason not to
    go on with one that is."""
    try:
        chain = read_chain(data / FOLDER) if has_archive(data) else []
    except (ArchiveError, OSError) as error:
        log.warning("archive_unreadable", reason=str(error), next="`dr archive verify`")
        return
    refuse_end(chain[-1].last if chain else 0, last)


def archived_log(data: Path) -> Bus:
    """Open the log of a folder that is only an archive. Raises HoleError."""
    from deadreckon.archive.spliced_log import sealed_log  # polars; most starts need none

    return sealed_log(data)
