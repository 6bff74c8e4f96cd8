"""The quota of producers: what is beyond it is not read, and refused once with how much it was."""

import json
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.limits import DEFAULT_QUOTA, ProducerQuotaSet
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.signals import MessageOverQuota, MessagesRefused
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.service.decider_runner import DeciderRunner
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.signal import decider as signal
from tests.stories import SECOND, START, bar, quote
from tests.support.messages import StoredLog

GOOD = {
    "strategy": "ext",
    "instrument": "BTCUSDT.PAPER",
    "side": "buy",
    "quantity": "1",
}


def quota(signals: int | None = None, octets: int | None = None, **more: Any) -> ProducerQuotaSet:
    return ProducerQuotaSet("ann", "test", signals, octets, **more)


class Desk:
    """The signal service and its intake on a log that a test writes message by message."""

    def __init__(self) -> None:
        self.log = StoredLog()
        self.intake = Ingress("desk", "paper", reads_signals=True)
        self.runner = DeciderRunner("signal", "desk", signal)
        self.answers: list[Recorded[Event]] = []
        self.questions: list[Recorded[Any]] = []
        self._decoding = Decoding()
        self._facts = 0
        self.ids = 0

    def _take(self) -> list[Event]:
        message = self._decoding.decode(self.log.stored[-1])
        new: list[Recorded[Event]] = []
        for question in self.intake.records_of(message):
            self.questions.append(question)
            new += self.runner.answer(question)
        self.answers += new
        return [record.event for record in new]

    def limit(self, event: ProducerQuotaSet) -> list[Event]:
        self._facts += 1
        payload = write_fact(f"f{self._facts}", "governance.producer_quota_set", event)
        self.log.put("log.desk.op.cli", payload)
        return self._take()

    def tick(self, when: int, event: Event | None = None) -> list[Event]:
        if event is None:
            self.log.commit("clock", ClockTicked(), book="shared", when=when)
        else:
            self.log.market(event, when=when)
        return self._take()

    def send(self, count: int = 1, producer: str = "bob", batch: int = 1) -> list[Event]:
        """Sound signals in messages of `batch` each; everything that was answered."""
        found: list[Event] = []
        for _ in range(count):
            signals = []
            for _ in range(batch):
                self.ids += 1
                signals.append(GOOD | {"id": f"s{self.ids}"})
            payload = json.dumps(signals if batch > 1 else signals[0]).encode()
            found += self.put(payload, producer)
        return found

    def put(self, payload: bytes, producer: str = "bob") -> list[Event]:
        self.log.put(f"log.desk.in.{producer}", payload)
        return self._take()

    def restart(self) -> None:
        """Go on from what a snapshot holds."""
        encode, decode = msgspec.json.encode, msgspec.json.decode
        self.intake = decode(encode(self.intake), type=Ingress)
        state = decode(encode(self.runner.state), type=signal.State)
        self.runner = DeciderRunner("signal", "desk", signal)
        self.runner.resume(state)


def desk(event: ProducerQuotaSet | None = None) -> Desk:
    found = Desk()
    found.tick(START)
    if event is not None:
        found.limit(event)
    return found


def test_the_last_signal_of_a_quota_is_read_and_the_next_is_not() -> None:
    it = desk(quota(signals=3))
    assert len(it.send(3)) == 3
    assert it.send(1) == []
    assert it.tick(START + SECOND - 1) == [
        MessagesRefused(
            producer="bob",
            rule="quota_exceeded",
            limit=Decimal(3),
            measured=Decimal(4),
            limit_set_by=it.questions[1].id,
            reason=(
                "the quota of 3 signals a second was used up; not read: 1 message of 94 bytes,"
                " from sequence 6 to 6"
            ),
            count=1,
            bytes=94,
            first_sequence=6,
            last_sequence=6,
        )
    ]


