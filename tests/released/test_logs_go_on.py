"""A folder of a release that was stopped within its tape goes on under today's program."""

from collections import Counter
from typing import Any

import pytest

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.orders import OrderFilled, OrderSubmitting
from deadreckon.contracts.signals import SignalRaised
from deadreckon.replay.whatif.job.simulation import MemoryStack
from deadreckon.runtime.log.bus import Stored
from deadreckon.services.catalogue import BOOK, RANK
from tests.released.test_logs_of_releases import CASES, logs_of
from tests.sessions.player import audited, decoded

CUTS = 12  # of each log, spread evenly


def is_external(stored: Stored) -> bool:
    """True for what no service publishes: the market, producers and operators."""
    return stored.subject.split(".")[2] not in RANK


def goes_on(log: list[Stored], cut: int) -> list[Stored]:
    """The log up to a message, and on from there with what came in from outside."""
    stack = MemoryStack(log[:cut], BOOK, "paper")
    stack.replay()
    stack.take([])
    for stored in log[cut:]:
        if is_external(stored):
            stack.take([stored])
    return stack.log.messages


@pytest.mark.parametrize(("version", "name"), CASES)
def test_a_log_that_was_cut_anywhere_goes_on_to_its_end(version: str, name: str) -> None:
    log = logs_of(version)[name]
    for cut in range(0, len(log) + 1, max(1, len(log) // CUTS)):
        after = goes_on(log, cut)
        assert [each.payload for each in after[:cut]] == [each.payload for each in log[:cut]]
        records = [record for message in decoded(after) for record in message.facts]
        _nothing_is_decided_twice(records)
        assert audited(after).differences == []


def _nothing_is_decided_twice(records: list[Recorded[Any]]) -> None:
    bars = {record.id for record in records if isinstance(record.event, BarClosed)}
    assert len(bars) == sum(isinstance(record.event, BarClosed) for record in records)
    signals = Counter(
        (record.event.strategy, record.at, record.event.reduce_only)
        for record in records
        if isinstance(record.event, SignalRaised) and not record.event.producer
    )
    assert all(count == 1 for count in signals.values())
    orders = Counter(r.event.order_id for r in records if isinstance(r.event, OrderSubmitting))
    assert all(count == 1 for count in orders.values())
    trades = Counter(r.event.trade_id for r in records if isinstance(r.event, OrderFilled))
    assert all(count == 1 for count in trades.values())
