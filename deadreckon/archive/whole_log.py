"""A folder's log from its first message on: live, archived, or the one behind the other."""

from pathlib import Path

from deadreckon.archive.location import FOLDER, has_archive
from deadreckon.runtime.log.bus import Bus, HoleError
from deadreckon.runtime.log.domain import retry


async def whole_log(data: Path, live: Bus) -> Bus:
    """Return the log from its first message on: `live` itself if it has all of it, otherwise with
    the archive before it. Raises HoleError if the two do not meet."""
    if has_archive(data):
        from deadreckon.archive.spliced_log import with_archive  # polars; most starts need none

        return await with_archive(data, live)
    info = await retry(live.info)
    if info.first > 1:
        raise HoleError(
            f"the log begins with message {info.first}, and what came before is not in "
            f"{data / FOLDER}: bring the archive back to there (docs/archive.md)"
        )
    return live


def archived_log(data: Path) -> Bus:
    """Open the log of a folder that is only an archive. Raises HoleError."""
    from deadreckon.archive.spliced_log import sealed_log  # polars; most starts need none

    return sealed_log(data)
