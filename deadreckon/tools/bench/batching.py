"""Batch write limit of the machine: JetStream's own atomic batches, with fsync.

The log does not use them, because its commits are single messages; so the bench writes to a
separate stream, on a server without accounts.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deadreckon.runtime.log.bus import UnavailableError
from deadreckon.runtime.log.connection import Connection
from deadreckon.runtime.process.child_process import ChildProcess
from deadreckon.runtime.server.binary import find_nats_server
from deadreckon.tools.bench.figures import percentile
from deadreckon.tools.bench.fixture import CaseError, Fixture

PAYLOAD = b'{"bench":"' + b"x" * 420 + b'"}'  # bytes of one event in its envelope, half a commit's
SUBJECT = "batch.bench"
STREAM = {"name": "BATCH", "subjects": ["batch.>"], "storage": "file", "allow_atomic": True}
SETTINGS = """listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{store}", sync_interval: always }}
"""
WAIT = 10.0  # seconds for the server to come up, and for an answer


async def batch_seconds(fixture: Fixture, size: int, batches: int) -> float:
    """Return the median seconds of an acknowledged batch of this many messages, in sequence."""
    with fixture.folder("batch") as folder:
        async with _server(folder.root) as connection:
            await _ask(connection, "$JS.API.STREAM.CREATE.BATCH", json.dumps(STREAM).encode())
            times = [await _batch(connection, f"batch-{number}", size) for number in range(batches)]
    return percentile(times, 0.5)


async def _batch(connection: Connection, name: str, size: int) -> float:
    begun = time.perf_counter()
    for number in range(1, size):
        await connection.publish(SUBJECT, PAYLOAD, headers=_batch_headers(name, number))
    await _ask(
        connection, SUBJECT, PAYLOAD, _batch_headers(name, size) | {"Nats-Batch-Commit": "1"}
    )
    return time.perf_counter() - begun


def _batch_headers(name: str, number: int) -> dict[str, str]:
    return {"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(number)}


async def _ask(
    connection: Connection, subject: str, payload: bytes, headers: dict[str, str] | None = None
) -> None:
    reply = await connection.request(subject, payload, WAIT, headers=headers)
    answer = json.loads(reply.payload)
    if "error" in answer:
        raise CaseError(f"{subject}: {answer['error']['description']}")


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[Connection]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "batch.conf"
    settings.write_text(SETTINGS.format(port=port, store=folder / "batches"), "utf-8")
    with (folder / "batch.log").open("wb") as words:
        process = await ChildProcess.start(
            [str(find_nats_server()), "-c", str(settings)], stdout=words, stderr=words
        )
        try:
            connection = await _connected(f"nats://127.0.0.1:{port}", process)
            yield connection
            await connection.close()
        finally:
            await process.stop()


async def _connected(url: str, process: ChildProcess) -> Connection:
    deadline = time.monotonic() + WAIT
    while True:
        try:
            return await Connection.open(
                url,
                user=None,
                password=None,
                token=None,
                credential=None,
                tls=None,
                name="batches",
                inbox_prefix="_INBOX.batches",
                wait=1.0,
            )
        except UnavailableError as fault:
            if process.code is not None or time.monotonic() > deadline:
                raise CaseError(f"no server for atomic batches: {fault}") from fault
        await asyncio.sleep(0.05)
