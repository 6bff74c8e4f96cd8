"""A log that was recorded live: services side by side, answers late, days that begin amid them."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import to_builtins

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import canonical_event, wrap
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.subjects import SHARED, operator_subject, producer_subject
from deadreckon.contracts.timestamps import day_of, format_timestamp
from deadreckon.replay.whatif.changes import variants
from deadreckon.replay.whatif.job.job import WhatIfRequest, run_whatif
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.domain import Domain
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.services.assembly import assemble
from deadreckon.services.catalogue import BOOK, RANK
from tests.stories import (
    HOUR,
    INSTRUMENT,
    MINUTE,
    START,
    at,
    bar,
    deposit,
    limits,
    listed,
    reporting,
    venue,
)

Document = dict[str, Any]


LAG = 12  # turns of the event loop between two bars: some have answered by then, and some not


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Live:
    """Services at work while the world goes on without waiting for them."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.now = START
        self._feed = Feed(self.bus)
        self._market = Domain(self.bus, SHARED, "market", "live")
        self._services = assemble(RANK, self.bus, self._feed, book=BOOK, mode="paper")
        self._told = 0

    async def row(self, event: Event, after: int = MINUTE) -> None:
        self.now += after
        self._told += 1
        row: Recorded[Any] = at(canonical_event(event), self.now, id=f"r{self._told}", book=SHARED)
        record = msgspec.structs.replace(row, source="market")
        place = self._market.sequence
        await self._market.append((place + 1, place, 0), [], [wrap(record)])
        await turns(LAG)

    async def fact(self, event: Event) -> None:
        self._told += 1
        payload = write_fact(f"f{self._told}", NAMES[type(event)], event)
        await self.bus.append(operator_subject(BOOK, "ann"), payload)

    async def signal(self, id: str, side: str, quantity: int, **more: Any) -> None:
        signal = {"id": id, "strategy": "ext", "instrument": INSTRUMENT, "side": side}
        signal |= {"quantity": str(quantity), "at": format_timestamp(self.now)} | more
        await self.bus.append(producer_subject(BOOK, "alice"), msgspec.json.encode(signal))

    async def settled(self) -> None:
        while any(service.position < self.bus.log.last for service in self._services):
            await turns(1)

    async def play(self) -> None:
        """Two days; wishes come between bars that nobody has answered yet."""
        for event in (listed(), venue(), reporting(), deposit(), limits(order_notional_max=900)):
            await self.fact(event)
        for number, price in enumerate((100, 101, 102, 103, 104)):
            await self.row(bar(price))
            await self.signal(f"buy {number}", "buy", 1 + number)
        await self.row(bar(105), 24 * HOUR)
        await self.signal("big", "buy", 8)
        for price in (106, 107, 108):
            await self.row(bar(price))
        await self.settled()
        await self.signal("out", "sell", 23, reduce_only=True)
        await self.row(bar(110))
        await self.settled()
        await self.row(bar(111))

    async def record(self) -> list[Stored]:
        await self._feed.start()
        for service in self._services:
            await service.replay()
        working = [asyncio.create_task(service.follow()) for service in self._services]
        try:
            await self.play()
            await self.settled()
        finally:
            await cancel_all(working)
            await self._feed.stop()
        return self.bus.log.messages


def whatif(log: list[Stored], *settings: str, day: str | None = None) -> Document:
    wanted = WhatIfRequest(Path("nowhere"), day, variants(settings, [], [], []), 1)
    found: Document = to_builtins(run_whatif(wanted, log, shows=False))
    return found


def test_what_was_recorded_side_by_side_is_replayed_in_turns_and_that_is_said() -> None:
    log = asyncio.run(Live().record())

    found = whatif(log, "risk.order_notional_max=600")
    (variant,) = found["variants"]

    record = " ".join(found["honesty"])
    assert not found["baseline"]["equal"]
    assert "recorded live" in record
    assert found["baseline"]["fills"] == found["record"]["fills"]
    assert [row["signal_id"] for row in variant["refused_newly"]] == ["big"]
    told = variant["difference"]
    net, before = (Decimal(run["pnl"]["net"]) for run in (variant, found["baseline"]))
    assert Decimal(told["paper_matching"]) == net - before
    assert told["assumed"]["fills"] == 0
    assert told["left_open"] == "0"


def test_a_day_that_begins_before_everybody_has_answered_the_last_one() -> None:
    log = asyncio.run(Live().record())
    second = day_of(START + 24 * HOUR + 6 * MINUTE)

    found = whatif(log, "risk.order_notional_max=600", day=second)
    (variant,) = found["variants"]

    assert [row["signal_id"] for row in variant["refused_newly"]] == ["big"]
    assert found["baseline"]["fills"] == found["record"]["fills"] > 0
