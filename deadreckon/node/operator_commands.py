"""Operators' commands: publish facts, and wait for the services that must acknowledge them."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.clock import ClockConfigured
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import (
    HaltImposed,
    HaltRequested,
    ResumeRequested,
    StrategyConfigured,
)
from deadreckon.contracts.instruments import (
    InstrumentDelisted,
    InstrumentListed,
    VenueConfigured,
)
from deadreckon.contracts.limits import LimitsSet, ProducerQuotaSet
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn, ReportingConfigured
from deadreckon.contracts.quota import replaces
from deadreckon.node.facts import publish_fact
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.rights import OPERATOR, OPERATORS_DOOR
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK

READ_SECONDS = 0.2  # at most for one reading of the log, and for one reply
COMMAND_LINE = OPERATORS_DOOR  # facts from the command line are filed under log.<book>.op.cli


class InForce(Struct):
    """Operators' settings in force at the end of the log, each with the id of its event."""

    sequence: int = 0  # the last that was read
    limits: tuple[str, LimitsSet] | None = None
    quota: tuple[str, ProducerQuotaSet] | None = None
    clock: ClockConfigured = ClockConfigured("", "")
    halt: tuple[str, HaltRequested | HaltImposed] | None = None
    reporting: str = ""
    instruments: dict[str, InstrumentListed] = {}
    venues: dict[str, VenueConfigured] = {}
    strategies: dict[str, StrategyConfigured] = {}
    cash_moves: list[CashDeposited | CashWithdrawn] = []

    def fold(self, record: Recorded[Any]) -> None:
        """Apply one event."""
        match record.event:
            case ClockConfigured() as clock:
                self.clock = clock
            case LimitsSet() as limits:
                self.limits = (record.id, limits)
            case ProducerQuotaSet() as quota:
                if replaces(quota, self.quota and self.quota[1]):
                    self.quota = (record.id, quota)
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
        found.sequence = message.sequence
    return found


async def record_facts(
    data: Path, events: Iterable[Event], nats: str | None = None, book: str = BOOK
) -> list[int]:
    """Publish facts as the command line's operator; return their sequences."""
    async with open_bus(Folder(data).check(), nats, OPERATOR) as bus:
        return [
            await publish_fact(bus, book, COMMAND_LINE, secrets.token_hex(16), event)
            for event in events
        ]
