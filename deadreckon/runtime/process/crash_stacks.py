"""Python stacks of a process that the interpreter could not keep alive: a segmentation fault and
its like, which leave no traceback of their own."""

import faulthandler
import os
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path

SUFFIX = ".crash"
INHERITED = "PYTHONFAULTHANDLER"  # Python processes started by this one say it on stderr

_kept: list[FileIO] = []  # open for as long as the process lives: a crash writes to its descriptor


def report_on_stderr() -> None:
    """Write the stacks of all threads to standard error if this process, or a Python process that
    it starts, crashes."""
    os.environ.setdefault(INHERITED, "1")
    with suppress(AttributeError, OSError, RuntimeError):  # there may be no standard error
        faulthandler.enable(sys.stderr)


def report_in(path: Path) -> bool:
    """Write them to the end of a file from now on; returns whether stacks of an earlier crash are
    in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = FileIO(path, "a")
    faulthandler.enable(file)
    while _kept:
        _kept.pop().close()
    _kept.append(file)
    return path.stat().st_size > 0


def found(folder: Path) -> list[Path]:
    """List the files in a folder of logs that hold stacks of a crash; they stay until they are
    deleted."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.stat().st_size > 0)
