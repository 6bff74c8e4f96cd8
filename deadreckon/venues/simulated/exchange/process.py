"""The exchange as a child process that is started, stopped, killed and started again."""

from asyncio.subprocess import PIPE
from pathlib import Path

import msgspec

from deadreckon.contracts.errors import OperationalError
from deadreckon.runtime.process.child_process import (
    ChildFailedError,
    ChildProcess,
    dr_command,
    dr_environment,
    last_line,
)
from deadreckon.venues.simulated.adapter import ExchangeAddress, SimulatedVenue
from deadreckon.venues.simulated.exchange.admin_client import AdminClient

READY_WAIT = 60.0  # seconds until it answers, on a machine that has much else to do


class ExchangeFailedError(OperationalError):
    """The exchange you started ended or never got ready; the message has its last words."""


class ExchangeProcess:
    """`async with ExchangeProcess(folder, seed) as exchange:` runs one; never longer than us."""

    def __init__(self, folder: Path, seed: str, *, port: int | None = None) -> None:
        self.folder = folder
        self._log = folder / "exchange.log"
        self._seed = seed
        self._port = port
        self._child: ChildProcess | None = None
        self._address: ExchangeAddress | None = None

    async def __aenter__(self) -> "ExchangeProcess":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def address(self) -> ExchangeAddress:
        """Address of the exchange. Raises ExchangeFailedError before it was started."""
        if self._address is None:
            raise ExchangeFailedError(f"no exchange was started on {self.folder}")
        return self._address

    @property
    def key(self) -> str:
        """Its API key."""
        return (self.folder / "key").read_text("ascii").strip()

    def admin(self) -> AdminClient:
        """Make a client of the admin port."""
        return AdminClient(self.address.admin_url, self.key)

    def venue(self, *, timeout: float = 2.0) -> SimulatedVenue:
        """Make a client of the trading port; `timeout` in seconds."""
        return SimulatedVenue(self.address.url, self.key, timeout=timeout)

    async def start(self) -> ExchangeAddress:
        """Start it and wait until it is ready; on its last ports when it was there before."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        words = ["exchange", "--data", str(self.folder), "--seed", self._seed]
        if self._port is not None:
            words += ["--port", str(self._port)]
        with self._log.open("ab") as errors:
            self._child = await ChildProcess.start(
                dr_command(*words), environment=dr_environment(), stdout=PIPE, stderr=errors
            )
        self._address = await self._ready(self._child)
        return self._address

    async def ended(self) -> None:
        """Wait until the process has ended, for whatever reason."""
        if self._child is not None:
            await self._child.wait()

    async def stop(self) -> None:
        """End it in order, and by SIGKILL when that takes long; idempotent."""
        if self._child is not None:
            await self._child.stop()

    async def kill(self) -> None:
        """End it with SIGKILL, in the middle of whatever it does."""
        if self._child is not None:
            await self._child.kill()

    async def _ready(self, child: ChildProcess) -> ExchangeAddress:
        try:
            line = await child.first_line(READY_WAIT)
            return msgspec.json.decode(line, type=ExchangeAddress)
        except (ChildFailedError, msgspec.MsgspecError) as error:
            await child.kill()
            reason = last_line(self._log)
            raise ExchangeFailedError(f"the exchange did not start: {reason}") from error
