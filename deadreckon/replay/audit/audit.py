"""The audit: a fold of the log that recomputes PnL and compares what was recorded of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.dust import Dust, dust_of
from deadreckon.accounting.equity import Equity
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.pnl import PnlFigures, PositionKey, figures
from deadreckon.contracts.amounts import EXACT, text
from deadreckon.contracts.codec import written_fields
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import OperatorRefused, StrategyConfigured
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.orders import OrderFilled, OrderSubmitting, OrderUnroutable
from deadreckon.contracts.portfolio import EquityMarked, PositionChanged, ReportingConfigured
from deadreckon.contracts.signals import (
    CancelRaised,
    MessagesRefused,
    ReplaceRaised,
    SignalRaised,
    SignalRefused,
)
from deadreckon.contracts.timestamps import day_of
from deadreckon.replay.audit.document import Setting
from deadreckon.replay.audit.volumes import TradedVolumes
from deadreckon.replay.digests import OBSERVERS, RunDigest
from deadreckon.replay.pnl.rows import moved_on
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.recovery import Recovery, RecoveryError

BEFORE, DURING, AFTER = -1, 0, 1  # phases: an event lies before, within or after the day

CONFIGURATION_EVENTS = (
    LimitsSet,
    StrategyConfigured,
    InstrumentListed,
    VenueConfigured,
    ReportingConfigured,
)


class AuditPosition(Struct, frozen=True):
    """A position at one moment, as decimal texts: signed quantity, average price and mark in the
    quote currency."""

    quantity: str
    average_price: str
    mark: str | None
    dust: Dust | None


class AuditSnapshot(Struct, frozen=True):
    """The book at one moment of the log."""

    figures: dict[PositionKey, PnlFigures]
    positions: dict[PositionKey, AuditPosition]
    equity: Decimal
    deposited: Decimal
    unpriced: list[str]
    one_currency: bool  # every account is in the reporting currency: nothing revalues

    def moved(self, left: "AuditSnapshot", now: "AuditSnapshot") -> "AuditSnapshot":
        """Return this opening without what came about from `left` to `now`, which belongs to
        another day."""
        return replace(
            self,
            figures=moved_on(self.figures, left.figures, now.figures),
            equity=EXACT.add(self.equity, EXACT.subtract(now.equity, left.equity)),
            deposited=EXACT.add(self.deposited, EXACT.subtract(now.deposited, left.deposited)),
        )


class EventCounts(Struct):
    """Counts of the events within the day, refusals by rule, and the sequences they lie in."""

    events: int = 0
    signals: int = 0
    refusals: int = 0
    orders: int = 0
    fills: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    refusals_by_rule: dict[str, int] = {}

    def count(self, record: Recorded[Any]) -> None:
        """Count one event."""
        self.events += 1
        match record.event:
            case SignalRaised() | CancelRaised() | ReplaceRaised():
                self.signals += 1
            case (
                SignalRefused(rule=rule)
                | MessagesRefused(rule=rule)
                | OrderUnroutable(rule=rule)
                | OperatorRefused(rule=rule)
            ):
                self.refusals += 1
                self.refusals_by_rule[rule] = self.refusals_by_rule.get(rule, 0) + 1
            case OrderSubmitting():
                self.orders += 1
            case OrderFilled():
                self.fills += 1


class AuditObserver(Protocol):
    """The interface of an observer that follows an audit to collect more than its figures."""

    def read(self, message: Message) -> None:
        """Take a message of the log, before its events."""
        ...

    def on_event(self, record: Recorded[Any], phase: int) -> None:
        """Take an event in log order, and whether it lies before, within or after the day."""
        ...

    def on_day_start(self) -> None:
        """Begin the day with the next event that portfolio handles."""
        ...

    def on_ledger(self, record: Recorded[Any], book: Ledger, phase: int) -> None:
        """Take an event that has just moved the ledger, in the order portfolio handled it."""
        ...

    def on_equity(self, record: Recorded[EquityMarked], equity: Equity, book: Ledger) -> None:
        """Take a mark of equity within the day, and the equity that the log adds up to."""
        ...

    def on_day_again(self) -> None:
        """Go on with a day that had ended: time was taken back."""
        ...

    def on_day_end(self) -> None:
        """End the day with the last event that portfolio handled."""
        ...


class Audit:
    """A fold of the log in the order in which portfolio handled it, which compares as it goes.

    A day is [00:00, 24:00) UTC of decision time; with `day` null everything counts.
    """

    def __init__(
        self, book: str, mode: Mode, day: str | None, observer: AuditObserver | None = None
    ) -> None:
        self._day = day
        self._observer = observer
        self._ledger = ledger.initial()
        self._reading = Recovery("portfolio", book, Ingress(book, mode, reads_signals=False))
        self._reports = Ingress(book, mode, reads_signals=False, restamps=False)
        self._digest = RunDigest()
        self.tally = EventCounts()
        self.traded = TradedVolumes()
        self.opening = self._snapshot()
        self._before = True  # the day has not begun
        self._closing: AuditSnapshot | None = None
        self._entered = False  # an event of the day was handled
        self.configuration: dict[str, Setting] = {}
        self.differences: list[str] = []
        self.damages: list[str] = []
        self.compared = 0
        self.last_sequence = 0
        self.first_at: int | None = None  # of any event, also outside of the day
        self.last_at = 0

    def fold(self, message: Message) -> None:
        """Move on by one message of the log."""
        self.last_sequence = message.sequence
        if self._observer:
            self._observer.read(message)
        if message.damage:
            self.damages.append(f"{message.sequence}: {message.damage}")
        self._count(message)
        try:
            self._take(message)
        except RecoveryError as error:
            self.damages.append(f"{message.sequence}: {error}")

    def _take(self, message: Message) -> None:
        if message.damage and self._reading.is_own(message):
            return  # nothing in it can be trusted; the damage is noted
        for (_, _, question), answers in self._reading.take(message):
            self._handle(question)
            for record in answers:
                self._check(record)

    def finish(self) -> AuditSnapshot:
        """Fold the events that no commit of portfolio covers yet; returns the closing book."""
        while self._reading.waiting:
            self._handle(self._reading.waiting.popleft()[2])
        return self._closing or self._snapshot()

    @property
    def reporting(self) -> str:
        """The book's reporting currency, as of the last message."""
        return self._ledger.reporting

    def digest(self) -> str:
        """Return the run digest of the counted events."""
        return self._digest.hexdigest()

    def _count(self, message: Message) -> None:
        """Count events by their decision time, in log order."""
        if message.subject.service in OBSERVERS:
            return
        for index, record in enumerate(self._reports.records_of(message)):
            phase = self._phase(record.at)
            self.first_at = record.at if self.first_at is None else min(self.first_at, record.at)
            self.last_at = max(self.last_at, record.at)
            if self._observer:
                self._observer.on_event(record, phase)
            if phase != DURING:
                continue
            self.tally.count(record)
            self.traded.fold([record])
            self.tally.first_sequence = self.tally.first_sequence or message.sequence
            self.tally.last_sequence = message.sequence
            if message.commit is not None and not message.damage:
                self._digest.fold(message.subject, message.commit.events[index])

    def _phase(self, at: int) -> int:
        if self._day is None:
            return DURING
        today = day_of(at)
        return (today > self._day) - (today < self._day)

    def _handle(self, record: Recorded[Any]) -> None:
        if self._day is not None:
            self._cross_midnight(day_of(record.at))
        if isinstance(record.event, CONFIGURATION_EVENTS) and self._closing is None:
            self._configure(record)
        self._ledger = ledger.evolve(self._ledger, record)
        if self._observer:
            self._observer.on_ledger(record, self._ledger, self._ledger_phase())

    def _ledger_phase(self) -> int:
        if self._day is not None and self._before:
            return BEFORE
        return DURING if self._closing is None else AFTER

    def _cross_midnight(self, today: str) -> None:
        assert self._day is not None
        if today == self._day:
            self._enter_day()
        elif (today > self._day or self._entered) and self._closing is None:
            if not self._entered:
                self._begin_day()
            self._closing = self._snapshot()
            if self._observer:
                self._observer.on_day_end()

    def _enter_day(self) -> None:
        """Begin the day, or go on with it: time may have been taken back from another."""
        left, self._closing = self._closing, None
        if not self._entered:
            self._begin_day()
        elif left is not None:
            self.opening = self.opening.moved(left, self._snapshot())
        if left is not None and self._observer:
            self._observer.on_day_again()
        self._entered = True

    def _begin_day(self) -> None:
        self.opening = self._snapshot()
        self._before = False
        if self._observer:
            self._observer.on_day_start()

    def _configure(self, record: Recorded[Any]) -> None:
        event: Event = record.event
        name = getattr(event, "strategy", None) or getattr(event, "instrument", None)
        name = name or getattr(event, "venue", None) or ""
        key = f"{type(event).__name__} {name}".strip()
        self.configuration[key] = Setting(record.id, written_fields(event))

    def _check(self, record: Recorded[Any]) -> None:
        """Compare an event of portfolio with the ledger that the same inputs give here."""
        match record.event:
            case PositionChanged(strategy=strategy, venue=venue, instrument=instrument):
                self._check_position(record, (strategy, venue, instrument))
            case EquityMarked():
                self._check_equity(record)

    def _check_equity(self, record: Recorded[EquityMarked]) -> None:
        self.compared += 1
        own = ledger.equity(self._ledger)
        if own.equity != record.event.equity:
            self._differ(record, f"equity {record.event.equity}, recomputed {own.equity}")
        if self._observer and self._phase(record.at) == DURING:
            self._observer.on_equity(record, own, self._ledger)

    def _check_position(self, record: Recorded[PositionChanged], key: PositionKey) -> None:
        self.compared += 1
        held = ledger.holding(self._ledger, key[0], key[2])
        if held is None:
            self._differ(record, f"a position of {'/'.join(key)} that no fill explains")
            return
        own = (average_cost.quantity(held.position), average_cost.realised(held.position))
        if own != (record.event.quantity, record.event.realised):
            theirs = f"{record.event.quantity} realised {record.event.realised}"
            self._differ(record, f"{'/'.join(key)} {theirs}, recomputed {own[0]} realised {own[1]}")

    def _differ(self, record: Recorded[Any], what: str) -> None:
        self.differences.append(f"event {record.id} at sequence {record.sequence}: {what}")

    def _snapshot(self) -> AuditSnapshot:
        book = self._ledger
        now = ledger.equity(book)
        return AuditSnapshot(
            figures=figures(book),
            positions={key: _position(book, key) for key, _ in ledger.positions(book)},
            equity=now.equity,
            deposited=ledger.net_deposits(book),
            unpriced=now.unpriced,
            one_currency=set(book.accounts) <= {book.reporting},
        )


def _position(book: Ledger, key: PositionKey) -> AuditPosition:
    held = ledger.position(book, key[0], key[2])
    price = ledger.mark(book, key[2])
    assert held is not None
    return AuditPosition(
        quantity=text(average_cost.quantity(held)),
        average_price=text(average_cost.average_price(held)),
        mark=text(price.price) if price else None,
        dust=dust_of(book, key[0], key[2]),
    )


async def audit(
    bus: Bus,
    book: str,
    mode: Mode,
    day: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    observer: AuditObserver | None = None,
) -> Audit:
    """Fold the whole log; the result still has to `finish`. Raises the errors of the reader."""
    found = Audit(book, mode, day, observer)
    async for message in read_messages(bus, progress=progress):
        found.fold(message)
    return found
