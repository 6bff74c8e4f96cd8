"""Places to keep a log in: memory, and a real nats-server that is shared by a file of tests."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.server.binary import find_nats_server
from tests.support.ports import free_port


class LogStore(Protocol):
    """Somewhere a log lies; every bus opened there is another connection to the same log."""

    async def open(self) -> Bus: ...

    async def close(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.log = MemoryLog()

    async def open(self) -> MemoryBus:
        return MemoryBus(self.log)

    async def close(self) -> None:
        pass


class OnServer:
    """A new log on a server that other tests have used, and where everybody may do everything."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._buses: list[JetStreamBus] = []

    async def connect(self) -> JetStreamBus:
        bus = await JetStreamBus.connect(self.url)
        self._buses.append(bus)
        return bus

    async def open(self) -> JetStreamBus:
        bus = await self.connect()
        await bus.provision()
        return bus

    async def forget(self) -> None:
        """Delete the stream; the protections of its messages do not protect it as a whole.

        The server clears the folder of a deleted stream later: one that is made at once may find
        what is still there, so it is made once to see that it is empty, and deleted again.
        """
        bus = await self.connect()
        try:
            await self._delete(bus)
            await bus.provision()
            while (await bus.info()).last:
                await self._delete(bus)
                await bus.provision()
            await self._delete(bus)
        finally:
            await bus.close()

    async def _delete(self, bus: JetStreamBus) -> None:
        answer = await bus.request("$JS.API.STREAM.DELETE.LOG", b"", 5.0)
        assert b'"success":true' in answer or b"10059" in answer, answer  # there was none

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server_with(tmp_path_factory.mktemp("server"), "") as url:
        yield url


@pytest_asyncio.fixture
async def on_server(server_url: str) -> AsyncIterator[OnServer]:
    place = OnServer(server_url)
    await place.forget()
    yield place
    await place.close()


@pytest.fixture
def in_memory() -> InMemory:
    return InMemory()


@pytest.fixture(params=["in_memory", "on_server"])
def place(request: pytest.FixtureRequest) -> LogStore:
    chosen: LogStore = request.getfixturevalue(request.param)
    return chosen


@contextmanager
def server_with(folder: Path, settings: str) -> Iterator[str]:
    """A server with settings of our own, on a port of its own; gives its URL."""
    port = free_port()
    path = folder / "own.conf"
    path.write_text(
        f'host: "127.0.0.1"\nport: {port}\njetstream {{ store_dir: "{folder}/own" }}\n{settings}'
    )
    process = subprocess.Popen([find_nats_server(), "-c", path, "-l", folder / "own.log"])
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
