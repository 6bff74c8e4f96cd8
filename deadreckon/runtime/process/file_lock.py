"""Locks that processes take on files; the kernel lets go of them when a process ends, however."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deadreckon.contracts.errors import OperationalError
from deadreckon.runtime.process import durable


class LockedError(OperationalError):
    """You tried to take a lock that another process holds; `holder` is its process id, or empty
    where it left none."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by another process; wait until it is done")
        self.holder = holder


@contextmanager
def file_lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a file, made if it is missing, for as long as the block runs.

    The holder's process id stands in the file for that time. Raises LockedError at once when
    another process (or another block of this one) holds it, unless it is waited for.
    """
    durable.make_folders(path.parent, durable.SHARED_FOLDER)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not take(handle, wait=wait):
            raise LockedError(path, os.pread(handle, 32, 0).decode("ascii", "replace").strip())
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        try:
            yield
        finally:
            os.truncate(handle, 0)
    finally:
        os.close(handle)


def take(handle: int, *, wait: bool = False) -> bool:
    """Take the lock of an open file; false when another process holds it.

    It is released when the last handle of the same opening is closed: one that a child inherits
    keeps it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(path: Path) -> int | None:
    """Return the process that holds a file's lock (0 when it left no id); null when none does."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(handle, 32, 0).decode("ascii", "replace").strip() or 0)
    finally:
        os.close(handle)
    return None
