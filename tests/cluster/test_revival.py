"""The server that a stack keeps itself: when it can no longer write, and when it can again."""

import asyncio
import os
from pathlib import Path

import pytest

from deadreckon.archive.open_log import stack_bus
from deadreckon.runtime.log.bus import Bus, UnavailableError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.runtime.server.server_files import ServerAddress
from deadreckon.runtime.server.supervisor import write_fault
from tests.cluster.disks import Limited, Mounted
from tests.conftest import PATIENCE

EVENTS = "log.desk.op.stack"


def found(data: Path) -> ServerAddress:
    address = running_server(data)
    assert address is not None
    return address


async def until_refused(bus: Bus) -> int:
    """Write until the log takes no more; how many it took."""
    taken = 0
    while True:
        try:
            await bus.append(EVENTS, os.urandom(60_000))
            taken += 1
        except UnavailableError:
            return taken


@pytest.mark.parametrize("kind", ["failing", "full"])
async def test_a_server_that_cannot_write_is_started_again_once_there_is_room(
    kind: str, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "data").create()
    store = folder.root / "nats" / "store"
    store.mkdir(parents=True)
    # A disk in a tree of its own would be seen by the server alone, not by who looks after it.
    disk = Mounted(store, own_tree=False) if kind == "full" and os.geteuid() == 0 else Limited()
    try:
        async with stack_bus(folder, None) as bus:
            before = found(folder.root)
            await bus.append(EVENTS, b"first")
            disk.fill(before.pid)
            taken = await until_refused(bus)
            assert (await retry(bus.info)).last == 1 + taken  # what it holds can still be read
            waiting = asyncio.create_task(retry(lambda: bus.append(EVENTS, b"waited")))
            disk.free(before.pid)
            async with asyncio.timeout(PATIENCE):
                sequence = await waiting
            info = await retry(bus.info)
            assert sequence <= info.last == info.messages <= 3 + taken
            after = found(folder.root)
            assert (after.url, after.pid != before.pid) == (before.url, True)
    finally:
        disk.close()


async def test_a_frozen_server_is_not_ours_to_end(tmp_path: Path) -> None:
    """Nobody knows what a server that says nothing is about to write; whoever froze it does."""
    assert write_fault("http://127.0.0.1:9", tmp_path) == ""
