"""Places, order and restarts: what the projector promises of any sink."""

from random import Random
from typing import Any

import pytest

from deadreckon.contracts.market import ClockTicked
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.projector import OutOfOrderError, Projector
from deadreckon.projections.sinks.sink import Batch, DamagedError
from tests import stories
from tests.stories import filled
from tests.support.handmade_logs import (
    FactLog,
    accepted,
    approved,
    busy_log,
    cancelled,
    fold_log,
    routed,
    submitting,
)
from tests.support.memory_sink import MemorySink


class Picky(MemorySink):
    """A sink that fails at its n-th write."""

    def __init__(self, fails_at: int) -> None:
        super().__init__()
        self.left = fails_at

    def write(self, batch: Batch) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError("disk full")
        super().write(batch)


def folded(log: FactLog, flush_every: int = 0, until: int | None = None) -> MemorySink:
    sink = MemorySink()
    projector = Projector([sink])
    for sequence, facts, stored_at in log.messages[: until or log.last]:
        projector.fold(sequence, facts, stored_at)
        if flush_every and sequence % flush_every == 0:
            projector.flush()
    projector.flush()
    return sink


def test_place_is_the_last_message_even_without_facts() -> None:
    log = FactLog()
    log.say(filled("buy", 1, 100))
    log.say()
    sink = folded(log)
    assert sink.sequence == 2
    assert sink.rows("fills")[0]["sequence"] == 1


def test_a_message_out_of_order_is_refused_and_nothing_is_folded() -> None:
    projector = Projector([MemorySink()])
    with pytest.raises(OutOfOrderError, match="expected sequence 1, found 2"):
        projector.fold(2, [])
    projector.fold(1, [])
    with pytest.raises(OutOfOrderError, match="expected sequence 2, found 1"):
        projector.fold(1, [])
    assert projector.sequence == 1


def test_rows_stay_unseen_until_the_flush() -> None:
    sink = MemorySink()
    projector = Projector([sink])
    fold_log(projector, busy_log(1, 3))
    assert (sink.sequence, sink.rows("fills")) == (0, [])
    projector.flush()
    assert sink.sequence == projector.sequence
    assert sink.rows("fills")


@pytest.mark.parametrize("flush_every", [1, 2, 7, 100])
def test_digests_do_not_depend_on_when_it_was_flushed(flush_every: int) -> None:
    log = busy_log(1, 40)
    whole, pieces = folded(log), folded(log, flush_every)
    assert pieces.digests() == whole.digests()
    assert pieces.changes == whole.changes  # every change is a row, whoever flushed when


def test_digests_do_not_depend_on_places() -> None:
    here, there = FactLog(), FactLog()
    there.say(ClockTicked())  # everything comes one message later
    for log in (here, there):
        log.say(filled("buy", 1, 100), id="f1")
        log.say(approved("o1"), id="a1")
    assert folded(here).digests() == folded(there).digests()


def test_digests_see_every_change_of_a_value() -> None:
    here, there = FactLog(), FactLog()
    here.say(filled("buy", 1, "100.01"))
    there.say(filled("buy", 1, "100.02"))
    assert folded(here).digests()["fills"] != folded(there).digests()["fills"]
    assert folded(here).digests()["fills"].rows == folded(there).digests()["fills"].rows


@pytest.mark.parametrize("cut", [1, 10, 57, 120, 200])
def test_a_restart_changes_nothing(cut: int) -> None:
    log = busy_log(2, 40)
    sink = folded(log, until=cut)
    projector = Projector([sink])
    fold_log(projector, log)
    projector.flush()
    assert sink.digests() == folded(log).digests()
    assert sink.kept == folded(log).kept


def test_an_order_that_ended_is_loaded_again_for_a_late_fill() -> None:
    log = FactLog()
    log.say(approved("o1"), routed("o1"), submitting("o1"), accepted("o1"))
    log.say(cancelled("o1", 2))
    before = log.last
    log.say(filled("buy", 1, 100, order="o1", leaves=1))
    sink = folded(log, flush_every=1, until=before)
    projector = Projector([sink])
    fold_log(projector, log)
    assert sink.loads == 1
    projector.flush()
    (order,) = sink.rows("orders")
    assert (order["status"], order["filled_quantity"]) == ("cancelled", "1")
    assert order["client_order_id"] == "c-o1"  # what was known of it is not lost
    assert sink.digests() == folded(log).digests()


