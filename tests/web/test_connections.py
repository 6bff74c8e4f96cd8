"""The gateway's connections are bounded, so that nobody takes the stack's descriptors."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deadreckon.node.readiness import Readiness
from deadreckon.runtime.process.folder import Folder
from deadreckon.web import connections
from deadreckon.web.connections import CONNECTIONS_MAX, LogForwarding
from deadreckon.web.gateway import Gateway
from tests.support.data_folder import folder_with_views
from tests.support.handmade_logs import busy_log
from tests.web.test_gateway import living

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]

UNFINISHED = [
    b"",
    b"GET /hea",
    b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n",
    b"POST /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\nhalf",
]
ASKED = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return folder_with_views(tmp_path / "run", busy_log(seed=1, orders=5))


@pytest.fixture
async def vitals(folder: Folder) -> AsyncIterator[Readiness]:
    async with living(folder) as found:
        yield found


async def connected(gateway: Gateway, text: bytes) -> Pair:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(text)
    await writer.drain()
    return reader, writer


async def until_ended(pair: Pair) -> bytes:
    try:
        return await asyncio.wait_for(pair[0].read(), 60)
    except ConnectionResetError:
        return b""
    finally:
        pair[1].close()


@pytest.mark.parametrize("text", UNFINISHED)
async def test_a_request_that_does_not_come_to_its_end_is_ended(
    text: bytes, folder: Folder, vitals: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.2)
    async with Gateway(folder, vitals, 0) as gateway:
        await until_ended(await connected(gateway, text))
        await until_ended(await connected(gateway, ASKED + text))  # also behind one that did


async def test_connections_beyond_the_bound_are_closed_and_the_others_answered(
    folder: Folder, vitals: Readiness
) -> None:
    async with Gateway(folder, vitals, 0) as gateway:
        held = [await connected(gateway, UNFINISHED[2]) for _ in range(CONNECTIONS_MAX)]
        for _ in range(3):
            assert await until_ended(await connected(gateway, ASKED)) == b""

        held[0][1].write(b"\r\n")
        assert (await held[0][0].readline()).startswith(b"HTTP/1.1 200")
        assert len(gateway.connections) == CONNECTIONS_MAX
        for _, writer in held:
            writer.close()


async def test_a_line_that_comes_again_and_again_is_logged_once() -> None:
    forwarding = LogForwarding()
    loop = asyncio.get_running_loop()
    line = logging.makeLogRecord({"msg": "Invalid HTTP request received."})
    fault = {
        "message": connections.OUT_OF_DESCRIPTORS,
        "exception": OSError(24, "Too many open files"),
    }

    with capture_logs() as lines:
        for _ in range(1_000):
            forwarding.emit(line)
            forwarding.loop_fault(loop, fault)

    assert [found["event"] for found in lines] == ["gateway", "gateway_out_of_descriptors"]
