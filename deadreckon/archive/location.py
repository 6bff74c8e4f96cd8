"""The folder of an archive, without opening it: most starts need no more."""

from pathlib import Path

FOLDER = "archive"  # under a data folder


def has_archive(data: Path) -> bool:
    """Tell whether anything was sealed in a folder."""
    return any((data / FOLDER / "manifests").glob("*.json"))


def is_archive_only(data: Path) -> bool:
    """Tell whether a folder holds an archive and no server ever kept a log in it, such as the
    result of a what-if. A folder that has lost its store is not one: the end of its log is
    missing."""
    return has_archive(data) and not (data / "nats" / "lock").exists()
