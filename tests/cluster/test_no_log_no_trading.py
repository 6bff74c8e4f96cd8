"""While the log is away nothing is traded, and that is said; then it goes on, and lacks nothing."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deadreckon.node.folder_log import log_health
from deadreckon.runtime.log.domain import RETRY_LAST
from deadreckon.runtime.log.jetstream_api import ANSWER_WAIT
from deadreckon.runtime.log.log_health import AWAY_AFTER
from deadreckon.runtime.process.child_process import dies_with_parent
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.binary import find_nats_server
from tests.cluster.disks import Disk, Limited, small_disk
from tests.cluster.live_stack import TradingStack, trading_stack
from tests.cluster.nodes import Cluster
from tests.conftest import PATIENCE, ROOT
from tests.support.forked_verbs import run_forked
from tests.support.ports import free_port

# Nothing leaves without an acknowledgement, so order flow stops at once. That it has stopped is
# said on the page after AWAY_AFTER at the latest, and in the log of the process at the next
# attempt that fails.
SAID_WITHIN = AWAY_AFTER + ANSWER_WAIT + RETRY_LAST
SLACK = 2.0  # seconds for a busy machine


class Server:
    """One server of somebody else's, on a disk that can be filled."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        port = free_port()
        self.disk = disk
        self.url = f"nats://127.0.0.1:{port}"
        self._settings = folder / "server.conf"
        self._settings.write_text(
            f'host: "127.0.0.1"\nport: {port}\nlog_file: "{folder}/server.log"\n'
            f'jetstream {{ store_dir: "{folder}/store", sync_interval: always }}\n'
        )
        self.start()

    def start(self) -> None:
        server = [str(find_nats_server()), "-c", str(self._settings)]
        self.process = subprocess.Popen(dies_with_parent(self.disk.command(server)))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path, Limited())
    yield found
    found.kill()


async def is_away(trading: TradingStack) -> None:
    """Nothing is traded, and everybody who asks is told why, within the stated bound."""
    began = time.monotonic()
    found = await trading.until_well(False)
    assert time.monotonic() - began < SAID_WITHIN + SLACK
    assert "the log has taken nothing for" in found["reason"]
    assert found["log"]["available"] is False
    assert await trading.metric("deadreckon_log_available") == 0
    acknowledged = len(trading.acknowledged)
    await asyncio.sleep(1.0)  # not for something to happen: for nothing to
    assert len(trading.acknowledged) == acknowledged
    told = await log_health(Folder(trading.data))
    assert told["available"] is False
    assert "the log has taken nothing for" in told["reason"]


async def is_back(trading: TradingStack, lines: "Lines") -> None:
    """It trades again, by itself; every signal that was ever acknowledged is answered once."""
    await trading.until_well(True)
    assert await trading.metric("deadreckon_log_available") == 1
    await trading.more()
    told = await trading.close()
    assert told.damage == []
    once = dict.fromkeys(trading.acknowledged, 1)
    assert dict(told.raised) == once
    assert dict(told.verdicts) == once
    assert told.fills > 0
    # Each of stack, market and producer says it once, however often they have tried.
    assert lines.count("log_away") == lines.count("log_back") <= 3


async def dr(*words: str) -> str:
    """What a verb says."""
    done = await asyncio.to_thread(run_forked, words, ROOT, os.environ, PATIENCE)
    assert done.returncode == 0
    return done.stdout


class Lines:
    """The log lines of this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._text = ""

    def count(self, event: str) -> int:
        self._text += self._capture.readouterr().err
        lines = [json.loads(it) for it in self._text.splitlines() if it.startswith("{")]
        return sum(line["event"] == event for line in lines)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return Lines(capsys)


async def test_a_server_that_is_gone(server: Server, tmp_path: Path, lines: Lines) -> None:
    async with trading_stack(server.url, tmp_path / "desk") as trading:
        server.kill()
        await is_away(trading)
        server.start()
        await is_back(trading, lines)


async def test_a_server_that_is_frozen(server: Server, tmp_path: Path, lines: Lines) -> None:
    async with trading_stack(server.url, tmp_path / "desk") as trading:
        server.process.send_signal(signal.SIGSTOP)
        await is_away(trading)
        status = await dr("status", "--data", str(trading.data))
        assert "NOT WELL: the log has taken nothing for" in status
        server.process.send_signal(signal.SIGCONT)
        await is_back(trading, lines)


@pytest.mark.parametrize("kind", ["full", "failing"])
async def test_a_disk_that_takes_nothing_more(kind: str, tmp_path: Path, lines: Lines) -> None:
    """After room is made the server itself has to be started again: it does not recover."""
    disk = small_disk(tmp_path / "store") if kind == "full" else Limited()
    server = Server(tmp_path, disk)
    try:
        async with trading_stack(server.url, tmp_path / "desk") as trading:
            disk.fill(server.process.pid)
            await is_away(trading)
            disk.free(server.process.pid)
            server.process.terminate()
            server.process.wait(PATIENCE)
            server.start()
            await is_back(trading, lines)
    finally:
        server.kill()
        disk.close()


async def test_a_cluster_without_a_majority(nodes: Cluster, tmp_path: Path, lines: Lines) -> None:
    async with trading_stack(nodes.urls, tmp_path / "desk") as trading:
        leader = await nodes.leader()
        lost = [leader, nodes.others(leader)[0]]
        for node in lost:
            node.kill()
        await is_away(trading)
        for node in lost:
            node.start()
        await is_back(trading, lines)
