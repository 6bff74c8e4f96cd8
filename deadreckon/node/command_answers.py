"""Answers to an operator's command: who acknowledged it, and who refused it by which rule."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.clock import CLOCK, ClockReset, ClockStepAccepted
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    OBEYING,
    HaltAcknowledged,
    OperatorRefused,
    ResumeAcknowledged,
    StrategyConfigured,
)
from deadreckon.contracts.inbound import read_fact
from deadreckon.contracts.orders import CancelMissed
from deadreckon.contracts.signals import SignalRefused
from deadreckon.contracts.subjects import SHARED, operator_subject, status_subject
from deadreckon.node.facts import publish_fact
from deadreckon.node.operator_commands import COMMAND_LINE
from deadreckon.runtime.log.bus import Bus, DeniedError, Stored, UnavailableError
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.rights import OPERATOR
from deadreckon.runtime.service.standby import LivenessReply, LivenessRequest
from deadreckon.services.catalogue import BOOK

SIGNAL = "signal"
OF_CLOCK = (ClockStepAccepted, ClockReset, OperatorRefused)
LOOK_SECONDS = 0.2  # at most for one reading of the log, and for one reply


class CommandOutcome(Struct, frozen=True):
    """Result of a halt or a resume: its sequence, and who acknowledged or refused it."""

    sequence: int
    acknowledged: list[str]
    missing: list[str]
    open_orders: int
    refused: str | None
    rule: str | None = None  # that refused it


class CommandAnswers(Struct, frozen=True):
    """Answers to any other fact of an operator: its sequence, whether the services concerned have
    answered it (null: no stack runs that could), its refusal, and their events in words."""

    sequence: int
    answered: bool | None
    refused: OperatorRefused | None
    missed: CancelMissed | None
    events: list[str]


class StrategyOutcome(Struct, frozen=True):
    """Result of a strategy's configuration: its sequence, whether the signal service has answered
    it (null: no stack runs that could), and its refusal."""

    sequence: int
    answered: bool | None
    refused: SignalRefused | None


class ClockOutcome(Struct, frozen=True):
    """Answer of the clock to a request about time: its sequence, whether the clock has answered
    (null: no stack runs here), its refusal, and the time that it has accepted or gone back to."""

    sequence: int
    answered: bool | None
    refused: OperatorRefused | None
    time: int | None


def may_run(folder: Folder, nats: str | None) -> bool:
    """Tell whether a stack may be there to answer: one that runs on the folder, or any on a server
    of somebody else's."""
    return nats is not None or folder.holder() is not None


async def record_and_wait(
    data: Path, event: Event, wait: float, nats: str | None = None, book: str = BOOK
) -> CommandOutcome:
    """Publish a halt or a resume, and read until every service concerned has acknowledged it."""
    async with _asked(data, wait, nats, book) as answers:
        await answers.follow(event, lambda: _acknowledged(answers).is_complete)
        return _acknowledged(answers).outcome(answers.sequence)


async def record_strategy(
    data: Path, event: StrategyConfigured, wait: float, nats: str | None = None, book: str = BOOK
) -> StrategyOutcome:
    """Publish a strategy's configuration, and read until the signal service has answered it: by
    a refusal, or by going on."""
    async with _asked(data, wait, nats, book) as answers:

        def complete() -> bool:
            return answers.committed.get(SIGNAL, 0) >= answers.sequence

        await answers.follow(event, complete, _Commits(answers, [SIGNAL]).request)
        refusals = [each for _, each in answers.events if isinstance(each, SignalRefused)]
        refused = refusals[0] if refusals else None
        return StrategyOutcome(answers.sequence, complete() if answers.runs else None, refused)


async def record_and_read(
    data: Path,
    event: Event,
    services: Sequence[str],
    wait: float,
    nats: str | None = None,
    book: str = BOOK,
) -> CommandAnswers:
    """Publish a fact, and read until every one of the services has answered it, or has gone on."""
    async with _asked(data, wait, nats, book) as answers:

        def complete() -> bool:
            return all(answers.committed.get(each, 0) >= answers.sequence for each in services)

        commits = _Commits(answers, services)
        await answers.follow(event, complete, commits.request)
        found = [each for _, each in answers.events]
        return CommandAnswers(
            answers.sequence,
            complete() if answers.runs else None,
            next((each for each in found if isinstance(each, OperatorRefused)), None),
            next((each for each in found if isinstance(each, CancelMissed)), None),
            [type(each).__name__ for each in found],
        )


async def record_clock(
    data: Path, event: Event, wait: float, nats: str | None = None, book: str = BOOK
) -> ClockOutcome:
    """Publish a request about time, and read until the clock has answered it."""
    async with _asked(data, wait, nats, book) as answers:
        await answers.follow(event, lambda: bool(answers.of_clock))
        found = answers.of_clock[0] if answers.of_clock else None
        return ClockOutcome(
            answers.sequence,
            found is not None if answers.runs else None,
            found.event if found and isinstance(found.event, OperatorRefused) else None,
            _time_of(found) if found else None,
        )


