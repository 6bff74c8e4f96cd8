"""Atomic file replacement for files with concurrent readers, and the lock that admits one
writer."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deadreckon.projections.sinks.sink import BusyError
from deadreckon.runtime.process import killpoints


@contextmanager
def alone(lock: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file while the block runs; the system releases it when the process dies.

    Raises BusyError at once when another process holds it and `wait` is false.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(handle, lock, wait)
        yield
    finally:
        os.close(handle)


def _take(handle: int, lock: Path, wait: bool) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(f"{lock} is held by another process; wait until it is done") from None


def replace_bytes(path: Path, content: bytes) -> None:
    """Replace a file's contents: a reader finds the old or the new, never a part."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    killpoints.passed("lake-manifest", path.name)
    beside.replace(path)


def replace_link(link: Path, target: Path) -> None:
    """Point a symbolic link to another file atomically; relative, so that the folder may be
    moved."""
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.relpath(target, link.parent))
    beside.replace(link)
