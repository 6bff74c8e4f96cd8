"""Signals of the bench, and a producer in a separate process that sends them."""

import asyncio
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.subjects import producer_subject
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.runtime.log.bus import Bus, UnavailableError
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.role_connections import as_role
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.child_process import ChildProcess, dr_environment
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.fixture import PRODUCER, CaseError
from deadreckon.tools.bench.market import INSTRUMENT

QUANTITY = "0.001"


def signal(number: int, run: str, at: int | None = None) -> dict[str, str]:
    """Make one small entry; one strategy buys and another sells, so that the net position is 0.

    A strategy that did both would race to close its own positions.
    """
    side = "buy" if number % 2 else "sell"
    return {
        "id": f"{run}-{number}",
        "strategy": f"bench-{side}",
        "instrument": INSTRUMENT,
        "side": side,
        "quantity": QUANTITY,
        "at": format_timestamp(time.time_ns() if at is None else at),
    }


def ids(payload: bytes) -> list[str]:
    """Return the ids of the signals in a producer's message."""
    content = msgspec.json.decode(payload)
    return [each["id"] for each in (content if isinstance(content, list) else [content])]


async def send_batch(bus: Bus, run: str, first: int, count: int, at: int | None = None) -> int:
    """Publish signals as one message; returns its sequence."""
    batch = [signal(number, run, at) for number in range(first, first + count)]
    payload = msgspec.json.encode(batch)
    sender = as_role(bus, PRODUCER)
    return await retry(lambda: sender.append(producer_subject(BOOK, OWN_PRODUCER), payload))


async def send(bus: Bus, run: str, count: int, per_second: float) -> None:
    """Publish signals at a steady pace, regardless of earlier acknowledgements (open loop).

    A signal that is not acknowledged in time is still stored later; a resend would only lengthen
    the queue.
    """
    subject = producer_subject(BOOK, OWN_PRODUCER)
    begun = time.monotonic()
    sending: set[asyncio.Task[None]] = set()
    for number in range(count):
        due = begun + number / per_second
        if (left := due - time.monotonic()) > 0:
            await asyncio.sleep(left)
        task = asyncio.create_task(_publish(bus, subject, signal(number, run)))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)


async def _publish(bus: Bus, subject: str, content: object) -> None:
    with suppress(UnavailableError):
        await bus.append(subject, msgspec.json.encode(content))


async def produce(data: Path, run: str, count: int, per_second: float) -> None:
    """Send from a separate process, as producers do, so that the services keep theirs."""
    command = [sys.executable, "-m", "deadreckon.tools.bench.signals", str(data.absolute())]
    command += [run, str(count), str(per_second)]
    process = await ChildProcess.start(command, environment=dr_environment(), stdout=None)
    try:
        if await process.wait():
            raise CaseError(f"the producer ended with code {process.code}")
    finally:
        await process.kill()


async def _produce_here(data: Path, run: str, count: int, per_second: float) -> None:
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "producer.log")
    async with open_bus(folder, None, PRODUCER) as bus:
        await send(bus, run, count, per_second)


if __name__ == "__main__":
    _, data_folder, run_name, wanted, pace = sys.argv
    asyncio.run(_produce_here(Path(data_folder), run_name, int(wanted), float(pace)))
