"""Services in processes of their own, started and watched by the one that plays the tape."""

import asyncio
import os
import sys
from pathlib import Path

import structlog

from deadreckon.runtime.bus import Bus, UnavailableError
from deadreckon.runtime.leash import leashed
from deadreckon.runtime.turns import RemotePlayer

READY_WAIT = 120.0  # seconds until every worker has recalled its log and answers

log = structlog.get_logger()


class WorkerError(Exception):
    """A service's process ended by itself; its log says why."""


class Workers:
    """One child process per service; all are stopped by their own process, never by name."""

    def __init__(self, data: Path, names: tuple[str, ...], book: str, mode: str) -> None:
        self._data = data
        self._names = names
        self._arguments = ["--book", book, "--mode", mode, "--pace", "turns"]
        self._children: dict[str, asyncio.subprocess.Process] = {}

    async def start(self) -> None:
        """Start every service."""
        root = str(Path(__file__).resolve().parents[2])
        environment = dict(os.environ, PYTHONPATH=root, PYTHONSAFEPATH="1")
        for name in self._names:
            command = [sys.executable, "-m", "deadreckon", "run", name, "--data", str(self._data)]
            self._children[name] = await asyncio.create_subprocess_exec(
                *leashed([*command, *self._arguments]),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )

    async def ready(self, bus: Bus, players: list[RemotePlayer]) -> None:
        """Wait until each of them takes an empty turn. Raises WorkerError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_WAIT
        for player in players:
            while True:
                self.check()
                try:
                    await player.take(0)
                    break
                except UnavailableError:
                    if loop.time() > deadline:
                        raise WorkerError(f"{player.name} did not become ready") from None
                    await asyncio.sleep(0.1)

    def check(self) -> None:
        """Raise WorkerError when one of them has ended."""
        for name, child in self._children.items():
            if child.returncode is not None:
                raise WorkerError(
                    f"service {name} ended with code {child.returncode}; "
                    f"see {self._data / 'logs' / name}.log"
                )

    async def watch(self) -> None:
        """Ends with WorkerError as soon as one of them ends."""
        await asyncio.wait(
            [asyncio.ensure_future(child.wait()) for child in self._children.values()],
            return_when=asyncio.FIRST_COMPLETED,
        )
        self.check()

    async def stop(self) -> None:
        """Ask each to end, then make it."""
        for child in self._children.values():
            if child.returncode is None:
                child.terminate()
        for child in self._children.values():
            try:
                await asyncio.wait_for(child.wait(), 10)
            except TimeoutError:
                child.kill()
                await child.wait()
