"""Log lines: events of the process, not of the trade; JSON unless a person reads them."""

import logging
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TextIO, cast

import msgspec

from deadreckon.runtime.process import crash_stacks


class Logger:
    """Logger of this process, which imports structlog with the first line that is written: most
    verbs write none, and it takes a tenth of a second."""

    level: ClassVar[int] = logging.NOTSET
    _configure: ClassVar[partial[None] | None] = None  # still to be done

    def __getattr__(self, name: str) -> Any:
        if getattr(logging, name.upper(), logging.ERROR) < Logger.level:
            return _write_nothing
        import structlog

        Logger.apply()
        return getattr(structlog.get_logger(), name)

    @classmethod
    def set(cls, configure: "partial[None]", level: int) -> None:
        """Use a configuration from now on, or from when structlog is imported."""
        cls.level, cls._configure = level, configure
        if "structlog" in sys.modules:
            cls.apply()

    @classmethod
    def apply(cls) -> None:
        """Apply the configuration that waits for structlog."""
        waiting, cls._configure = cls._configure, None
        if waiting is not None:
            waiting()


def _write_nothing(*_: object, **__: object) -> None:
    """Stand for a line below the level that is written."""


def configure(path: Path | None = None, level: int = logging.INFO) -> None:
    """Write log lines to `path`, or to stderr: readable on a terminal, JSON otherwise.

    The stacks of a crash go to standard error or beside the path, where those of an earlier crash
    are logged.
    """
    target = None if path is None else cast(TextIO, _Lines(path))  # all that a logger asks of one
    Logger.set(partial(_configure, target, path is None and sys.stderr.isatty(), level), level)
    if path is None:
        crash_stacks.report_on_stderr()
    else:
        report_crashes(path.with_suffix(crash_stacks.SUFFIX))


def report_crashes(path: Path) -> None:
    """Write the stacks of a crash of this process to a file, and log one that is in it already."""
    if crash_stacks.report_in(path):
        Logger().error(
            "crashed_before",
            stacks=str(path),
            next="keep the file for whoever mends it, then delete it: docs/runbook.md",
        )


def _configure(target: TextIO | None, readable: bool, level: int) -> None:
    import structlog

    renderer = (
        structlog.dev.ConsoleRenderer()
        if readable
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # stderr as it is when a line is written: it may have been replaced and closed since.
        logger_factory=lambda *_: structlog.PrintLogger(target or sys.stderr),
        cache_logger_on_first_use=False,
    )


def unique_name(what: str) -> str:
    """Return a unique name for something this process does once; nothing is decided on it."""
    return f"{what}-{time.time_ns():x}"


class _Lines:
    """File of log lines.

    A line that the disk does not take is lost: that is no reason to stop, least of all while
    reporting that the disk is full.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._file.write(text.encode())
        return len(text)

    def flush(self) -> None:
        """Do nothing: no line is buffered."""


def _json(fields: object, **_: object) -> str:
    return msgspec.json.encode(fields, enc_hook=str).decode()
