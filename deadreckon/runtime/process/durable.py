"""Files that outlive a power cut: the one place where state files are written, forced to disk,
renamed and deleted.

Without a power cut the order of these steps does not matter, which is why tests put another `Disk`
in: one that knows what would be left after each of them (tests/support/power_cut.py).
"""

import os
from collections.abc import Iterable
from pathlib import Path

Content = bytes | memoryview

PRIVATE = 0o600
# Whoever may enter the data folder may read views, archive and tapes.
SHARED, SHARED_FOLDER = 0o644, 0o755


class Disk:
    """Operations on files as the system does them, in the order in which they are asked for."""

    def write(self, path: Path, content: Iterable[Content], mode: int) -> None:
        """Write a file anew, piece by piece; nothing of it need be on disk yet."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(handle, "wb", buffering=0) as file:
            os.fchmod(file.fileno(), mode)
            for piece in content:
                _write_all(file.fileno(), piece)

    def append(self, path: Path, content: Content) -> None:
        """Add to the end of a file, made for its owner alone if it is missing."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
        with open(handle, "ab", buffering=0) as file:
            _write_all(file.fileno(), content)

    def sync(self, path: Path) -> None:
        """Force the content of a file to disk, or the names in a folder."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file or folder another name, in place of what has that name."""
        os.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name. Raises FileExistsError."""
        os.link(source, target)

    def unlink(self, path: Path) -> None:
        """Delete a name, if it is there."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path, mode: int) -> None:
        """Make a folder. Raises FileExistsError."""
        path.mkdir(mode=mode)


disk = Disk()


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to disk."""
    disk.sync(path)


def sync_all(folder: Path) -> None:
    """Force everything under a folder to disk, and its own name."""
    for path in (*folder.rglob("*"), folder, folder.parent):
        if path.is_file() or path.is_dir():
            sync(path)


def write(path: Path, *content: Content, mode: int = PRIVATE) -> None:
    """Write a file and force its content to disk, but not its name."""
    write_pieces(path, content, mode=mode)


def write_pieces(path: Path, content: Iterable[Content], mode: int = PRIVATE) -> None:
    """Write a file of many pieces and force its content to disk, but not its name."""
    disk.write(path, content, mode)
    disk.sync(path)


def move(source: Path, target: Path) -> None:
    """Move a file whose content is on disk; the name, too, is when this returns."""
    disk.rename(source, target)
    disk.sync(target.parent)


def replace(path: Path, content: Content, mode: int = PRIVATE) -> None:
    """Replace a file: whatever happens, a reader finds the old content or the new, and the new once
    this has returned."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        write(unfinished, content, mode=mode)
        move(unfinished, path)
    finally:
        disk.unlink(unfinished)


def append(path: Path, content: Content) -> None:
    """Add to a file, on disk when this returns."""
    new = not path.exists()
    disk.append(path, content)
    disk.sync(path)
    if new:
        disk.sync(path.parent)


def remove(path: Path) -> None:
    """Delete a file, if it is there, for good when this returns."""
    if path.is_symlink() or path.exists():
        disk.unlink(path)
        disk.sync(path.parent)


def make_folders(path: Path, mode: int = 0o700) -> None:
    """Make a folder and those above it that are missing, on disk when this returns."""
    missing = [each for each in (path, *path.parents) if not each.is_dir()]
    for folder in reversed(missing):
        try:
            disk.make_folder(folder, mode)
        except FileExistsError:
            if not folder.is_dir():
                raise
            continue  # another process was faster
        disk.sync(folder.parent)


def _write_all(handle: int, content: Content) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]
