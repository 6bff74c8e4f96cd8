"""Verbs that a running stack runs in processes of their own, at the lowest priority.

Nothing that trades waits for them. Each ends with the stack, and may be killed at any moment.
"""

from asyncio.subprocess import PIPE

from msgspec import Struct

from deadreckon.runtime.process.child_process import ChildProcess, dr_command, dr_environment

NOT_STARTED = 126  # the code of a shell that cannot run a program
END_WAIT = 5.0  # seconds for a program to end in good order before it is killed


class VerbResult(Struct, frozen=True):
    """The result of a verb: its exit code, and what it printed on either output."""

    code: int
    output: str
    errors: str

    @property
    def reason(self) -> str:
        """The last line of its errors."""
        return self.errors.rpartition("\n")[2]


async def run_verb(*words: str) -> VerbResult:
    """Run `dr` with these words and wait for its end; one that cannot be started has failed."""
    try:
        child = await ChildProcess.start(
            dr_command(*words, polite=True), environment=dr_environment(), stdout=PIPE, stderr=PIPE
        )
    except OSError as error:  # no process to be had: those who trade need theirs
        return VerbResult(NOT_STARTED, "", str(error))
    printed, errors = await child.collect(END_WAIT)
    return VerbResult(child.code or 0, _text(printed), _text(errors))


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace").strip()
