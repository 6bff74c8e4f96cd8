"""Runner of a verb's job: orderly interrupts; expected errors become one line and an exit code."""

import asyncio
import errno
import gc
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from deadreckon.cli.app import EXIT_INTERRUPTED, fail
from deadreckon.contracts.errors import ExpectedError
from deadreckon.runtime.process import log_lines

# What a disk or an owner does to any file; other errors of the system are bugs of this program.
WORLDS_FAULTS = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENAMETOOLONG,
}

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
    except OSError as error:
        if error.errno not in WORLDS_FAULTS or error.filename is None:
            raise
        fail(f"{error.filename}: {error.strerror}")
