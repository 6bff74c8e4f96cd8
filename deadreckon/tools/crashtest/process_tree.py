"""The processes of a crash test: started, watched, killed by their own ids, and started again."""

import asyncio
import json
import os
import signal
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import msgspec

from deadreckon.runtime.process.child_process import ChildProcess, dr_environment
from deadreckon.runtime.process.killpoints import VARIABLE
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.tools.crashtest.stack_process import RunSettings, StackStatus, command

LOOK = 0.003  # seconds between two looks
PATIENCE = 120.0  # seconds for anything; beyond it something is stuck, which is a finding


class StuckError(Exception):
    """You killed a stack that does not go on; the message says what was waited for."""


class ProcessTree:
    """One stack at a time on one folder, and the kill order that its processes look for."""

    def __init__(self, settings: RunSettings, source: Path) -> None:
        self.settings = settings
        self.at = StackStatus(0, 0)
        self.order = settings.data.with_name("order")
        self.log = settings.data / "logs" / "demo.log"
        self.source = source  # where the program lies that is started
        self._process: ChildProcess | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answered: StackStatus | None = None

    async def start(self) -> None:
        """Start the stack's process; it starts everything else."""
        environment = dr_environment(self.source, **{VARIABLE: f"@{self.order}"})
        with self.settings.data.with_name("stderr").open("ab") as errors:
            self._process = await ChildProcess.start(
                command(self.settings),
                environment=environment,
                stdin=PIPE,
                stdout=PIPE,
                stderr=errors,
            )
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process: ChildProcess) -> None:
        assert process.stdout is not None
        async for text in process.stdout:
            self.at = msgspec.json.decode(text, type=StackStatus)
            if self.at.states:
                self._answered = self.at

    @property
    def over(self) -> bool:
        """True when the stack's process has ended, by itself or not."""
        return self._reading is None or self._reading.done()

    async def ended(self) -> int:
        """Wait for the end of the stack's process; return its exit code."""
        assert self._process is not None
        assert self._reading is not None
        await self._reading
        return await self._process.wait()

    async def until(self, true: Callable[[], object], what: str) -> None:
        """Wait until something holds, or the stack has ended."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not true() and not self.over:
            if loop.time() > deadline:
                raise StuckError(f"waited {PATIENCE:g} seconds for {what}")
            await asyncio.sleep(LOOK)

    async def states(self) -> StackStatus | None:
        """Return the states of all services at the next settled point; null when the stack ends."""
        assert self._process is not None
        inbox = self._process.stdin
        assert inbox is not None
        self._answered = None
        try:
            inbox.write(b"\n")
            await inbox.drain()
        except (BrokenPipeError, ConnectionResetError):
            return None
        await self.until(lambda: self._answered is not None, "the states of all services")
        return self._answered

    # Killing, by the ids of processes that this object has started.

    def command_at(self, text: str) -> None:
        """Write an order for the first process that reaches that step."""
        draft = self.order.with_name("order.new")
        draft.write_text(text)
        draft.replace(self.order)

    def withdraw(self) -> bool:
        """Take an order back; true when no process had obeyed it."""
        try:
            self.order.unlink()
        except FileNotFoundError:
            return False
        return True

    @property
    def server(self) -> int | None:
        """The process of nats-server; null while it does not run."""
        found = running_server(self.settings.data)
        return found.pid if found else None

    @property
    def exchange(self) -> int | None:
        """The process of the exchange; null where there is none."""
        try:
            description = (self.settings.data / "exchange" / "exchange.json").read_bytes()
        except FileNotFoundError:
            return None
        pid: int = json.loads(description)["pid"]
        return pid if self._is_ours(pid) else None

    @property
    def services(self) -> dict[str, int]:
        """The latest process of every service, as the stack's own log tells."""
        found: dict[str, int] = {}
        for text in self.log.read_bytes().splitlines():
            if b'"service_started"' in text:
                line = json.loads(text)
                found[line["service"]] = line["pid"]
        return {name: pid for name, pid in found.items() if self._is_ours(pid)}

    def kill_stack(self) -> bool:
        """Kill the stack's process; true when it was running."""
        if self._process is None or self._process.code is not None:
            return False
        self._process.send(signal.SIGKILL)
        return True

    def kill_everything(self) -> bool:
        """Kill all processes, the stack's first; true when it was running."""
        others = [*self.services.values(), self.server, self.exchange]
        there = self.kill_stack()
        for pid in others:
            if pid is not None:
                kill(pid)
        return there

    async def close(self) -> None:
        """End what still runs."""
        if self.kill_stack():
            await self.ended()
        await self.until_gone()

    async def until_gone(self) -> None:
        """Wait until the server, whose parent has ended, has ended too."""
        while self.server is not None:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(LOOK)

    def _is_ours(self, pid: int) -> bool:
        """Return True when a process is still a child of the stack's: ids are used again."""
        return self._process is not None and _parent_of(pid) == self._process.pid


def _parent_of(pid: int) -> int | None:
    """Return the id of a process's parent; null when there is no such process."""
    if Path("/proc/self/stat").exists():
        try:
            return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return None
    found = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], stdout=subprocess.PIPE, text=True)
    return int(found.stdout) if found.stdout.strip() else None


def kill(pid: int) -> bool:
    """Kill a process; true when it was running."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
