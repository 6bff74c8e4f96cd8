"""Runs a verb's coroutine with orderly interrupts, and turns faults into one line and a code."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from deadreckon.cli.app import EXIT_INTERRUPTED, EXIT_USAGE, fail
from deadreckon.runtime.process import log_lines

T = TypeVar("T")


def run(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The coroutine's result; what went wrong outside ends in one line on stderr."""
    return run_sync(lambda: asyncio.run(job()))


def run_sync(job: Callable[[], T]) -> T:
    """The same for a job that needs no event loop."""
    log_lines.configure(level=logging.WARNING)
    try:
        return job()
    except KeyboardInterrupt:
        fail("interrupted", EXIT_INTERRUPTED)
    except _usage() as error:
        fail(str(error), EXIT_USAGE)
    except _world() as error:
        fail(str(error))


def _usage() -> tuple[type[Exception], ...]:
    """What a user can mend; asked only once something has failed."""
    from deadreckon.cli.faults import USAGE

    return USAGE


def _world() -> tuple[type[Exception], ...]:
    from deadreckon.cli.faults import WORLD

    return WORLD
