"""Base classes of the errors that end a verb in one line on stderr, each with its exit code.

An error without one of these bases is a bug: it ends the process with a traceback.
"""

from typing import ClassVar


class ExpectedError(Exception):
    """A fault of the caller or of the world, foreseen by the program."""

    exit_code: ClassVar[int] = 3


class DifferenceError(ExpectedError):
    """Your request is refused by what the log says, or something differs from it."""

    exit_code = 1


class UsageError(ExpectedError):
    """You asked for something that cannot be done as asked; the message says what to change."""

    exit_code = 2


class OperationalError(ExpectedError):
    """Something outside the program failed: a disk, a server, a process, another program."""

    exit_code = 3
