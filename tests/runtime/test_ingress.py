"""What a service makes of a message is a function of the log: time, ids, doors and damage."""

import json
from typing import Any

from msgspec import json as codec

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import HaltRequested, LogDamaged, OperatorMalformed
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.signals import SignalMalformed, SignalReceived
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.service.ingress import Ingress
from tests.stories import HOUR, START, bar, deposit, filled
from tests.support.messages import StoredLog, told

SIGNAL = {
    "id": "s-1",
    "strategy": "ext",
    "instrument": "BTCUSDT.PAPER",
    "side": "buy",
    "quantity": "1",
    "at": "2026-03-02T00:00:00Z",
}


class Reading:
    """A log read by one service of the desk."""

    def __init__(self, *, reads_signals: bool = True, restamps: bool = True) -> None:
        self.log = StoredLog()
        self.intake = Ingress("desk", "paper", reads_signals=reads_signals, restamps=restamps)
        self._decoding = Decoding()
        self._read = 0

    def admitted(self) -> list[Recorded[Any]]:
        """What the messages since the last call come to."""
        new, self._read = self.log.stored[self._read :], len(self.log.stored)
        return [
            record
            for stored in new
            for record in self.intake.records_of(self._decoding.decode(stored))
        ]

    def signal(self, producer: str = "ext", **changes: Any) -> list[Recorded[Any]]:
        self.log.put(f"log.desk.in.{producer}", json.dumps(SIGNAL | changes).encode())
        return self.admitted()

    def fact(self, fact_id: str, name: str = "ann", amount: int = 1) -> list[Recorded[Any]]:
        payload = write_fact(fact_id, "portfolio.cash_deposited", deposit(amount))
        self.log.put(f"log.desk.op.{name}", payload)
        return self.admitted()

    def tick(self, when: int, event: Event | None = None) -> list[Recorded[Any]]:
        self.log.market(event or bar(100), when=when)
        return self.admitted()


def rule(record: list[Recorded[Any]]) -> str:
    (one,) = record
    assert isinstance(one.event, OperatorMalformed | SignalMalformed)
    return one.event.rule


# Time.


def test_decision_time_is_the_latest_market_time_and_never_goes_back() -> None:
    reading = Reading()
    times = [reading.tick(when)[0].at for when in (START, START + HOUR, START, START + 2 * HOUR)]
    assert times == [START, START + HOUR, START + HOUR, START + 2 * HOUR]


def test_a_clock_event_moves_time_as_the_market_does() -> None:
    reading = Reading()
    reading.log.commit("clock", ClockTicked(), book="shared", when=START + 5)
    assert [record.at for record in reading.admitted()] == [START + 5]


def test_no_other_service_and_no_other_book_moves_time() -> None:
    reading = Reading()
    reading.tick(START)
    reading.log.commit("fill", filled("buy", 1, 100), when=START + DAY)
    reading.log.commit("market", bar(100), when=START + DAY)  # a book's own, not the shared one
    reading.log.commit("news", bar(100), book="shared", when=START + DAY)
    assert [record.at for record in reading.admitted()] == [START] * 3


def test_a_producer_cannot_roll_the_day() -> None:
    reading = Reading()
    reading.tick(START)
    (record,) = reading.signal(at="2200-01-01T00:00:00Z")
    assert record.at == START
    assert reading.intake.now == START


def test_an_operator_cannot_roll_the_day() -> None:
    reading = Reading()
    reading.tick(START)
    assert reading.fact("f-1")[0].at == START


def test_answers_of_others_are_heard_at_our_own_decision_time() -> None:
    reading = Reading()
    reading.tick(START + HOUR)
    reading.log.commit("fill", filled("buy", 1, 100), when=START)
    assert [record.at for record in reading.admitted()] == [START + HOUR]


def test_who_only_reports_is_given_facts_as_they_were_recorded() -> None:
    reading = Reading(restamps=False)
    reading.tick(START + HOUR)
    reading.log.commit("fill", filled("buy", 1, 100), when=START)
    assert [record.at for record in reading.admitted()] == [START]


# Whose facts.


def test_another_books_facts_are_not_ours() -> None:
    reading = Reading()
    reading.log.commit("fill", filled("buy", 1, 100), book="other")
    reading.log.put("log.other.in.ext", json.dumps(SIGNAL).encode())
    reading.log.put("log.other.op.ann", b"garbage")
    assert reading.admitted() == []


def test_signals_are_read_by_the_service_that_owns_the_door_alone() -> None:
    assert told(Reading(reads_signals=True).signal()) == ["SignalReceived"]
    assert Reading(reads_signals=False).signal() == []


# Signals.


def test_a_signal_is_recorded_with_its_door_and_its_place() -> None:
    (record,) = Reading().signal()
    assert isinstance(record.event, SignalReceived)
    assert (record.book, record.mode, record.source) == ("desk", "paper", "in.ext")
    assert (record.sequence, record.index, record.cause, record.root) == (1, 0, None, record.id)


def test_a_resent_signal_is_the_same_fact_wherever_it_lies() -> None:
    reading = Reading()
    first, again = reading.signal()[0], reading.signal()[0]
    assert (first.id, first.event) == (again.id, again.event)
    assert first.sequence != again.sequence


