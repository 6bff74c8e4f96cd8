"""A stack as `dr up` runs it, with a market and a producer that never give up."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import wrap
from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import QuoteUpdated
from deadreckon.contracts.orders import OrderApproved, OrderFilled
from deadreckon.contracts.portfolio import CashDeposited, ReportingConfigured
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.contracts.subjects import operator_subject, producer_subject
from deadreckon.node.settings import StackSettings
from deadreckon.node.up import StackAddresses, run_stack
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import Domain, retry
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.web.serving import gateway_served
from tests.conftest import PATIENCE

INSTRUMENT = "BTCUSDT.PAPER"
ACTOR_AND_REASON = ("ann", "opening")
PAUSE = 0.05  # seconds between two signals, and between two quotes


def opening() -> list[Event]:
    """What a desk needs to trade, with limits that let everything pass."""
    return [
        InstrumentListed(
            INSTRUMENT,
            "BTCUSDT",
            "PAPER",
            "spot",
            "BTC",
            "USDT",
            Decimal("0.01"),
            Decimal("0.001"),
            Decimal("0.001"),
            Decimal(1),
            Decimal(1),
            *ACTOR_AND_REASON,
            market="spot",
        ),
        VenueConfigured(
            "PAPER", Decimal(0), Decimal(0), "", Decimal(1), 0, Decimal(1), *ACTOR_AND_REASON
        ),
        ReportingConfigured("USDT", NANOSECONDS, *ACTOR_AND_REASON),
        CashDeposited("USDT", Decimal(1_000_000_000), *ACTOR_AND_REASON),
        LimitsSet(*ACTOR_AND_REASON, entries_per_minute=None, entries_per_minute_instrument=None),
    ]


class TradingStack:
    """What trades, and who asks it to; `acknowledged` are the signals that the log has taken."""

    def __init__(self, servers: str, data: Path) -> None:
        self.data = data
        self.web = ""
        self.acknowledged: list[str] = []
        self._servers = servers
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start the stack, open the desk, and begin to ask."""
        announced: asyncio.Future[StackAddresses] = asyncio.get_running_loop().create_future()
        settings = StackSettings(
            data=str(self.data), nats=self._servers, web_port=0, clock_seconds=0.2
        )
        self._start(run_stack(settings, announced.set_result, gateway_served))
        self.web = (await announced).web
        self.bus = await JetStreamBus.connect(self._servers)
        for number, fact in enumerate(opening()):
            record = write_fact(f"opening-{number}", NAMES[type(fact)], fact)
            await retry(partial(self.bus.append, operator_subject("desk", "ann"), record))
        self._start(self._quote(await JetStreamBus.connect(self._servers)))
        self._start(self._produce(await JetStreamBus.connect(self._servers)))

    def _start(self, job: Any) -> None:
        self._tasks.append(asyncio.create_task(job))

    async def _quote(self, bus: Bus) -> None:
        domain = Domain(bus, "shared", "market", "test")
        number = 0
        while not self._stopping.is_set():
            number += 1
            name = derive_id("quotes", "test", number)
            size = Decimal(100)
            quote = QuoteUpdated(INSTRUMENT, Decimal(100), Decimal(101), size, size)
            record = Recorded(
                name, time.time_ns(), "shared", "paper", "market", None, name, quote, 0, 0
            )
            place = domain.sequence
            await domain.append((place + 1, place, 0), [], [wrap(record)])
            await asyncio.sleep(PAUSE)

    async def _produce(self, bus: Bus) -> None:
        subject = producer_subject("desk", "ext")
        while not self._stopping.is_set():
            name = f"signal-{len(self.acknowledged) + 1}"
            signal = {"id": name, "strategy": "ext", "instrument": INSTRUMENT, "side": "buy"}
            now = datetime.now(UTC).isoformat()
            record = json.dumps({**signal, "quantity": "0.01", "at": now}).encode()
            await retry(lambda record=record: bus.append(subject, record))  # type: ignore[misc]
            self.acknowledged.append(name)
            await asyncio.sleep(PAUSE)

    def check_alive(self) -> None:
        """Raise what ended the stack, the market or the producer."""
        for task in self._tasks:
            if task.done():
                task.result()
                assert self._stopping.is_set(), f"{task} has ended"

    async def health(self) -> dict[str, Any]:
        """The page /health, whatever its status."""
        return await asyncio.to_thread(_ask, f"{self.web}/health")

    async def metric(self, name: str) -> float:
        """A figure without labels from the page /metrics."""

        def read() -> float:
            with urllib.request.urlopen(f"{self.web}/metrics", timeout=PATIENCE) as answer:
                lines = answer.read().decode().splitlines()
            return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])

        return await asyncio.to_thread(read)

    async def until_well(self, well: bool) -> dict[str, Any]:
        """The page /health as soon as it says so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self.check_alive()
                found = await self.health()
                if (not found["trouble"]) is well:
                    return found
                await asyncio.sleep(0.05)

    async def more(self, count: int = 10) -> None:
        """Wait until the log has taken so many more signals."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.acknowledged) < wanted:
                self.check_alive()
                await asyncio.sleep(0.02)

    async def close(self) -> "LogTally":
        """Ask no more, wait until all is answered, and end; what the log tells."""
        self._stopping.set()
        await asyncio.gather(*self._tasks[1:])
        async with asyncio.timeout(PATIENCE):
            told = await read(self.bus)
            while not set(self.acknowledged) <= told.verdicts.keys():
                self.check_alive()
                await asyncio.sleep(0.1)
                told = await read(self.bus)
        return told

    async def stop(self) -> None:
        """End everything, in any state."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class LogTally:
    """A log: how often each signal was raised, judged and traded, in log order."""

    def __init__(self) -> None:
        self.raised: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.fills = 0
        self.damage: list[str] = []

    def take(self, record: Recorded[Any]) -> None:
        match record.event:
            case SignalRaised(signal_id=name):
                self.raised[name] += 1
            case OrderApproved(signal_id=name) | SignalRefused(signal_id=name):
                self.verdicts[name] += 1
            case OrderFilled():
                self.fills += 1
            case _:
                pass


async def read(bus: Bus) -> LogTally:
    """The whole log, its chains followed."""
    told, decoding = LogTally(), Decoding()
    last = (await retry(bus.info)).last
    reader, sequence = await bus.read(0), 0
    while sequence < last:
        for stored in await reader.next(1.0):
            sequence = stored.sequence
            message = decoding.decode(stored)
            told.damage += [message.damage] if message.damage else []
            for record in message.facts:
                told.take(record)
    await reader.close()
    return told


def _ask(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as answer:
        found = json.load(answer)
    return found


@asynccontextmanager
async def trading_stack(servers: str, data: Path) -> AsyncIterator[TradingStack]:
    """A desk that trades."""
    found = TradingStack(servers, data)
    try:
        await found.start()
        await found.until_well(True)
        await found.more()
        yield found
    finally:
        await found.stop()
