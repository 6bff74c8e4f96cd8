"""Services in processes of their own: started, watched, and started again when one ends."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from deadreckon.contracts.errors import OperationalError
from deadreckon.node.liveness import LivenessProbe, ServiceLiveness
from deadreckon.node.supervision import RestartBackoff, halt_after_crashes
from deadreckon.runtime.log.bus import Bus, UnavailableError
from deadreckon.runtime.process import cancellation, log_lines
from deadreckon.runtime.process.child_process import (
    ChildProcess,
    Output,
    dr_command,
    dr_environment,
)
from deadreckon.runtime.service.crash_counter import CrashCounter
from deadreckon.runtime.service.turns import RemoteTurnTaker

READY_WAIT = 120.0  # seconds until every worker has recalled its log and answers
LOOK = 0.1  # seconds between two looks whether a worker answers

log = log_lines.Logger()


class WorkerError(OperationalError):
    """A service's process keeps ending by itself; the message says what it failed on."""


async def launch_worker(words: Sequence[str], output: Output) -> ChildProcess:
    """Start `dr run` with these words, in a process that ends with this one."""
    return await ChildProcess.start(
        dr_command("run", *words), environment=dr_environment(), stdout=output
    )


class Workers:
    """One child process per service; all are stopped by their own process, never by name.

    A child that ends is started again: its log brings it back. `lives` counts by service. They are
    asked for their positions, for the pages that watch the stack.
    """

    def __init__(
        self,
        data: Path,
        names: tuple[str, ...],
        bus: Bus,
        *,
        book: str,
        mode: str,
        pace: Literal["free", "turns"],
        nats: str | None = None,
    ) -> None:
        self.lives = {name: RestartBackoff() for name in names}
        self._data = data
        self._bus = bus
        self._book = book
        self._crashes = CrashCounter(data / "crashes.jsonl")
        self._arguments = ["--book", book, "--mode", mode, "--pace", pace]
        self._arguments += ["--nats", nats] if nats else []
        self._roll_call = LivenessProbe(bus, book, names)
        self._children: dict[str, ChildProcess] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._hopeless: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def processes(self) -> dict[str, int]:
        """The process of each service, by its id."""
        return {name: child.pid for name, child in self._children.items()}

    @property
    def services(self) -> list[ServiceLiveness]:
        """Last answer of each service to the liveness probe."""
        return self._roll_call.services

    @property
    def ends(self) -> dict[str, int]:
        """Number of processes of each service that have ended by now."""
        return {name: lives.ends for name, lives in self.lives.items()}

    async def start(self) -> None:
        """Start every service, and keep it running until stopped."""
        for name in self.lives:
            child = await self._launch(name)
            keeping = asyncio.create_task(self._keep(name, child), name=f"keep {name}")
            self._keeping.append(keeping)
        asking = asyncio.create_task(self._roll_call.follow(), name="roll call")
        self._keeping.append(asking)

    async def _launch(self, name: str) -> ChildProcess:
        words = [name, "--data", str(self._data), *self._arguments]
        # Our own output may be one JSON object and nothing else.
        child = await launch_worker(words, asyncio.subprocess.DEVNULL)
        self._children[name] = child
        log.info("service_started", service=name, pid=child.pid, lives=self.lives[name].ends + 1)
        return child

    async def _keep(self, name: str, child: ChildProcess) -> None:
        """Start a service again whenever its process has ended; halt a book that keeps failing."""
        lives = self.lives[name]
        while True:
            begun = time.monotonic()
            code = await child.wait()
            wait = lives.ended(code, time.monotonic() - begun)
            log.error(
                "service_ended", service=name, code=code, ends=lives.ends, next_start_seconds=wait
            )
            if code > 0:
                await self._judge(name, code)
            await asyncio.sleep(wait)
            child = await self._launch(name)

    async def _judge(self, name: str, code: int) -> None:
        """Say a halt where it failed on the same event again and again; say when it is hopeless."""
        reason = await halt_after_crashes(self._bus, self._book, self._crashes)
        if reason is None and self.lives[name].hopeless:
            where = self._data / "logs" / f"{name}.log"
            reason = f"service {name} ended with code {code} again and again; see {where}"
        if reason is not None:
            log.error("service_hopeless", service=name, reason=reason)
            if not self._hopeless.done():
                self._hopeless.set_result(reason)

    async def ready(self, players: list[RemoteTurnTaker]) -> None:
        """Wait until each of them says where it stands. Raises WorkerError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_WAIT
        for player in players:
            while True:
                self.check()
                try:
                    await player.stand()
                    break
                except UnavailableError:
                    if loop.time() > deadline:
                        raise WorkerError(f"{player.name} did not become ready") from None
                    await asyncio.sleep(LOOK)

    def check(self) -> None:
        """Raise WorkerError when one of them will not live."""
        if self._hopeless.done():
            raise WorkerError(self._hopeless.result())

    async def watch(self) -> None:
        """Wait until a worker ends and cannot be restarted; raises WorkerError."""
        watched: list[asyncio.Future[Any]] = [self._hopeless, *self._keeping]
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        for task in self._keeping:
            if task.done():
                task.result()
        self.check()

    async def stop(self) -> None:
        """Ask each to end, then make it."""
        await cancellation.cancel_all(self._keeping)
        await asyncio.gather(*(child.stop() for child in self._children.values()))
