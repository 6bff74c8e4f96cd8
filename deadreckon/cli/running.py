"""Runner of a verb's job: orderly interrupts; expected errors become one line and an exit code."""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from deadreckon.cli.app import EXIT_INTERRUPTED, fail
from deadreckon.contracts.errors import ExpectedError
from deadreckon.runtime.process import log_lines

T = TypeVar("T")


def run(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine and return its result; end in one line on stderr for expected errors."""
    gc.freeze()  # what was imported stays for good: no collection has to look at it again
    return run_sync(lambda: asyncio.run(job()))


def run_sync(job: Callable[[], T]) -> T:
    """Run a function and return its result; end in one line on stderr for expected errors."""
    log_lines.configure(level=logging.WARNING)
    try:
        return job()
    except KeyboardInterrupt:
        fail("interrupted", EXIT_INTERRUPTED)
    except ExpectedError as error:
        fail(str(error), error.exit_code)
