"""Verbs that a running stack has done by programs of their own, at the lowest priority.

Nobody who trades waits for them. Each ends with the stack, and may be killed at any moment.
"""

import asyncio
import os
import shutil
import sys

from msgspec import Struct

from deadreckon.runtime.process.child_process import dies_with_parent
from deadreckon.runtime.process.source_tree import ROOT

NOT_STARTED = 126  # the code of a shell that cannot run a program
END_WAIT = 5.0  # seconds for a program to end in good order before it is made to


class VerbResult(Struct, frozen=True):
    """How a verb ended: its exit code, and what it printed on either output."""

    code: int
    said: str
    errors: str

    @property
    def reason(self) -> str:
        """The last line of its errors."""
        return self.errors.rpartition("\n")[2]


async def run_verb(*words: str) -> VerbResult:
    """Run `dr` with these words, and wait for its end; one that cannot be started has failed."""
    polite = shutil.which("nice")
    command = [*([polite, "-n", "19"] if polite else []), sys.executable, "-m", "deadreckon"]
    root = str(ROOT)
    try:
        child = await asyncio.create_subprocess_exec(
            *dies_with_parent([*command, *words]),
            env=dict(os.environ, PYTHONPATH=root, PYTHONSAFEPATH="1"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:  # no process to be had: those who trade need theirs
        return VerbResult(NOT_STARTED, "", str(error))
    try:
        said, errors = await child.communicate()
    finally:
        if child.returncode is None:
            await _end(child)
    return VerbResult(child.returncode or 0, _text(said), _text(errors))


async def _end(child: asyncio.subprocess.Process) -> None:
    child.terminate()
    try:
        await asyncio.wait_for(child.wait(), END_WAIT)
    except TimeoutError:
        child.kill()
        await child.wait()


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace").strip()
