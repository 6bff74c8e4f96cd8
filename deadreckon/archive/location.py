"""Where a data folder keeps its archive, told without opening it: most starts need no more."""

from pathlib import Path

from deadreckon.runtime.log.bus import Bus, HoleError
from deadreckon.runtime.log.domain import retry

FOLDER = "archive"  # under a data folder


def has_archive(data: Path) -> bool:
    """Whether something was sealed in a folder."""
    return any((data / FOLDER / "manifests").glob("*.json"))


def is_archive_only(data: Path) -> bool:
    """Whether a folder holds an archive and no server ever kept a log in it: a what-if's result,
    for one. One that has lost its store is none: the end of its log is not in the archive."""
    return has_archive(data) and not (data / "nats" / "lock").exists()


async def whole_log(data: Path, live: Bus) -> Bus:
    """The folder's log from its first message on: `live` itself where it has all of it, else with
    the archive before it. Raises HoleError where the two do not make one log."""
    if has_archive(data):
        from deadreckon.archive.spliced_log import with_archive

        return await with_archive(data, live)
    info = await retry(live.info)
    if info.first > 1:
        raise HoleError(
            f"the log begins with message {info.first}, and what came before is not in "
            f"{data / FOLDER}: bring the archive back to there (docs/archive.md)"
        )
    return live


def archived_log(data: Path) -> Bus:
    """The log of a folder that is an archive only. Raises HoleError."""
    from deadreckon.archive.spliced_log import sealed_log

    return sealed_log(data)
