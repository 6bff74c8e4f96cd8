"""A secret made at the first run and kept in a file only its owner may read."""

import os
import secrets
import stat
from pathlib import Path


class ExposedSecretError(Exception):
    """You keep a secret where others may read it; the message says what to do."""


def kept_secret(path: Path) -> str:
    """The secret in this file, made now if there is none. Raises ExposedSecretError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with open(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    return _read(path)


def _read(path: Path) -> str:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ExposedSecretError(
            f"{path} can be read by others: delete it for a new secret, or chmod 600 it"
        )
    return path.read_text("ascii").strip()
