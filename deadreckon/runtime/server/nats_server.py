"""Embedded nats-server of a stack: one per store, and never longer than its parent."""

import asyncio
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from deadreckon.contracts.errors import OperationalError
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.child_process import ChildProcess
from deadreckon.runtime.process.file_lock import take
from deadreckon.runtime.server.binary import find_nats_server
from deadreckon.runtime.server.server_files import (
    ANY_PORT,
    RolloverOptions,
    ServerAddress,
    ServerFiles,
)

READY_WAIT = 120.0  # seconds: a store of millions of messages takes some to be read
PATIENCE = 10.0  # seconds of waiting after which we say so, and of a stop before it is forced
LOCK_WAIT = 0.5  # seconds: somebody who only looks whether a server runs holds the lock briefly
LOOK = 0.01  # seconds between two looks at a file or a lock

log = log_lines.Logger()


class StoreLockedError(OperationalError):
    """You started a second server on one store; the message names the first."""


class ServerFailedError(OperationalError):
    """The server you started ended or never got ready; the message has the end of its log."""


def running_server(data: Path) -> ServerAddress | None:
    """Find the server on this folder's store, if one runs and is ready, from any process."""
    files = ServerFiles(data)
    try:
        lock = os.open(files.lock, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if take(lock) else files.address()
    finally:
        os.close(lock)


class EmbeddedServer:
    """`async with EmbeddedServer(data) as server:` runs a server on `<data>/nats/store`.

    Start it from the main thread: on Linux it ends with the thread that started it. `died` is set
    when it ends without having been stopped. `rolling` is for who lets old history leave.
    """

    def __init__(
        self, data: Path, *, port: int = ANY_PORT, rolling: RolloverOptions | None = None
    ) -> None:
        self.died = asyncio.Event()
        self._data = data
        self._files = ServerFiles(data)
        self._port = port
        self._rolling = rolling
        self._process: ChildProcess | None = None
        self._watch: asyncio.Task[None] | None = None
        self._address: ServerAddress | None = None
        self._stopping = False

    @property
    def address(self) -> ServerAddress:
        """The server's address; raises ServerFailedError before it was started."""
        if self._address is None:
            raise ServerFailedError(f"no server was started on {self._files.folder}")
        return self._address

    async def __aenter__(self) -> "EmbeddedServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> ServerAddress:
        """Start and wait until it answers. Raises StoreLockedError, MissingServerError,
        ServerFailedError, ExposedSecretError or CredentialError."""
        program = find_nats_server()
        self._files.prepare()
        lock = await self._lock()
        try:
            self._files.forget_ports()
            self._files.bring_up_to_date()
            self._files.write_settings(self._port, self._rolling)
            self._process = await self._launch(program, lock)
        finally:
            # From here on the child alone holds the lock: it is free when the server is gone.
            os.close(lock)
        self._watch = asyncio.create_task(self._wait_for_end(self._process), name="nats-server")
        try:
            self._address = await self._ready(self._process)
        finally:
            if self._address is None:
                await self.stop()
        log.info("nats_server_ready", url=self._address.url, pid=self._address.pid)
        return self._address

    async def _lock(self) -> int:
        lock = os.open(self._files.lock, os.O_RDWR | os.O_CREAT, 0o600)
        patience = time.monotonic() + LOCK_WAIT
        while not take(lock):
            if time.monotonic() > patience:
                os.close(lock)
                who = self._files.address()
                raise StoreLockedError(
                    f"{self._files.folder} is in use by "
                    + (f"the server at {who.url} (pid {who.pid})" if who else "another server")
                )
            await asyncio.sleep(LOOK)
        return lock

    async def _launch(self, program: Path, lock: int) -> ChildProcess:
        # What it prints before it has opened its log, a mistake in the settings for instance.
        printed = os.open(self._files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return await ChildProcess.start(
                [str(program), "-c", str(self._files.settings)],
                stdout=printed,
                stderr=printed,
                pass_fds=[lock],
            )
        finally:
            os.close(printed)

    async def _wait_for_end(self, process: ChildProcess) -> None:
        code = await process.wait()
        if not self._stopping:
            self.died.set()  # before it is logged: a waiter must not depend on a log line
            log.error("nats_server_died", pid=process.pid, code=code)

    async def _ready(self, process: ChildProcess) -> ServerAddress:
        begun = logged = time.monotonic()
        while time.monotonic() - begun < READY_WAIT:
            if process.code is not None:
                raise ServerFailedError(f"nats-server ended: {self._files.log_end()}")
            address = self._files.address()
            if address is not None and _answers(address.url):
                return address
            if time.monotonic() - logged > PATIENCE:
                logged = time.monotonic()
                log.info("nats_server_recovers_its_store", seconds=round(logged - begun))
            await asyncio.sleep(LOOK)
        raise ServerFailedError(
            f"nats-server is not ready after {READY_WAIT:g} seconds: {self._files.log_end()}"
        )

    async def stop(self) -> None:
        """Stop it in an orderly way, or after 10 seconds in any; idempotent."""
        self._stopping = True
        if self._process is None or self._watch is None:
            return
        if await self._process.stop(PATIENCE):
            log.warning("nats_server_killed", pid=self._process.pid)
        await self._watch


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1.0).close()
    except OSError:
        return False
    return True
