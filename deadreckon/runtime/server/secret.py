"""Secret that is created at the first run and kept in a file that only its owner may read."""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from deadreckon.contracts.errors import OperationalError
from deadreckon.runtime.process import durable


class ExposedSecretError(OperationalError):
    """You keep a secret where others may read it; the message says what to do."""


def read_or_create_secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in this file, created if there is none. Raises ExposedSecretError."""
    if not path.exists():
        # Whole or not there at all, whoever is killed meanwhile; and the first of two who make one
        # wins.
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        durable.write(unfinished, f"{make()}\n".encode())
        with contextlib.suppress(FileExistsError):
            durable.disk.link(unfinished, path)
        durable.disk.unlink(unfinished)
        durable.sync(path.parent)
    return read_secret(path)


def read_secret(path: Path) -> str:
    """Read the secret in this file. Raises ExposedSecretError, or OSError when there is none."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ExposedSecretError(
            f"{path} can be read by others: delete it for a new secret, or chmod 600 it"
        )
    return path.read_text("ascii").strip()
