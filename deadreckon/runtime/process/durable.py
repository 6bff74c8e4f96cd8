"""Files and names that outlive a power failure: forced to disk."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(folder: Path) -> None:
    """Force everything under a folder to disk, and its own name."""
    for path in (*folder.rglob("*"), folder, folder.parent):
        if path.is_file() or path.is_dir():
            sync(path)
