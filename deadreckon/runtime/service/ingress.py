"""Ingress: turns messages into a service's records, at decision time, inbound bodies parsed."""

import hashlib
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field, structs

from deadreckon.contracts import dedup, quota, subjects
from deadreckon.contracts.clock import TIME_EDGES, ClockReset
from deadreckon.contracts.dedup import RecentKeys
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import LogDamaged, OperatorMalformed
from deadreckon.contracts.inbound import read_fact, read_signals
from deadreckon.contracts.limits import ProducerQuotaSet
from deadreckon.contracts.quota import Allowance, UsedUp
from deadreckon.contracts.signals import MessageOverQuota, SignalMalformed
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.feed import Message


class Ingress(Struct):
    """State of the ingress, a function of the log alone: decision time, and operators' facts seen.

    `now` is the latest `at` of market and clock events so far (nanoseconds UTC), since the last
    ClockReset. `facts` are the digests of operators' facts by operator and id. `malformed` counts
    bad messages by subject, and `skipped` those beyond a quota by producer, so that each of them
    has an id of its own. `allowance` is what producers may still send: it is looked at before a
    message is parsed. Services are given facts at their own decision time; readers that only report
    (`restamps` false) as recorded.
    """

    book: str
    mode: Mode
    reads_signals: bool
    restamps: bool = True
    now: int = 0
    facts: RecentKeys[str] = field(default_factory=RecentKeys)
    malformed: dict[str, int] = {}
    skipped: dict[str, int] = {}
    allowance: Allowance = field(default_factory=Allowance)

    def records_of(self, message: Message) -> Iterable[Recorded[Any]]:
        """Return the facts of a message for a service of this book, in order, at decision time."""
        book = message.subject.book
        if book not in (self.book, subjects.SHARED):
            return ()
        if message.damage:
            return (self._damaged(message),)
        if message.subject.is_inbound:
            return self._open_door(message)
        if book == subjects.SHARED and message.subject.service in TIME_EDGES:
            return [self._tick(record) for record in message.facts]
        return [self._at_now(record) for record in message.facts]

    def take_time(self, record: Recorded[Any]) -> None:
        """Move decision time by a fact of an edge that writes time."""
        is_reset = type(record.event) is ClockReset
        if is_reset:
            self.facts = RecentKeys(self.facts.days, self.facts.aside)
            dedup.recall(self.facts)
        if record.at > self.now or is_reset:
            self.now = record.at
            self.allowance = quota.refill(self.allowance, self.now)

    def _tick(self, record: Recorded[Any]) -> Recorded[Any]:
        self.take_time(record)
        return self._at_now(record)

    def _at_now(self, record: Recorded[Any]) -> Recorded[Any]:
        if record.at == self.now or not self.restamps:
            return record
        return structs.replace(record, at=self.now)

    def _damaged(self, message: Message) -> Recorded[Any]:
        subject = message.subject
        damage = LogDamaged(f"log.{subject.book}.{subject.service}", message.damage)
        return self._record(message, 0, f"damaged|{message.sequence}", damage)

    def _open_door(self, message: Message) -> list[Recorded[Any]]:
        if message.subject.service == "op":
            return self._read_fact(message)
        return self._read_signals(message) if self.reads_signals else []

    def _read_signals(self, message: Message) -> list[Recorded[Any]]:
        producer = message.subject.leaf
        over = quota.used_up(self.allowance, producer)
        if over is not None:
            return [self._skip(message, producer, over)]
        signals = read_signals(producer, message.payload)
        size = len(message.payload)
        self.allowance = quota.use(self.allowance, producer, len(signals), size)
        return [
            self._record(message, index, self._signal_name(producer, signal), signal)
            for index, signal in enumerate(signals)
        ]

    def _skip(self, message: Message, producer: str, over: UsedUp) -> Recorded[Any]:
        event = MessageOverQuota(
            producer=producer,
            message=message.sequence,
            bytes=len(message.payload),
            unit=over.unit,
            limit=over.limit,
            used=over.used,
            limit_set_by=over.limit_set_by,
            refilled_from=over.refilled_from,
        )
        return self._record(message, 0, self._count_skipped(producer), event)

    def _signal_name(self, producer: str, signal: Any) -> str:
        if isinstance(signal, SignalMalformed):
            return self._count_malformed(f"in.{producer}")
        return self._today(f"in.{producer}|{signal.signal_id}|{signal.body}")

    def _today(self, name: str) -> str:
        """Return the id of a fact: a resend shares that of the original, unless it is forgotten."""
        return f"{name}|{self.now // DAY}"

    def _count_malformed(self, door: str) -> str:
        count = self.malformed.get(door, 0) + 1
        self.malformed = self.malformed | {door: count}
        return f"{door}|malformed|{count}"

    def _count_skipped(self, producer: str) -> str:
        count = self.skipped.get(producer, 0) + 1
        self.skipped = self.skipped | {producer: count}
        return f"in.{producer}|over_quota|{count}"

    def _read_fact(self, message: Message) -> list[Recorded[Any]]:
        door = f"op.{message.subject.leaf}"
        fact_id, digest, event = read_fact(message.subject.leaf, message.payload)
        if isinstance(event, OperatorMalformed):
            return [self._record(message, 0, self._count_malformed(door), event)]
        name = f"{door}|{fact_id}"
        seen = dedup.find(self.facts, name)
        if seen == digest:
            return []
        if seen is not None:
            reason = f"fact id {fact_id} was used for another body"
            event = OperatorMalformed(message.subject.leaf, "id_reused", reason, "")
            return [self._record(message, 0, self._count_malformed(door), event)]
        self._remember(name, digest)
        record = self._record(message, 0, self._today(f"{name}|{digest}"), event)
        if isinstance(event, ProducerQuotaSet):
            self.allowance = quota.set_quota(self.allowance, event, record.id)
        return [record]

    def _remember(self, name: str, digest: str) -> None:
        """Keep a fact's digest in a copy: a reading ahead of a service shares its state."""
        today = self.now // DAY
        days = {day: dict(names) for day, names in self.facts.days.items()}
        facts = RecentKeys(days, self.facts.aside)
        dedup.forget(facts, today - dedup.HORIZON_DAYS + 1)
        dedup.remember(facts, name, digest, self.now)
        self.facts = facts

    def _record(self, message: Message, index: int, name: str, event: Event) -> Recorded[Any]:
        fact_id = hashlib.sha256(f"{self.book}|{name}".encode()).hexdigest()[:32]
        return Recorded(
            id=fact_id,
            at=self.now,
            book=self.book,
            mode=self.mode,
            source=f"{message.subject.service}.{message.subject.leaf}",
            cause=None,
            root=fact_id,
            event=event,
            sequence=message.sequence,
            index=index,
        )
