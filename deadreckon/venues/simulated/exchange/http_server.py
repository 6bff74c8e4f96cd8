"""HTTP servers of the exchange; the trading port is closed while the exchange is "down"."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
from aiohttp import web

from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.file_lock import LockedError, file_lock
from deadreckon.runtime.process.folder import FolderBusyError, FolderError
from deadreckon.runtime.process.interrupts import wait_for_interrupt
from deadreckon.runtime.process.loopback import LOOPBACK, PortBusyError, listen_on_loopback
from deadreckon.runtime.server.secret import read_or_create_secret
from deadreckon.venues.simulated.adapter import ExchangeAddress
from deadreckon.venues.simulated.exchange.api import ExchangeApi
from deadreckon.venues.simulated.exchange.store import ExchangeStore

PORT_WAIT = 5.0  # seconds: a port given up a moment ago may be somebody's source port for another

log = log_lines.Logger()


async def serve_exchange(
    folder: Path, seed: str, port: int | None, ready: Callable[[ExchangeAddress], None]
) -> None:
    """Run the exchange of a folder until this process is asked to end.

    Raises FolderError, FolderBusyError, PortBusyError and ExposedSecretError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as held:
        _lock_folder(folder, held)
        book = ExchangeStore(folder / "exchange.sqlite")
        held.callback(book.close)
        _keep_seed(book, seed, folder)
        servers = ExchangeServers(
            book, seed, read_or_create_secret(folder / "key", lambda: secrets.token_urlsafe(32))
        )
        address = await servers.open(*_ports(folder, port))
        _write_address(folder, address)
        ready(address)
        try:
            await wait_for_interrupt()
        finally:
            await servers.close()


class ExchangeServers:
    """Trading and admin servers of an exchange, with their ports; `open` them, and `close` them."""

    def __init__(self, book: ExchangeStore, seed: str, key: str) -> None:
        self.exchange = ExchangeApi(book, seed, key, self._go_down)
        self.shut = asyncio.Event()  # the trader's door, while the exchange is down
        self._seed = seed
        self._port = 0
        self._front: web.AppRunner | None = None
        self._back = _runner(self.exchange.keeping())
        self._changed = asyncio.Event()  # something about being up or down has changed
        self._down_until: float | None = None  # loop time; infinite for "until set"
        self._door_task: asyncio.Task[None] | None = None

    async def open(self, port: int, admin_port: int) -> ExchangeAddress:
        """Open both doors; 0 takes a free port."""
        self._port, self._front = await _open(_runner(self.exchange.trading()), port)
        admin, self._back = await _open(self._back, admin_port)
        self._door_task = asyncio.create_task(self._keep_door(), name="trading port")
        url, admin_url = (f"http://{LOOPBACK}:{number}" for number in (self._port, admin))
        return ExchangeAddress(url=url, admin_url=admin_url, pid=os.getpid(), seed=self._seed)

    async def close(self) -> None:
        """Shut both doors."""
        if self._door_task is not None:
            self._door_task.cancel()
        await self.exchange.reports.close()
        for runner in (self._front, self._back):
            if runner is not None:
                await runner.cleanup()

    def _go_down(self, seconds: float | None) -> None:
        """Set the trading port: null is up; 0: be down until set; else be down so many seconds."""
        now = asyncio.get_running_loop().time()
        self._down_until = None if seconds is None else now + (seconds or float("inf"))
        self._changed.set()

    async def _keep_door(self) -> None:
        """Close and open the trading port as set; nothing else does."""
        while True:
            now = asyncio.get_running_loop().time()
            down = self._down_until is not None and self._down_until > now
            if down and self._front is not None:
                await self.exchange.reports.close()
                await self._front.cleanup()
                self._front = None
                self.shut.set()
            elif not down and self._front is None:
                runner = _runner(self.exchange.trading())
                _, self._front = await _open(runner, self._port)
                self.shut.clear()
            left = self._down_until - now if down and self._down_until is not None else None
            self._changed.clear()
            await self._pause(left)

    async def _pause(self, seconds: float | None) -> None:
        timeout = None if seconds == float("inf") else seconds
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout)


def _runner(application: web.Application) -> web.AppRunner:
    # No patience at the end: an exchange that goes down does not finish its answers.
    return web.AppRunner(application, access_log=None, shutdown_timeout=0.01)


async def _open(runner: web.AppRunner, port: int) -> tuple[int, web.AppRunner]:
    listening = await _bound(port)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    return listening.getsockname()[1], runner


async def _bound(port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PORT_WAIT
    while True:
        try:
            return listen_on_loopback(port)
        except PortBusyError:
            if loop.time() > deadline:
                raise PortBusyError(
                    f"port {port} is in use: give another with --port (0 takes a free one)"
                ) from None
            await asyncio.sleep(0.05)


def _lock_folder(folder: Path, held: ExitStack) -> None:
    try:
        held.enter_context(file_lock(folder / "lock"))
    except LockedError:
        raise FolderBusyError(f"an exchange runs on {folder} already; stop it first") from None


def _keep_seed(book: ExchangeStore, seed: str, folder: Path) -> None:
    with book.transaction():
        kept = book.cell("seed", str, seed)
        book.keep("seed", kept)
    if kept != seed:
        raise FolderError(f"{folder} is the exchange of seed {kept}; give that, or a new folder")


def _ports(folder: Path, port: int | None) -> tuple[int, int]:
    """Return the wanted ports; those of the last time unless others are named."""
    try:
        last = msgspec.json.decode((folder / "exchange.json").read_bytes(), type=ExchangeAddress)
    except (FileNotFoundError, msgspec.MsgspecError):
        return port or 0, 0
    ports = [int(url.rpartition(":")[2]) for url in (last.url, last.admin_url)]
    return (ports[0] if port is None else port), ports[1]


def _write_address(folder: Path, address: ExchangeAddress) -> None:
    unfinished = folder / "exchange.json.part"
    unfinished.write_bytes(msgspec.json.encode(address))
    os.replace(unfinished, folder / "exchange.json")
