"""Runs a verb's coroutine with orderly interrupts, and turns faults into one line and a code."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from deadreckon.cli.app import EXIT_INTERRUPTED, EXIT_USAGE, fail
from deadreckon.contracts.codec import UndecodableError
from deadreckon.projections.sink import SinkError
from deadreckon.replay.play import TapeMismatchError
from deadreckon.replay.tapes.tape import TapeError
from deadreckon.runtime import logs
from deadreckon.runtime.binary import MissingServerError
from deadreckon.runtime.bus import (
    ConfigurationError,
    DeniedError,
    HoleError,
    UnavailableError,
)
from deadreckon.runtime.credentials import CredentialError
from deadreckon.runtime.domain import AlienMessageError, FencedOutError
from deadreckon.runtime.folder import FolderBusyError, FolderError
from deadreckon.runtime.recollection import RecollectionError
from deadreckon.runtime.secret import ExposedSecretError
from deadreckon.runtime.server import ServerFailedError, StoreLockedError
from deadreckon.runtime.snapshots import SnapshotAheadError
from deadreckon.stack.loopback import PortBusyError
from deadreckon.stack.reading_views import NoViewsError
from deadreckon.stack.views import AheadError
from deadreckon.stack.workers import WorkerError

T = TypeVar("T")

USAGE = (TapeError, TapeMismatchError, FolderError)
WORLD = (
    AheadError,
    AlienMessageError,
    ConfigurationError,
    CredentialError,
    DeniedError,
    ExposedSecretError,
    FencedOutError,
    FolderBusyError,
    HoleError,
    MissingServerError,
    NoViewsError,
    PortBusyError,
    RecollectionError,
    ServerFailedError,
    SinkError,
    SnapshotAheadError,
    StoreLockedError,
    UnavailableError,
    UndecodableError,
    WorkerError,
)


def run(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The coroutine's result; what went wrong outside ends in one line on stderr."""
    logs.configure(level=logging.WARNING)
    try:
        return asyncio.run(job())
    except KeyboardInterrupt:
        fail("interrupted", EXIT_INTERRUPTED)
    except USAGE as error:
        fail(str(error), EXIT_USAGE)
    except WORLD as error:
        fail(str(error))
