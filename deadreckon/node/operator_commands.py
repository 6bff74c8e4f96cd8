"""Operators' commands: publish facts, and wait for the services that must acknowledge them."""

import secrets
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import (
    OBEYING,
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    OperatorRefused,
    ResumeAcknowledged,
    ResumeRequested,
    StrategyConfigured,
)
from deadreckon.contracts.instruments import (
    InstrumentDelisted,
    InstrumentListed,
    VenueConfigured,
)
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn, ReportingConfigured
from deadreckon.node.demo_setup import publish_fact
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.rights import OPERATOR, OPERATORS_DOOR
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK

COMMAND_LINE = OPERATORS_DOOR  # facts from the command line are filed under log.<book>.op.cli


class InForce(Struct):
    """Operators' settings in force at the end of the log, each with the id of its event."""

    limits: tuple[str, LimitsSet] | None = None
    halt: tuple[str, HaltRequested | HaltImposed] | None = None
    reporting: str = ""
    instruments: dict[str, InstrumentListed] = {}
    venues: dict[str, VenueConfigured] = {}
    strategies: dict[str, StrategyConfigured] = {}
    cash_moves: list[CashDeposited | CashWithdrawn] = []

    def fold(self, record: Recorded[Any]) -> None:
        """Apply one event."""
        match record.event:
            case LimitsSet() as limits:
                self.limits = (record.id, limits)
            case HaltRequested() | HaltImposed() as halt:
                self.halt = (record.id, halt)
            case ResumeRequested():
                self.halt = None
            case InstrumentListed(instrument=name) as listing:
                self.instruments[name] = listing
            case InstrumentDelisted(instrument=name):
                self.instruments.pop(name, None)
            case VenueConfigured(venue=name) as venue:
                self.venues[name] = venue
            case StrategyConfigured(strategy=name) as strategy:
                self.strategies[name] = strategy
            case CashDeposited() | CashWithdrawn() as move:
                self.cash_moves.append(move)
            case ReportingConfigured(currency=currency):
                self.reporting = currency


async def in_force(data: Path, nats: str | None = None, book: str = BOOK) -> InForce:
    """Read the settings in force from a folder's log, of a stack that runs or not."""
    async with open_bus(Folder(data).check(), nats) as bus:
        return await read_in_force(bus, book)


async def read_in_force(bus: Bus, book: str, mode: Mode = "paper") -> InForce:
    """Fold operators' facts (and halts that rules imposed) from the whole log."""
    intake = Ingress(book, mode, reads_signals=False)
    found = InForce()
    async for message in read_messages(bus):
        for record in intake.records_of(message):
            found.fold(record)
    return found


class CommandOutcome(Struct, frozen=True):
    """Result of an operator's fact: its sequence, and who acknowledged or refused it."""

    sequence: int
    acknowledged: list[str]
    missing: list[str]
    open_orders: int
    refused: str | None


async def record_facts(
    data: Path, events: Iterable[Event], nats: str | None = None, book: str = BOOK
) -> list[int]:
    """Publish facts as the command line's operator; return their sequences."""
    async with open_bus(Folder(data).check(), nats, OPERATOR) as bus:
        return [
            await publish_fact(bus, book, COMMAND_LINE, secrets.token_hex(16), event)
            for event in events
        ]


async def record_and_wait(
    data: Path, event: Event, wait: float, nats: str | None = None, book: str = BOOK
) -> CommandOutcome:
    """Publish a halt or a resume, and read until every service concerned has acknowledged it."""
    async with open_bus(Folder(data).check(), nats, OPERATOR) as bus:
        reader = await bus.read((await bus.info()).last)
        sequence = await publish_fact(bus, book, COMMAND_LINE, secrets.token_hex(16), event)
        waiting = _Acknowledgements(sequence, book)
        deadline = time.monotonic() + wait
        try:
            while not waiting.complete and (left := deadline - time.monotonic()) > 0:
                for stored in await reader.next(left):
                    waiting.fold(stored)
        finally:
            await reader.close()
        return waiting.outcome()


class _Acknowledgements:
    """Collects the answers to the fact at one sequence."""

    def __init__(self, sequence: int, book: str) -> None:
        self._sequence = sequence
        self._decoding = Decoding(from_start=False)
        self._book = book
        self._seen: dict[str, int] = {}
        self._refused: str | None = None

    @property
    def complete(self) -> bool:
        """True when every service has answered, or governance has refused."""
        return self._refused is not None or all(name in self._seen for name in OBEYING)

    def fold(self, stored: Any) -> None:
        """Look at one message."""
        message = self._decoding.decode(stored)
        if message.commit is None or message.subject.book != self._book:
            return
        facts = iter(message.facts)
        for sequence, _, count in message.commit.answers:
            for record in islice(facts, max(count, 0)):
                if sequence == self._sequence:
                    self._answer(record)

    def _answer(self, record: Recorded[Any]) -> None:
        match record.event:
            case HaltAcknowledged(open_orders=number):
                self._seen[record.source] = number
            case ResumeAcknowledged():
                self._seen[record.source] = 0
            case OperatorRefused(reason=reason):
                self._refused = reason

    def outcome(self) -> CommandOutcome:
        """Return the services that answered and those that did not."""
        return CommandOutcome(
            sequence=self._sequence,
            acknowledged=[name for name in OBEYING if name in self._seen],
            missing=[name for name in OBEYING if name not in self._seen],
            open_orders=sum(self._seen.values()),
            refused=self._refused,
        )
