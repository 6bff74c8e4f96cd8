"""Check of a producer against the contract: messages of a file, or live ones from the log."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Mode
from deadreckon.contracts.inbound import SIGNAL_RULES, read_signals
from deadreckon.contracts.signals import (
    CancelReceived,
    MessagesRefused,
    ReplaceReceived,
    SignalMalformed,
    SignalReceived,
    SignalRefused,
)
from deadreckon.contracts.subjects import producer_subject
from deadreckon.node.producers import check_sender
from deadreckon.node.verdicts import VerdictView
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.domain import retry
from deadreckon.runtime.log.feed import Decoding, Message
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.ingress import Ingress

SHOWN = 3  # positions named for each fault
LOOK_SECONDS = 0.5  # between two looks whether the time is up
FUTURE = 1_000_000_000  # nanoseconds of the log's time that a signal may be ahead of it

ProducerMessage = SignalReceived | CancelReceived | ReplaceReceived


class ContractFault(Struct):
    """One kind of fault: how often, where first (lines of a file, or sequences), and what it is."""

    rule: str
    means: str
    count: int = 0
    positions: list[str] = field(default_factory=list, name="places")
    reasons: list[str] = field(default_factory=list)

    def add(self, position: str, reason: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.positions) < SHOWN:
            self.positions.append(position)
            self.reasons.append(reason)


class ConformanceReport(Struct):
    """Report on the messages of a producer and their outcomes.

    `faults` are the producer's own; `refusals` are decisions, by rule; `outcomes` are verdicts.
    Ages are seconds of the log's time at arrival.
    """

    producer: str
    messages: int = 0
    signals: int = field(default=0, name="wishes")
    well_formed: int = 0
    resent: int = 0
    oldest_seconds: float | None = None
    faults: dict[str, ContractFault] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)

    @property
    def conforms(self) -> bool:
        """True when something was sent and nothing of it was at fault."""
        return self.well_formed > 0 and not self.faults


class ContractChecker:
    """Fold of one producer's messages into a report."""

    def __init__(self, producer: str) -> None:
        self.report = ConformanceReport(producer)
        self._bodies: dict[str, str] = {}

    def take(self, position: str, payload: bytes, now: int | None = None) -> None:
        """Check one message; `now` is the log's time when it came, null where there is none."""
        self.report.messages += 1
        for signal in read_signals(self.report.producer, payload):
            self.report.signals += 1
            if isinstance(signal, SignalMalformed):
                self._fault(signal.rule, SIGNAL_RULES[signal.rule], position, signal.reason)
                continue
            self.report.well_formed += 1
            self._check_id(position, signal)
            if now and signal.claimed_at is not None:
                self._check_time(position, now - signal.claimed_at)

    def _check_id(self, position: str, signal: ProducerMessage) -> None:
        before = self._bodies.setdefault(signal.signal_id, signal.body)
        if before == signal.body:
            return
        means = "an id was used again for something else; the second is refused"
        self._fault("id_reused", means, position, f"id {signal.signal_id}")

    def _check_time(self, position: str, age: int) -> None:
        self.report.oldest_seconds = max(self.report.oldest_seconds or 0.0, age / 1e9)
        if age < -FUTURE:
            means = "`at` is ahead of the log's time: a clock that is wrong, or another's day"
            self._fault("from_the_future", means, position, f"{-age / 1e9:.3f} seconds ahead")

    def _fault(self, rule: str, means: str, position: str, reason: str) -> None:
        self.report.faults.setdefault(rule, ContractFault(rule, means)).add(position, reason)


def check_lines(producer: str, lines: Iterable[bytes]) -> ConformanceReport:
    """Check messages, one a line; nothing is sent."""
    checker = ContractChecker(producer)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            checker.take(f"line {number}", line)
    return checker.report


class ProducerListener:
    """Follower of a log that checks one producer's messages and verdicts."""

    def __init__(self, producer: str, book: str, mode: Mode, after: int) -> None:
        self._checker = ContractChecker(producer)
        self._subject = producer_subject(book, producer)
        self._after = after
        self._decoding = Decoding(from_start=False)
        self._intake = Ingress(book, mode, reads_signals=True)
        self._verdicts = VerdictView(after)
        self._seen: set[str] = set()

    @property
    def report(self) -> ConformanceReport:
        """Return what was found up to now."""
        return self._checker.report

    def take(self, stored: Stored) -> None:
        """Take the next message of the log."""
        message, subject = self._decoding.decode(stored), stored.subject
        facts = [] if message.damage else list(self._intake.records_of(message))
        if subject == self._subject and message.sequence > self._after:
            position = f"sequence {message.sequence}"
            self._checker.take(position, message.payload, self._intake.now)
            self._count_resent([record.id for record in facts])
        self._verdicts.fold(message.sequence, facts)
        self._count_verdicts()
        self._count_refusals(message, facts)

    def _count_resent(self, ids: list[str]) -> None:
        self.report.resent += sum(each in self._seen for each in ids)
        self._seen.update(ids)

    def _count_verdicts(self) -> None:
        outcomes = self.report.outcomes
        while not self._verdicts.waiting.empty():
            producer, verdict = self._verdicts.waiting.get_nowait()
            if producer == self.report.producer:
                outcomes[verdict.outcome] = outcomes.get(verdict.outcome, 0) + 1

    def _count_refusals(self, message: Message, facts: list[Any]) -> None:
        refusals = self.report.refusals
        for record in facts:
            event = record.event
            refused = isinstance(event, SignalRefused | MessagesRefused)
            mine = refused and event.producer == self.report.producer
            if mine and message.sequence > self._after:
                count = getattr(event, "count", 1)
                refusals[event.rule] = refusals.get(event.rule, 0) + count


async def check_live(
    data: Path,
    nats: str | None,
    producer: str,
    book: str,
    *,
    seconds: float | None,
    show: Callable[[ConformanceReport], None],
) -> ConformanceReport:
    """Check what a producer sends from now on for some seconds; null: all that the log has of it.

    `show` is called with the report now and then. Raises UnknownProducerError; where a server
    that is named, or the past, may know more producers than the folder, only for nothing found.
    """
    folder = Folder(data).check()
    if seconds is not None and nats is None:
        check_sender(folder, producer)
    log_lines.configure(folder.logs / "check.log")
    async with open_bus(folder, nats) as bus:
        end = (await retry(bus.info)).last
        listener = ProducerListener(producer, book, "paper", 0 if seconds is None else end)
        reader = await bus.read(0 if seconds is None else end)
        try:
            clock = asyncio.get_running_loop().time
            until, position = clock() + (seconds or 0.0), 0
            while position < end if seconds is None else clock() < until:
                for stored in await reader.next(LOOK_SECONDS):
                    position = stored.sequence
                    listener.take(stored)
                show(listener.report)
        finally:
            await reader.close()
    if listener.report.messages == 0:
        check_sender(folder, producer)
    return listener.report


def as_document(report: ConformanceReport) -> dict[str, Any]:
    """Return the report as it is written to JSON."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    found["faults"] = list(found["faults"].values())
    return {"conforms": report.conforms} | found
