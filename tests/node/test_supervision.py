"""A service that fails on the same event again and again halts its book, and the event is named."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import FlattenRequested, HaltRequested
from deadreckon.contracts.inbound import read_fact, write_fact
from deadreckon.contracts.subjects import operator_subject
from deadreckon.node.supervision import SUPERVISOR, halt_after_crashes
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.service.crash_counter import REPEATS, CrashCounter
from deadreckon.runtime.service.service import Service


class Broken:
    """Fails on every flatten."""

    def initial(self) -> int:
        return 0

    def evolve(self, state: int, record: Recorded[Any]) -> int:
        return state + 1

    def decide(self, state: int, record: Recorded[Any]) -> Sequence[Event]:
        if isinstance(record.event, FlattenRequested):
            raise ZeroDivisionError("nothing is held")
        return []


async def live_once(bus: MemoryBus, crashes: CrashCounter) -> None:
    feed = Feed(bus)
    broken = cast(ModuleType, Broken())
    service = Service(
        "risk", broken, bus, feed, book="desk", mode="paper", code="t", crashes=crashes
    )
    await feed.start()
    try:
        await service.replay()
        await service.take_turn((await bus.info()).last)
    finally:
        await feed.stop()


async def test_three_identical_ends_halt_the_book_once_and_name_the_event(tmp_path: Path) -> None:
    bus, crashes = MemoryBus(), CrashCounter(tmp_path / "crashes.jsonl")
    fact = write_fact("f1", "governance.flatten_requested", FlattenRequested("me", "story"))
    await bus.append(operator_subject("desk", "me"), fact)
    for _ in range(REPEATS):
        assert await halt_after_crashes(bus, "desk", crashes) is None
        with pytest.raises(ZeroDivisionError):
            await live_once(bus, crashes)
    reason = await halt_after_crashes(bus, "desk", crashes)
    assert reason is not None
    assert "risk failed 3 times on FlattenRequested" in reason
    assert "ZeroDivisionError: nothing is held" in reason
    record = await bus.tail(operator_subject("desk", SUPERVISOR))
    assert record is not None
    halt = read_fact(SUPERVISOR, record.payload)[2]
    assert isinstance(halt, HaltRequested)
    assert halt.scope == "all"
    await halt_after_crashes(bus, "desk", crashes)
    again = await bus.tail(operator_subject("desk", SUPERVISOR))
    assert again is not None
    assert again.payload == record.payload  # the same fact, which every service hears once


async def test_an_orderly_end_forgets_what_happened_before(tmp_path: Path) -> None:
    bus, crashes = MemoryBus(), CrashCounter(tmp_path / "crashes.jsonl")
    fact = write_fact("f1", "governance.flatten_requested", FlattenRequested("me", "story"))
    await bus.append(operator_subject("desk", "me"), fact)
    for _ in range(REPEATS - 1):
        with pytest.raises(ZeroDivisionError):
            await live_once(bus, crashes)
    crashes.forget()
    with pytest.raises(ZeroDivisionError):
        await live_once(bus, crashes)
    assert crashes.repeated() is None
