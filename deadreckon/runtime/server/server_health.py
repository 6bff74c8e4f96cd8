"""A server that runs and can no longer write: what ails it, and whether a new start would help.

nats-server 2.15 does not recover by itself. After a failed write (disk full, read-only, I/O error)
it answers reads and leaves every append without an answer, for ever, room or not; and how much it
may keep in all it reckons once, when it starts: three quarters of what is free and its own.
"""

import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

ASK_WAIT = 2.0  # seconds; a server that is frozen is not ours to judge
# Bytes: two blocks, one of which is written anew when it is full. With less free a new server
# would soon be where the old one is.
ROOM = 16 * 1024 * 1024

T = TypeVar("T")


class _Error(Struct):
    error: str = ""


class _Settings(Struct, frozen=True):
    max_storage: int = 0


class _Store(Struct):
    storage: int = 0
    config: _Settings = _Settings()


def write_fault(monitoring: str, store: Path) -> str:
    """The reason why the server at a monitoring URL cannot write although its disk has room for the
    store; empty when it can, when there is no room, or when it does not say."""
    free = shutil.disk_usage(store if store.exists() else store.parent).free
    if free < ROOM:
        return ""
    failed = _ask(monitoring, "healthz", _Error).error
    if "write error" in failed:
        return failed
    kept = _ask(monitoring, "jsz?config=true", _Store)
    most = kept.config.max_storage
    if most and kept.storage >= most and (free + kept.storage) * 3 // 4 > most + ROOM:
        return f"it keeps {kept.storage:,} bytes and was started with room for {most:,}"
    return ""


def _ask(monitoring: str, page: str, kind: type[T]) -> T:
    try:
        with urllib.request.urlopen(f"{monitoring}/{page}", timeout=ASK_WAIT) as answer:
            body = answer.read()
    except urllib.error.HTTPError as answer:
        body = answer.read()
    except OSError:
        return kind()
    return msgspec.json.decode(body, type=kind)
