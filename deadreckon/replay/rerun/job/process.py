"""A rerun process as the verb sees it: it is sent the log, and read at its end."""

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from deadreckon.contracts.errors import OperationalError
from deadreckon.replay.rerun.job.checkout import Checkout
from deadreckon.replay.rerun.job.protocol import (
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
    """You asked code that could not answer; the message quotes its error output."""


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
            *(sys.executable, "-m", self._code.module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._code.environment,
        )
        self._output = asyncio.gather(_all(self._process.stdout), _all(self._process.stderr))
        await self.feed(pack_task(self._task))

    async def feed(self, content: bytes) -> None:
        """Send more of the log, unless the process has closed its input."""
        if self.closed or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(content)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True

    def close(self) -> None:
        """End its input: the log ends here."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def finish(self) -> None:
        """Read its answer, once the log was closed. Raises OtherCodeError."""
        output, errors = await self._output
        code = await self._process.wait()
        lines = self._lines(output)
        name = self._code.name or "this program"
        if code or len(lines) != 2 or not isinstance(lines[0], Hello):
            output_tail = errors.decode("utf-8", "replace").strip()[-STDERR_SHOWN:]
            last = output_tail.splitlines()[-1] if output_tail else f"exit code {code}"
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
            raise OtherCodeError(f"{name} answers with another protocol: {error}") from error

    async def end(self) -> None:
        """Kill it, whatever it is doing."""
        if hasattr(self, "_process") and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
            await asyncio.gather(self._output, return_exceptions=True)


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""
