"""A log on one server and on three: the same promises, kept by both."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.jetstream import JetStreamBus
from tests.cluster.nodes import Cluster, cluster
from tests.runtime.conftest import server_with


class ClusterLog:
    """Where a log is kept: every bus is another connection to it."""

    def __init__(self, servers: str, replicas: int) -> None:
        self.replicas = replicas
        self.servers = servers
        self._buses: list[JetStreamBus] = []

    async def connect(self) -> JetStreamBus:
        bus = await JetStreamBus.connect(self.servers)
        self._buses.append(bus)
        return bus

    async def open(self) -> JetStreamBus:
        bus = await self.connect()
        await retry(bus.provision)
        return bus

    async def forget(self) -> None:
        """Delete the stream, so that the next test begins with none."""
        bus = await self.connect()
        await bus.request("$JS.API.STREAM.DELETE.LOG", b"", 10.0)
        await self.close()

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()
        self._buses.clear()


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLog]:
    with server_with(tmp_path_factory.mktemp("one"), "") as url:
        yield ClusterLog(url, 1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three_servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterLog]:
    async with cluster(tmp_path_factory.mktemp("three")) as found:
        yield ClusterLog(found.urls, 3)


@pytest.fixture(params=["one_server", "three_servers"])
def chosen(request: pytest.FixtureRequest) -> ClusterLog:
    found: ClusterLog = request.getfixturevalue(request.param)
    return found


@pytest_asyncio.fixture
async def place(chosen: ClusterLog) -> AsyncIterator[ClusterLog]:
    await chosen.forget()
    yield chosen
    await chosen.close()


@pytest_asyncio.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Three nodes that a test may kill and freeze as it likes."""
    async with cluster(tmp_path) as found:
        yield found