def test_bytes_are_counted_as_well_and_what_a_message_uses_too_much_is_missing_later() -> None:
    it = desk(quota(octets=100))
    assert len(it.send(2)) == 2  # 94 bytes each: the second is read whole
    assert it.send(1) == []
    (refused,) = it.tick(START + SECOND // 2)
    assert isinstance(refused, MessagesRefused)
    assert [int(it) for it in (refused.limit, refused.measured, refused.bytes)] == [100, 282, 94]
    assert it.send(1) == []  # 138 of 188 bytes are still owed
    assert len(it.tick(START + SECOND)) == 1
    assert len(it.send(1)) == 1


def test_each_signal_of_a_batch_counts_and_a_message_that_is_none_counts_as_one() -> None:
    it = desk(quota(signals=5))
    assert len(it.send(1, batch=4)) == 4
    assert len(it.put(b"")) == 1
    assert it.put(b"x") == []


def test_what_is_beyond_a_quota_is_not_even_parsed() -> None:
    it = desk(quota(signals=0))
    assert it.put(b"[" * 100_000) == []
    over = it.questions[-1].event
    assert isinstance(over, MessageOverQuota)
    assert (over.bytes, over.message) == (100_000, 3)


def test_a_quota_comes_back_as_decision_time_goes_on_and_never_with_more_than_a_second() -> None:
    it = desk(quota(signals=10))
    it.send(10)
    it.tick(START + SECOND // 2)
    assert len(it.send(10)) == 5
    it.tick(START + 60 * SECOND)
    assert len([each for each in it.send(20) if not isinstance(each, MessagesRefused)]) == 10


def test_quotes_by_the_thousand_do_not_make_a_refusal_each() -> None:
    it = desk(quota(signals=1))
    answers: list[Event] = []
    for number in range(1, 1_001):
        answers += it.send(2)
        answers += it.tick(START + number * SECOND // 1_000, quote(100, 101))
    refused = [each for each in answers if isinstance(each, MessagesRefused)]
    assert len(refused) == 2
    assert sum(each.count for each in refused) == 2_000 - (len(answers) - 2)


def test_each_producer_has_a_quota_and_a_refusal_of_its_own() -> None:
    it = desk(quota(signals=2))
    for _ in range(3):
        it.send(1, "bob")
        it.send(1, "eve")
    assert len(it.send(1, "ann")) == 1
    refused = it.tick(START + SECOND)
    assert [(each.producer, each.count, each.first_sequence) for each in refused] == [  # type: ignore[attr-defined]
        ("bob", 1, 7),
        ("eve", 1, 8),
    ]


def test_without_a_quota_nothing_is_counted() -> None:
    it = desk()
    assert len(it.send(50)) == 50
    assert it.intake.allowance.used == {}


def test_a_default_does_not_replace_what_somebody_set_and_null_switches_it_off() -> None:
    it = desk(DEFAULT_QUOTA)
    assert it.intake.allowance.quota == DEFAULT_QUOTA
    it.limit(quota(signals=1))
    it.limit(DEFAULT_QUOTA)
    assert it.intake.allowance.quota == quota(signals=1)
    it.limit(quota())
    it.limit(DEFAULT_QUOTA)
    assert len(it.send(3)) == 3


def test_a_message_that_is_read_after_a_change_of_the_quota_lies_in_no_refusal() -> None:
    it = desk(quota(signals=0))
    it.send(1)
    before = it.limit(quota(signals=2))
    it.send(3)
    after = it.tick(START + SECOND)
    refused = [each for each in [*before, *after] if isinstance(each, MessagesRefused)]
    assert [(each.first_sequence, each.last_sequence, each.count) for each in refused] == [
        (3, 3, 1),
        (7, 7, 1),  # 5 and 6 were read
    ]
    assert [int(each.limit) for each in refused] == [0, 2]


def test_a_log_without_a_clock_has_one_quota_until_time_begins() -> None:
    it = Desk()
    it.limit(quota(signals=1))
    it.send(3)
    (refused,) = it.tick(START)
    assert isinstance(refused, MessagesRefused)
    assert refused.count == 2
    assert it.intake.allowance.used == {}


def test_a_bar_is_as_good_a_clock_as_any() -> None:
    it = desk(quota(signals=1))
    it.send(2)
    assert [type(each) for each in it.tick(START + SECOND, bar(100))] == [MessagesRefused]


def test_a_message_that_was_not_read_may_be_sent_again() -> None:
    it = desk(quota(signals=1))
    it.send(1)
    sent = json.dumps(GOOD | {"id": "again"}).encode()
    assert it.put(sent) == []
    it.tick(START + SECOND)
    assert len(it.put(sent)) == 1


Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 2)),
        st.tuples(st.just("batch"), st.integers(0, 2)),
        st.tuples(st.just("junk"), st.integers(0, 2)),
        st.tuples(st.just("tick"), st.integers(1, 3 * SECOND)),
        st.tuples(st.just("quote"), st.integers(1, SECOND)),
        st.tuples(st.just("limit"), st.integers(0, 6)),
    ),
    max_size=60,
)


def play(steps: list[Step], restart_at: int) -> Desk:
    it, now = desk(quota(signals=3, octets=400)), START
    for number, (what, amount) in enumerate(steps):
        if number == restart_at:
            it.restart()
        name = f"p{amount}"
        if what == "send":
            it.send(1, name)
        elif what == "batch":
            it.send(1, name, batch=3)
        elif what == "junk":
            it.put(b"\xff" * 90, name)
        elif what == "limit":
            it.limit(quota(signals=amount or None))
        else:
            now += amount
            it.tick(now, quote(100, 101) if what == "quote" else None)
    it.tick(now + 5 * SECOND)
    return it


@given(STEPS, st.integers(0, 60))
def test_every_message_is_read_or_lies_in_one_refusal_and_a_restart_changes_nothing(
    steps: list[Step], restart_at: int
) -> None:
    it = play(steps, restart_at)
    over: dict[int, MessageOverQuota] = {}
    read: set[tuple[str, int]] = set()
    for question in it.questions:
        if isinstance(question.event, MessageOverQuota):
            over[question.event.message] = question.event
        elif question.source.startswith("in."):
            read.add((question.source.removeprefix("in."), question.sequence))
    refused = [each.event for each in it.answers if isinstance(each.event, MessagesRefused)]
    for event in refused:
        mine = [
            over.pop(sequence)
            for sequence in range(event.first_sequence, event.last_sequence + 1)
            if sequence in over and over[sequence].producer == event.producer
        ]
        assert (event.count, event.bytes) == (len(mine), sum(each.bytes for each in mine))
        assert not any(
            name == event.producer and event.first_sequence <= sequence <= event.last_sequence
            for name, sequence in read
        )
    assert over == {}
    assert it.runner.state.excess == {}
    assert len({record.id for record in it.answers}) == len(it.answers)
    undisturbed = play(steps, restart_at=-1)
    assert undisturbed.answers == it.answers
    assert undisturbed.intake == it.intake
