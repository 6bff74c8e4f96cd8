"""Write limits of the machine: bare fsynced publishes, fenced commits, atomic batches."""

import asyncio
import itertools
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from deadreckon.contracts.subjects import commit_subject, domain, producer_subject
from deadreckon.runtime.log.bus import Bus, Fence, UnavailableError
from deadreckon.runtime.log.connection import Connection
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process.child_process import ChildProcess
from deadreckon.runtime.server.binary import find_nats_server
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.figures import Figure, duration, percentile, rate, slower
from deadreckon.tools.bench.fixture import PRODUCER, CaseError, Fixture

WRITER = "fill"  # service whose domain is written
PAYLOAD = b'{"bench":"' + b"x" * 900 + b'"}'  # bytes of a commit with two events
EVENT = b'{"bench":"' + b"x" * 420 + b'"}'  # bytes of one event in its envelope, half a commit's
SUBJECT = "batch.bench"
STREAM = {"name": "BATCH", "subjects": ["batch.>"], "storage": "file", "allow_atomic": True}
SETTINGS = """listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{store}", sync_interval: always }}
"""
SERVER_WAIT = 10.0  # seconds for the server to come up, and for an answer


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure how fast messages can be stored with fsync; a bare file is the limit."""
    count = fixture.size(4_000, 300)
    async with fixture.temporary_stack("append") as target:
        to_file = percentile(file_syncs(target.folder.root / "limit", count), 0.5)
        bare = await bare_publish(target.bus, count)
        fenced = await fenced_commits(target.bus, count)
    two = 1000 * await batch_seconds(fixture, 2, fixture.size(300, 20))
    hundred = await batch_seconds(fixture, 100, fixture.size(100, 5))
    one = "bare publish, p50"
    return [
        rate("bare fsynced publishes", 1000 * len(bare) / sum(bare), "messages/s"),
        slower(one, percentile(bare, 0.5), to_file, "write and fsync of a file, p50"),
        slower("fenced commit, p50", percentile(fenced, 0.5), percentile(bare, 0.5), one),
        slower("fenced commit, p99", percentile(fenced, 0.99), percentile(bare, 0.5), one),
        slower("atomic batch of 2 messages, p50", two, percentile(bare, 0.5), one),
        rate("messages in atomic batches of 100", 100 / hundred, "messages/s"),
    ]


def file_syncs(path: Path, count: int) -> list[float]:
    """Measure `count` appends to a file with fsync; returns the milliseconds of each."""
    with path.open("wb", buffering=0) as file:

        def append() -> None:
            file.write(PAYLOAD)
            os.fsync(file.fileno())

        return [1000 * duration(append) for _ in range(count)]


async def _milliseconds(count: int, step: Callable[[], Awaitable[object]]) -> list[float]:
    """Measure each of `count` steps in sequence."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        await step()
        times.append((time.perf_counter() - begun) * 1000)
    return times


async def bare_publish(bus: Bus, count: int) -> list[float]:
    """Measure `count` acknowledged publishes in sequence; returns the milliseconds of each."""
    subject, sender = producer_subject(BOOK, OWN_PRODUCER), as_role(bus, PRODUCER)
    return await _milliseconds(count, lambda: sender.append(subject, PAYLOAD))


async def fenced_commits(bus: Bus, count: int) -> list[float]:
    """Measure `count` fenced appends to one domain; returns the milliseconds of each."""
    subject, ours = commit_subject(BOOK, WRITER, "events"), domain(BOOK, WRITER)
    writer = as_role(bus, WRITER)
    tail = await writer.tail(ours)
    last = tail.sequence if tail else 0

    async def commit() -> None:
        nonlocal last
        last = await writer.append(subject, PAYLOAD, Fence(ours, last))

    return await _milliseconds(count, commit)


async def batch_seconds(fixture: Fixture, size: int, batches: int) -> float:
    """Return the median seconds of an acknowledged batch of this many messages, in sequence."""
    with fixture.folder("batch") as folder:
        async with _server(folder.root) as connection:
            await _ask(connection, "$JS.API.STREAM.CREATE.BATCH", json.dumps(STREAM).encode())
            numbers = itertools.count()
            times = await _milliseconds(
                batches, lambda: _batch(connection, f"batch-{next(numbers)}", size)
            )
    return percentile(times, 0.5) / 1000


async def _batch(connection: Connection, name: str, size: int) -> None:
    headers = [{"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(n + 1)} for n in range(size)]
    for each in headers[:-1]:
        await connection.publish(SUBJECT, EVENT, headers=each)
    await _ask(connection, SUBJECT, EVENT, headers[-1] | {"Nats-Batch-Commit": "1"})


async def _ask(
    connection: Connection, subject: str, payload: bytes, headers: dict[str, str] | None = None
) -> None:
    reply = await connection.request(subject, payload, SERVER_WAIT, headers=headers)
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
    deadline = time.monotonic() + SERVER_WAIT
    while True:
        try:
            return await Connection.open(
                url, name="batches", inbox_prefix="_INBOX.batches", wait=1.0
            )
        except UnavailableError as fault:
            if process.code is not None or time.monotonic() > deadline:
                raise CaseError(f"no server for atomic batches: {fault}") from fault
        await asyncio.sleep(0.05)
