"""A whole desk on the memory bus at which anything can be thrown, and what it must say to that."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import OperatorMalformed, ResumeRequested
from deadreckon.contracts.inbound import EVIDENCE_MAX, FACT_RULES, SIGNAL_RULES
from deadreckon.contracts.signals import (
    CancelReceived,
    ReplaceReceived,
    SignalMalformed,
    SignalReceived,
)
from deadreckon.contracts.subjects import operator_subject, producer_subject
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.verification import verify
from deadreckon.runtime.log.bus import Stored, TooLargeError
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK
from tests.fuzz.samples import ENTRY
from tests.sessions.player import ServiceStack, audited, decoded
from tests.sessions.script import Row, Script, ann, opening
from tests.stories import MINUTE, START, bar, limits

REASON_MAX = 1_000  # characters: a reason quotes at most some names and figures
IN = producer_subject(BOOK, "alice")
OP = operator_subject(BOOK, "ann")


class Question(Struct, frozen=True):
    """What the signal service or governance is asked at a place, and what was answered there."""

    asked: Recorded[Any]
    answers: list[Recorded[Any]]


class FuzzedStack:
    """Services behind their doors; `good` is how many sound wishes were sent in between."""

    def __init__(self, stage: ServiceStack) -> None:
        self.stage = stage
        self.good = 0
        self._step = 0

    async def prepare(self) -> None:
        """What trades here, under limits that let it."""
        await self.say(opening(limits()))
        await self.tick()

    async def mend(self) -> None:
        """Trade again, whatever was said of limits and halts."""
        resume = ResumeRequested("ann", "mended", reset_counters=True)
        await self.say([*opening(limits()), *ann(resume)])

    async def say(self, script: Script) -> None:
        """What operators say, answered by everybody."""
        for step in script:
            await self.stage.take(self._next(), step, self.now)

    async def tick(self) -> None:
        """A bar, a minute later: fills, expiries, and the clock that orders live by."""
        self._step += 1
        price = 100 + self._step * 7 % 13
        await self.stage.take(self._next(), Row(bar(price), MINUTE), self.now)

    @property
    def now(self) -> int:
        return START + self._step * MINUTE

    @property
    def moment(self) -> str:
        return format_timestamp(self.now)

    def _next(self) -> int:
        return 10_000_000 + self.stage.bus.log.last

    async def throw(self, subject: str, payloads: Iterable[bytes]) -> None:
        """All of them, each followed by a sound wish, and then everybody's answers."""
        for payload in payloads:
            with suppress(TooLargeError):  # the sender is told, and nothing is stored
                await self.stage.bus.append(subject, payload)
            await self.stage.bus.append(IN, self._wish())
        await self.stage.settle()

    def _wish(self) -> bytes:
        self.good += 1
        side = "buy" if self.good % 2 else "sell"
        more = {"id": f"sound-{self.good}", "side": side, "at": self.moment}
        return json.dumps(ENTRY | more).encode()

    @property
    def log(self) -> list[Stored]:
        return self.stage.bus.log.messages


@asynccontextmanager
async def fuzzed_stack(name: str, log: Iterable[Stored] = ()) -> AsyncIterator[FuzzedStack]:
    """A desk that trades, with nothing thrown at it yet; or one that goes on with a log."""
    stage = ServiceStack(MemoryBus(MemoryLog(list(log))), name)
    await stage.open()
    try:
        yield FuzzedStack(stage)
    finally:
        await stage.close()


def answered(messages: Iterable[Message], service: str) -> Iterator[Question]:
    """Every question at the doors that a service was asked, with what it answered to it."""
    intake = Ingress(BOOK, "paper", reads_signals=service == "signal")
    asked: dict[tuple[int, int], Recorded[Any]] = {}
    answers: dict[tuple[int, int], list[Recorded[Any]]] = {}
    for message in messages:
        if message.commit is not None and message.subject.service == service:
            _pair(message.commit, list(message.facts), answers)
        for index, record in enumerate(intake.records_of(message)):
            if message.subject.is_inbound:
                asked[message.sequence, index] = record
    for place, record in asked.items():
        yield Question(record, answers.get(place, []))


