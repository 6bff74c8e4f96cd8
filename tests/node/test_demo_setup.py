"""A demo's setup is said once, whole, whenever its start was cut short."""

import pytest

from deadreckon.contracts.inbound import read_fact
from deadreckon.contracts.portfolio import CashDeposited
from deadreckon.contracts.subjects import operator_subject
from deadreckon.marketdata.tapes.header import TapeHeader
from deadreckon.node.demo_setup import ACTOR, set_up, setup_facts
from deadreckon.node.facts import publish_fact
from deadreckon.runtime.log.memory import MemoryBus
from tests.stories import START, deposit

HEADER = TapeHeader(
    instrument="BTCUSDT.PAPER",
    kind="bars",
    rows=1,
    first_at=START,
    last_at=START,
    price_scale=2,
    quantity_scale=4,
    interval_seconds=60,
    volume_unit="base",
)
FACTS = setup_facts(HEADER)


async def _said(bus: MemoryBus) -> list[object]:
    return [read_fact(ACTOR, stored.payload)[2] for stored in bus.log.messages]


@pytest.mark.parametrize("done", range(len(FACTS) + 1))
async def test_a_start_that_was_cut_short_goes_on_with_what_is_unsaid(done: int) -> None:
    bus = MemoryBus()
    for number in range(done):
        await publish_fact(bus, "desk", ACTOR, f"setup-{number}", FACTS[number])
    await set_up(bus, "desk", HEADER)
    await set_up(bus, "desk", HEADER)
    assert await _said(bus) == FACTS


async def test_what_somebody_said_at_this_door_later_does_not_begin_it_anew() -> None:
    bus = MemoryBus()
    await set_up(bus, "desk", HEADER)
    await publish_fact(bus, "desk", ACTOR, "more", deposit(1))
    await bus.append(operator_subject("desk", ACTOR), b"garbage")
    await set_up(bus, "desk", HEADER)
    assert len(bus.log.messages) == len(FACTS) + 2
    assert sum(isinstance(fact, CashDeposited) for fact in await _said(bus)) == 2
