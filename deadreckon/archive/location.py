"""The folder of an archive, without opening it: most starts need no more."""

from pathlib import Path

from deadreckon.runtime.log.bus import HoleError

FOLDER = "archive"  # under a data folder


def has_archive(data: Path) -> bool:
    """Tell whether anything was sealed in a folder."""
    return any((data / FOLDER / "manifests").glob("*.json"))


def is_archive_only(data: Path) -> bool:
    """Tell whether a folder holds an archive and no server ever kept a log in it, such as the
    result of a what-if. A folder that has lost its store is not one: the end of its log is
    missing."""
    return has_archive(data) and not (data / "nats" / "lock").exists()


def refuse_end(sealed: int, last: int) -> None:
    """Raise HoleError if the log ends at `last`, before the end of what was sealed."""
    if sealed > last:
        raise HoleError(
            f"the log ends at {last}, but messages up to {sealed} were sealed: the log was cut or "
            f"is another one; restore it from a copy"
        )