def _pair(
    commit: Commit,
    facts: list[Recorded[Any]],
    answers: dict[tuple[int, int], list[Recorded[Any]]],
) -> None:
    for sequence, index, count in commit.answers:
        answers.setdefault((sequence, index), []).extend(facts[:count])
        del facts[:count]


def check_answers(log: list[Stored], good: int) -> Counter[str]:
    """Every question at the doors has its one answer, every refusal a name and bounded words, and
    the sound wishes were raised and weighed once each, in order. How often each rule was named."""
    check_ids(log)
    messages = decoded(log)
    rules: Counter[str] = Counter()
    raised: list[str] = []
    heard: set[tuple[str, str]] = set()
    for question in answered(messages, "signal"):
        signal = question.asked.event
        if not isinstance(
            signal, (SignalMalformed, SignalReceived, CancelReceived, ReplaceReceived)
        ):
            continue
        again = False
        if isinstance(signal, SignalMalformed):
            assert signal.rule in SIGNAL_RULES, signal
        else:
            again = (signal.signal_id, signal.body) in heard
            heard.add((signal.signal_id, signal.body))
        assert again or len(question.answers) == 1, question
        for record in question.answers:
            rule = check_refusal(record.event)
            rules[rule] += 1
            if not rule and signal.signal_id.startswith("sound-"):
                raised.append(record.id)
    _check_order(messages, raised, good)
    for question in answered(messages, "governance"):
        if isinstance(question.asked.event, OperatorMalformed):
            [record] = question.answers
            rule = check_refusal(record.event)
            assert rule in FACT_RULES
            rules[rule] += 1
    return rules


def check_ids(log: list[Stored]) -> None:
    """Every event of the log has an id of its own."""
    ids = Counter(record.id for message in decoded(log) for record in message.facts)
    assert [name for name, count in ids.items() if count > 1] == []


def _check_order(messages: list[Message], raised: list[str], good: int) -> None:
    facts = [record for message in messages for record in message.facts]
    names = {record.id: record.event.signal_id for record in facts if record.id in set(raised)}
    assert [names[it] for it in raised] == [f"sound-{number + 1}" for number in range(good)]
    weighed = Counter(record.cause for record in facts if record.source == "risk")
    assert all(weighed[it] == 1 for it in raised)
    for record in facts:
        check_refusal(record.event)


def check_refusal(event: Any) -> str:
    """The rule of a refusal, once it is known to be bounded; empty for anything else."""
    assert len(getattr(event, "evidence", "")) <= EVIDENCE_MAX
    assert len(getattr(event, "reason", "")) <= REASON_MAX, event
    if not type(event).__name__.endswith("Refused"):
        return ""
    assert event.rule, event
    assert event.reason, event
    return str(event.rule)


def check_books(log: list[Stored], folder: Path) -> None:
    """The audit agrees with portfolio, projections with a fresh fold, and nothing is damaged."""
    found = audited(log)
    assert not found.damages
    assert not found.differences
    intake = Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    lines = [(it.sequence, list(intake.records_of(it)), it.stored_at) for it in decoded(log)]
    projector = open_projector(paths(folder), queried=False)
    for line in lines:
        projector.fold(*line)
    projector.close()
    differences = verify(folder, lines)
    assert differences == [], differences


async def check_restart(log: list[Stored], name: str, states: dict[str, Any]) -> None:
    """Services that begin with this log say nothing more, and remember what those before did."""
    async with fuzzed_stack(name, log) as stack:
        assert stack.stage.bus.log.last == len(log)
        assert stack.stage.states == states
        for service in stack.stage.services:
            assert service.position == len(log)