def test_another_producer_or_another_body_is_another_fact() -> None:
    reading = Reading()
    ids = [
        reading.signal()[0].id,
        reading.signal(producer="other")[0].id,
        reading.signal(quantity="2")[0].id,
        reading.signal(id="s-2")[0].id,
    ]
    assert len(set(ids)) == 4


def test_what_is_resent_beyond_all_memory_has_an_id_of_its_own() -> None:
    """Its refusal must not take the id of what the first one was answered with."""
    reading = Reading()
    reading.tick(START)
    first = reading.signal()[0].id
    reading.tick(START + 8 * DAY)
    assert reading.signal()[0].id != first


def test_a_batch_has_its_wishes_at_their_places() -> None:
    reading = Reading()
    batch = [SIGNAL | {"id": f"s-{n}"} for n in range(3)]
    reading.log.put("log.desk.in.ext", json.dumps(batch).encode())
    assert [(record.index, record.event.signal_id) for record in reading.admitted()] == [
        (0, "s-0"),
        (1, "s-1"),
        (2, "s-2"),
    ]


def test_every_malformed_message_is_a_fact_of_its_own_even_with_the_same_bytes() -> None:
    reading = Reading()
    reading.log.put("log.desk.in.ext", b"garbage")
    reading.log.put("log.desk.in.ext", b"garbage")
    reading.log.put("log.desk.in.other", b"garbage")
    record = reading.admitted()
    assert told(record) == ["SignalMalformed"] * 3
    assert len({one.id for one in record}) == 3
    assert reading.intake.malformed == {"in.ext": 2, "in.other": 1}


# Operators' facts.


def test_an_operators_fact_is_admitted_once_however_often_it_is_sent() -> None:
    reading = Reading()
    assert told(reading.fact("f-1")) == ["CashDeposited"]
    assert reading.fact("f-1") == []
    assert told(reading.fact("f-2")) == ["CashDeposited"]


def test_a_fact_id_used_for_another_body_is_refused_every_time() -> None:
    reading = Reading()
    reading.fact("f-1", amount=1)
    assert rule(reading.fact("f-1", amount=2)) == "id_reused"
    assert rule(reading.fact("f-1", amount=2)) == "id_reused"
    assert reading.fact("f-1", amount=1) == []


def test_two_operators_may_use_the_same_id() -> None:
    reading = Reading()
    (one,) = reading.fact("f-1", name="ann", amount=1)
    (other,) = reading.fact("f-1", name="bob", amount=2)
    assert told([one, other]) == ["CashDeposited"] * 2
    assert one.id != other.id


def test_ids_are_remembered_for_seven_days_of_log_time() -> None:
    reading = Reading()
    reading.tick(START)
    reading.fact("f-1")
    reading.tick(START + 6 * DAY)
    assert reading.fact("f-1") == []
    reading.tick(START + 8 * DAY)
    reading.fact("f-2")  # what is forgotten goes when something new is remembered
    assert list(reading.intake.facts.days) == [str((START + 8 * DAY) // DAY)]


def test_an_unreadable_fact_is_told_with_its_rule_and_counted() -> None:
    reading = Reading()
    reading.log.put("log.desk.op.ann", b"garbage")
    (record,) = reading.admitted()
    assert rule([record]) == "not_json"
    assert record.source == "op.ann"
    assert reading.intake.malformed == {"op.ann": 1}


def test_a_halt_in_its_retired_shape_is_obeyed_in_the_newest() -> None:
    reading = Reading()
    data = {"actor": "ann", "reason": "old tool", "close_only": True}
    fact = {"id": "h", "type": "governance.halt_requested", "v": 1, "data": data}
    reading.log.put("log.desk.op.ann", json.dumps(fact).encode())
    (record,) = reading.admitted()
    assert record.event == HaltRequested("ann", "old tool", scope="close_only")


# Damage.


def test_damage_in_our_book_and_in_the_shared_one_is_told_and_elsewhere_not() -> None:
    reading = Reading()
    for book in ("desk", "shared", "other"):
        reading.log.put(f"log.{book}.fill.events", b"garbage")
    record = reading.admitted()
    assert told(record) == ["LogDamaged"] * 2
    assert [one.event.subject for one in record] == ["log.desk.fill", "log.shared.fill"]
    assert isinstance(record[0].event, LogDamaged)
    assert record[0].event.reason.startswith("not a commit")


# State.


def test_the_intake_is_plain_data_that_a_snapshot_can_keep() -> None:
    reading = Reading()
    reading.tick(START)
    reading.fact("f-1")
    reading.log.put("log.desk.op.ann", b"garbage")
    reading.admitted()
    kept = codec.decode(codec.encode(reading.intake), type=Ingress)
    assert kept == reading.intake


def test_two_readings_of_one_log_admit_the_same() -> None:
    one = Reading()
    one.tick(START)
    one.signal()
    one.fact("f-1")
    one.tick(START + HOUR)
    other = Reading()
    other.log = one.log
    fresh = Reading()
    fresh.log = one.log
    assert other.admitted() == fresh.admitted() != []
