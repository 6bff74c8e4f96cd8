"""The exchange as a child process that is started, stopped, killed and started again."""

import asyncio
import os
import sys
from pathlib import Path
from types import TracebackType

import msgspec

from deadreckon.runtime.process.child_process import dies_with_parent
from deadreckon.runtime.process.source_tree import ROOT
from deadreckon.venues.simulated.adapter import ExchangeAddress, SimulatedVenue
from deadreckon.venues.simulated.exchange.admin_client import AdminClient

READY_WAIT = 60.0  # seconds until it answers, on a machine that has much else to do


class ExchangeFailedError(Exception):
    """The exchange you started ended or never got ready; the message has its last words."""


class ExchangeProcess:
    """`async with ExchangeProcess(folder, seed) as exchange:` runs one; never longer than us."""

    def __init__(self, folder: Path, seed: str, *, port: int | None = None) -> None:
        self.folder = folder
        self._seed = seed
        self._port = port
        self._child: asyncio.subprocess.Process | None = None
        self._address: ExchangeAddress | None = None

    async def __aenter__(self) -> "ExchangeProcess":
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def address(self) -> ExchangeAddress:
        """Where it is. Raises ExchangeFailedError before it was started."""
        if self._address is None:
            raise ExchangeFailedError(f"no exchange was started on {self.folder}")
        return self._address

    @property
    def key(self) -> str:
        """Its API key."""
        return (self.folder / "key").read_text("ascii").strip()

    def keeper(self) -> AdminClient:
        """A client of the keeper's door."""
        return AdminClient(self.address.admin_url, self.key)

    def venue(self, *, timeout: float = 2.0) -> SimulatedVenue:
        """A client of the trader's door; `timeout` in seconds."""
        return SimulatedVenue(self.address.url, self.key, timeout=timeout)

    async def start(self) -> ExchangeAddress:
        """Start it and wait until it is ready; on its last ports when it was there before."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [sys.executable, "-m", "deadreckon", "exchange"]
        command += ["--data", str(self.folder), "--seed", self._seed]
        if self._port is not None:
            command += ["--port", str(self._port)]
        root = str(ROOT)
        with (self.folder / "exchange.log").open("ab") as words:
            self._child = await asyncio.create_subprocess_exec(
                *dies_with_parent(command),
                env=dict(os.environ, PYTHONPATH=root, PYTHONSAFEPATH="1"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=words,
                start_new_session=True,
            )
        self._address = await self._ready(self._child)
        return self._address

    async def ended(self) -> None:
        """Returns when the process has ended, whoever wanted that."""
        if self._child is not None:
            await self._child.wait()

    async def stop(self) -> None:
        """Ask it to end, then make it; idempotent."""
        child = self._child
        if child is None or child.returncode is not None:
            return
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), 10)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()

    async def _ready(self, child: asyncio.subprocess.Process) -> ExchangeAddress:
        assert child.stdout is not None
        address: ExchangeAddress | None = None
        try:
            line = await asyncio.wait_for(child.stdout.readline(), READY_WAIT)
            address = msgspec.json.decode(line, type=ExchangeAddress)
        except (TimeoutError, msgspec.MsgspecError) as error:
            raise ExchangeFailedError(
                f"the exchange did not start: {self._last_words()}"
            ) from error
        finally:
            if address is None:  # also when the waiting was cancelled
                await self.kill()
        return address

    def _last_words(self) -> str:
        record = (self.folder / "exchange.log").read_text("utf-8", "replace").splitlines()
        return record[-1] if record else f"it said nothing to {self.folder / 'exchange.log'}"