def test_a_new_order_is_not_looked_for() -> None:
    sink = folded(busy_log(1, 40), flush_every=3)
    assert sink.loads == 0


def test_a_fill_told_again_after_a_restart_is_known() -> None:
    log = FactLog()
    log.say(filled("buy", 1, 100))
    sink = folded(log)
    log.say(filled("buy", 1, 100))
    projector = Projector([sink])
    fold_log(projector, log)
    projector.flush()
    assert len(sink.rows("fills")) == 1


def test_a_fill_told_again_within_seven_days_is_known_and_later_forgotten() -> None:
    log = FactLog()
    log.say(filled("buy", 1, 100, id="t1"))
    log.say(filled("buy", 1, 100, id="t2"), after=7 * stories.DAY)
    log.say(filled("buy", 1, 100, id="t1"))
    log.say(filled("buy", 1, 100, id="t3"), after=stories.DAY)  # ids are forgotten a day at a time
    log.say(filled("buy", 1, 100, id="t1"))
    sink = folded(log)
    assert [fill["sequence"] for fill in sink.rows("fills")] == [1, 2, 4, 5]
    again = folded(log, until=4)
    projector = Projector([again])
    fold_log(projector, log)
    projector.flush()
    assert again.digests() == sink.digests()


def test_open_orders_alone_stay_in_memory() -> None:
    sink = MemorySink()
    projector = Projector([sink])
    log = busy_log(3, 200)
    log.say(approved("open"))
    fold_log(projector, log)
    projector.flush()
    orders = next(held for held in projector._lanes[0]._held if held.table.name == "orders")
    assert list(orders._rows) == [("open",)]  # type: ignore[union-attr]
    assert list(orders._settled) == [("open",)]  # type: ignore[union-attr]


def test_sinks_at_different_places_are_handed_what_they_lack_and_then_go_together() -> None:
    log = busy_log(4, 40)
    behind, ahead = folded(log, until=30), folded(log, until=80)
    projector = Projector([ahead, behind])
    assert (projector.sequence, projector.furthest) == (30, 80)
    fold_log(projector, log, until=80)
    assert len(projector._lanes) == 1
    fold_log(projector, log)
    projector.flush()
    assert behind.digests() == ahead.digests() == folded(log).digests()
    assert behind.kept == ahead.kept == folded(log).kept


def test_three_sinks_meet_one_after_the_other() -> None:
    log = busy_log(5, 20)
    sinks = [folded(log, until=place) for place in (70, 10, 40)]
    projector = Projector(sinks)
    fold_log(projector, log)
    projector.flush()
    assert [sink.digests() for sink in sinks] == [folded(log).digests()] * 3


def test_sinks_that_meet_and_differ_are_refused() -> None:
    log = busy_log(6, 20)
    one, other = folded(log), folded(log)
    other._digests["fills"] = TableDigest(1, 2)
    with pytest.raises(DamagedError, match="fills: memory and memory differ"):
        Projector([one, other])


def test_after_a_failed_write_nothing_more_is_written() -> None:
    log = busy_log(7, 20)
    sink = Picky(fails_at=2)
    projector = Projector([sink])
    fold_log(projector, log, until=20)
    projector.flush()
    fold_log(projector, log, until=40)
    with pytest.raises(OSError, match="disk full"):
        projector.flush()
    projector.close()
    assert sink.sequence == 20
    assert sink.digests() == folded(log, until=20).digests()


def test_half_a_message_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = MemorySink()
    projector = Projector([sink])

    def breaks(*_: Any) -> Any:
        raise ZeroDivisionError

    log = FactLog()
    log.say(filled("buy", 1, 100))
    orders = next(held for held in projector._lanes[0]._held if held.table.name == "orders")
    monkeypatch.setattr(orders, "fold", breaks)
    with pytest.raises(ZeroDivisionError):
        fold_log(projector, log)
    projector.close()
    assert (sink.sequence, sink.rows("fills")) == (0, [])


def test_restarts_at_random_places_end_with_the_same_digests() -> None:
    random = Random(11)
    log = busy_log(8, 60)
    expected = folded(log).digests()
    for _ in range(10):
        sink = MemorySink()
        while sink.sequence < log.last:
            projector = Projector([sink])
            fold_log(projector, log, until=min(log.last, sink.sequence + random.randrange(1, 90)))
            projector.flush()
            fold_log(projector, log, until=min(log.last, sink.sequence + random.randrange(0, 5)))
        assert sink.digests() == expected
