"""A process that asks again, as the verb sees it: fed with the log, heard at its end."""

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from deadreckon.contracts.errors import OperationalError
from deadreckon.replay.rerun.job.checkout import Checkout
from deadreckon.replay.rerun.job.protocol import (
    MODULE,
    PROTOCOL,
    Hello,
    RefusedTask,
    Reply,
    RerunTask,
    decode_line,
    pack_task,
)

STDERR_SHOWN = 2_000  # characters of what a process that failed has left on standard error


class OtherCodeError(OperationalError):
    """You asked code that could not answer; the message has its last words."""


class RerunProcess:
    """One process with one task. `hello` and `answer` are there once it has ended."""

    def __init__(self, code: Checkout, task: RerunTask) -> None:
        self._code = code
        self._task = task
        self.closed = False
        self.hello: Hello
        self.answer: Reply

    async def start(self) -> None:
        """Start it and give it the task."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._code.environment,
        )
        self._heard = asyncio.gather(_all(self._process.stdout), _all(self._process.stderr))
        await self.feed(pack_task(self._task))

    async def feed(self, content: bytes) -> None:
        """More of the log; nothing for one that needs no more."""
        if self.closed or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(content)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True

    def close(self) -> None:
        """Tell it that the log ends."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def finish(self) -> None:
        """Hear what it says, once it was told that the log ends. Raises OtherCodeError."""
        output, errors = await self._heard
        code = await self._process.wait()
        lines = self._lines(output)
        name = self._code.name or "this program"
        if code or len(lines) != 2 or not isinstance(lines[0], Hello):
            words = errors.decode("utf-8", "replace").strip()[-STDERR_SHOWN:]
            last = words.splitlines()[-1] if words else f"exit code {code}"
            raise OtherCodeError(f"{name} cannot be asked: {last}")
        self.hello, self.answer = lines[0], lines[1]
        if self.hello.protocol != PROTOCOL:
            raise OtherCodeError(
                f"{name} speaks protocol {self.hello.protocol}, this program {PROTOCOL}"
            )
        if isinstance(self.answer, RefusedTask):
            raise OtherCodeError(f"{name}: {self.answer.reason}")

    def _lines(self, output: bytes) -> Sequence[Reply]:
        try:
            return [decode_line(line) for line in output.splitlines()]
        except msgspec.MsgspecError as error:
            name = self._code.name or "this program"
            raise OtherCodeError(f"{name} answers in other words: {error}") from error

    async def end(self) -> None:
        """End it, whatever it is doing."""
        if hasattr(self, "_process") and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
            await asyncio.gather(self._heard, return_exceptions=True)


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""
