"""A child process that never outlives its parent, not even one that was killed.

Linux signals the child when its parent dies, if the child asked for it before; a fork of a process
with threads may run next to nothing, hence a small program in between that asks and then becomes
the child. It also notices a parent that died before it could ask. Elsewhere the child finds out by
its closed connections.
"""

import os
import sys

_PROGRAM = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def dies_with_parent(command: list[str]) -> list[str]:
    """The command that runs `command` (an absolute program and its arguments) on a leash."""
    if not sys.platform.startswith("linux"):
        return command
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, str(os.getpid()), *command]