def _time_of(answer: Recorded[Any]) -> int | None:
    match answer.event:
        case ClockStepAccepted(accepted_at=at):
            return at
        case ClockReset():
            return answer.at
    return None


@asynccontextmanager
async def _asked(data: Path, wait: float, nats: str | None, book: str) -> AsyncIterator["_Answers"]:
    """Open a folder's log to record a fact in it and read the answers."""
    folder = Folder(data).check()
    runs = may_run(folder, nats)
    async with open_bus(folder, nats, OPERATOR) as bus:
        yield _Answers(bus, book, wait=wait, runs=runs)


class _Answers:
    """Publishes a fact and reads the log for its answers, for `wait` seconds where a stack `runs`.

    `events` are the answers with their services, `of_clock` those of the clock; `committed` says
    up to which sequence the newest commit of each service answers everything.
    """

    def __init__(self, bus: Bus, book: str, *, wait: float, runs: bool) -> None:
        self.bus = bus
        self.book = book
        self.runs = runs
        self.sequence = 0
        self._wait = wait if runs else 0.0
        self.events: list[tuple[str, Event]] = []
        self.of_clock: list[Recorded[Any]] = []
        self.committed: dict[str, int] = {}
        self._decoding = Decoding(from_start=False)
        self._fact_id = secrets.token_hex(16)
        self._seen = False  # the first copy of the fact

    async def follow(
        self,
        event: Event,
        complete: Callable[[], bool],
        request: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Publish the fact, and read until its answers are complete or the wait is over; `request`
        asks for those that do not come by themselves."""
        reader = await self.bus.read((await self.bus.info()).last)
        try:
            self.sequence = await publish_fact(
                self.bus, self.book, COMMAND_LINE, self._fact_id, event
            )
            deadline = time.monotonic() + self._wait
            while not complete() and (left := deadline - time.monotonic()) > 0:
                if request is not None:
                    await request()
                for stored in await reader.next(min(left, LOOK_SECONDS)):
                    self._fold(stored)
        finally:
            await reader.close()

    def _fold(self, stored: Stored) -> None:
        message = self._decoding.decode(stored)
        if (message.subject.book, message.subject.service) == (SHARED, CLOCK):
            answers = [it for it in message.facts if isinstance(it.event, OF_CLOCK)]
            self.of_clock += answers if self.sequence else []
        if not self._seen and stored.subject == operator_subject(self.book, COMMAND_LINE):
            fact_id, _, _ = read_fact(COMMAND_LINE, stored.payload)
            if fact_id == self._fact_id:
                # A publish that was tried again stored several copies: the first is answered.
                self._seen, self.sequence = True, stored.sequence
        if message.commit is None or message.subject.book != self.book:
            return
        facts = iter(message.facts)
        for sequence, _, count in message.commit.answers:
            for record in islice(facts, max(count, 0)):
                if sequence == self.sequence:
                    self.events.append((record.source, record.event))
        self.committed[message.subject.service] = message.commit.to


class _Commits:
    """Asks services to commit how far they are: what they take without an answer is not seen
    otherwise."""

    def __init__(self, answers: _Answers, services: Sequence[str]) -> None:
        self._answers = answers
        self._positions = dict.fromkeys(services, 0)

    async def request(self) -> None:
        """Ask how far each is, and for a commit once it is past the fact."""
        answers = self._answers
        for service, position in self._positions.items():
            if answers.committed.get(service, 0) >= answers.sequence:
                continue
            request = LivenessRequest(prove=position >= answers.sequence)
            with suppress(UnavailableError, DeniedError):  # silence is what the outcome says then
                reply = await answers.bus.request(
                    status_subject(answers.book, service),
                    msgspec.json.encode(request),
                    LOOK_SECONDS,
                )
                position = msgspec.json.decode(reply, type=LivenessReply).position
                self._positions[service] = position


class _Acknowledged(Struct):
    """Services that have acknowledged a halt or a resume, with their open orders."""

    open_orders: dict[str, int] = {}
    refused: str | None = None
    rule: str | None = None

    @property
    def is_complete(self) -> bool:
        """True when every service has answered, or governance has refused."""
        return self.refused is not None or all(name in self.open_orders for name in OBEYING)

    def outcome(self, sequence: int) -> CommandOutcome:
        """Return the services that answered and those that did not."""
        return CommandOutcome(
            sequence=sequence,
            acknowledged=[name for name in OBEYING if name in self.open_orders],
            missing=[name for name in OBEYING if name not in self.open_orders],
            open_orders=sum(self.open_orders.values()),
            refused=self.refused,
            rule=self.rule,
        )


def _acknowledged(answers: _Answers) -> _Acknowledged:
    found = _Acknowledged()
    for source, event in answers.events:
        match event:
            case HaltAcknowledged(open_orders=number):
                found.open_orders[source] = number
            case ResumeAcknowledged():
                found.open_orders[source] = 0
            case OperatorRefused(rule=rule, reason=reason):
                found.refused, found.rule = reason, rule
    return found
