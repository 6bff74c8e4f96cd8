"""Programs started as child processes: ended by their own id, and never outliving this process.

Linux signals a child when its parent dies, if the child asked for it before; a fork of a process
with threads may run next to nothing, hence a small program in between that asks and then becomes
the child. It also notices a parent that died before it could ask. Elsewhere the child finds out by
its closed connections.
"""

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from deadreckon.runtime.process.source_tree import ROOT

STOP_SECONDS = 10.0  # for a process to end in good order before it is killed

_PROGRAM = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""

Output = int | IO[bytes]  # DEVNULL, PIPE, a file descriptor or a file


class ChildFailedError(Exception):
    """You started a program that ended, or printed nothing in time, before it was ready."""


class ChildProcess:
    """A running child process. Only this object ends it, by its process id."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: Output = DEVNULL,
        stdout: Output | None = DEVNULL,
        stderr: Output | None = None,
        pass_fds: Sequence[int] = (),
    ) -> "ChildProcess":
        """Start a program (an absolute path and its arguments) that ends when this process does.

        It runs in a session of its own: Ctrl-C in a terminal reaches this process alone, which
        ends its children in order. `stdout` and `stderr` go where ours go when they are null.
        Raises OSError when there is no process to be had.
        """
        process = await asyncio.create_subprocess_exec(
            *dies_with_parent(list(command)),
            env=None if environment is None else dict(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, negative for the signal that ended it; null while it runs."""
        return self.process.returncode

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """The stream of its output, when it was started with PIPE as `stdout`."""
        return self.process.stdout

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """The stream of its input, when it was started with PIPE as `stdin`."""
        return self.process.stdin

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; one that has ended gets none."""
        if self.code is None:
            with suppress(ProcessLookupError):  # it ended just now, and was not waited for yet
                self.process.send_signal(number)

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return await self.process.wait()

    async def first_line(self, seconds: float) -> bytes:
        """Read the line by which the child reports that it is ready, from an `stdout` that is PIPE.

        Raises ChildFailedError when none comes within `seconds`; the child is killed then, as it is
        when the waiting is cancelled.
        """
        assert self.process.stdout is not None, "started with PIPE as stdout"
        line = b""
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), seconds)
        except TimeoutError:
            raise ChildFailedError(f"it printed nothing within {seconds:g} seconds") from None
        finally:
            if not line:
                await self.kill()
        if not line:
            raise ChildFailedError(f"it ended with code {self.code}")
        return line

    async def collect(self, seconds: float = STOP_SECONDS) -> tuple[bytes, bytes]:
        """Wait for its end; returns what it printed on stdout and on stderr, where they are PIPE.

        A child whose waiting is cancelled is stopped, and killed after `seconds`.
        """
        try:
            return await self.process.communicate()
        finally:
            await self.stop(seconds)

    async def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End it: SIGTERM, and SIGKILL after `seconds`. Returns whether it had to be killed; does
        nothing when it has ended."""
        if self.code is not None:
            return False
        self.send(signal.SIGTERM)
        waiting = asyncio.ensure_future(self.wait())
        try:
            ended, _ = await asyncio.wait({waiting}, timeout=seconds)
        finally:
            waiting.cancel()
        if not ended:
            await self.kill()
        return not ended

    async def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does, and wait for its end."""
        if self.code is None:
            self.send(signal.SIGKILL)
            await self.wait()


def dies_with_parent(command: list[str]) -> list[str]:
    """Return the command that runs `command` (an absolute program and its arguments) and ends it by
    SIGTERM when this process dies, on Linux."""
    if not sys.platform.startswith("linux"):
        return command
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, str(os.getpid()), *command]


def dr_command(*words: str, polite: bool = False) -> list[str]:
    """Return the command that runs `dr` with these arguments, by this interpreter; at the lowest
    priority when `polite`."""
    nice = shutil.which("nice") if polite else None
    return [*([nice, "-n", "19"] if nice else []), sys.executable, "-m", "deadreckon", *words]


def dr_environment(root: Path = ROOT, **more: str) -> dict[str, str]:
    """Return our environment, for a Python that imports the program under `root` and nothing that
    lies in the working directory."""
    return dict(os.environ, PYTHONPATH=str(root), PYTHONSAFEPATH="1", **more)


def last_line(file: Path) -> str:
    """Return the last line of a file of log lines, for an error message."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        lines = []
    return lines[-1] if lines else f"nothing was written to {file}"
