"""A market for a stack that runs: bars published as its own player of tapes would."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.subjects import SHARED
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process.folder import Folder

MINUTE = 60_000_000_000


def publish_bars(data: Path, instrument: str, closes: Iterable[Decimal | int], at: int) -> None:
    """Publish bars of a minute that close at a minute's distance; the last one at `at`."""
    bars = [Decimal(close) for close in closes]
    begin = at - (len(bars) - 1) * MINUTE
    asyncio.run(_publish(data, instrument, bars, begin))


async def _publish(data: Path, instrument: str, closes: list[Decimal], begin: int) -> None:
    async with open_bus(Folder(data), None, "market") as bus:
        domain = Domain(bus, SHARED, "market", "test")
        await domain.recover()
        envelopes = []
        for number, close in enumerate(closes):
            time = begin + number * MINUTE
            name = derive_id(f"bars-{time}", "test", domain.n)
            size = Decimal(1_000)
            bar = BarClosed(instrument, MINUTE, close, close, close, close, size, "base")
            record = Recorded(name, time, SHARED, "paper", "market", None, name, bar)
            envelopes.append(wrap(record))
        last = domain.sequence
        await domain.append((last + 1, last, 0), [], envelopes)


def events_of(data: Path, shape: type[Event]) -> list[Any]:
    """All events of one type in the log of a stack that runs."""

    async def read() -> list[Any]:
        async with open_bus(Folder(data)) as bus:
            return [
                record.event
                async for message in read_messages(bus)
                for record in message.facts
                if isinstance(record.event, shape)
            ]

    return asyncio.run(read())
