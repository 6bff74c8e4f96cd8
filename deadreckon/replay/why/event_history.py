"""Index of a log's events by id, cause, order and position, from which `why` answers.

Market events without an answer are dropped, except those that were the latest price of a kept
event.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts import market
from deadreckon.contracts.catalogue import ORDER_EVENTS
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import OrderApproved, OrderFilled
from deadreckon.contracts.portfolio import EquityMarked, FeeCharged, FundingPaid, PositionChanged
from deadreckon.contracts.signals import MessageOverQuota, MessagesRefused, SignalRaised
from deadreckon.formatting.events import describe
from deadreckon.formatting.events.style import Style
from deadreckon.replay.lookup import IdFinder
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK
from deadreckon.runtime.service.ingress import Ingress

Key = tuple[str, str]  # strategy and instrument

PRICES = (market.BarClosed, market.QuoteUpdated, market.TradePrinted, market.MarkUpdated)
MARKET_EVENTS: frozenset[type[Event]] = frozenset({*PRICES, market.ClockTicked})
RECENT_MARKET_EVENTS = 20_000  # market events among which the cause of an answer is searched


class PositionFigures(Struct, frozen=True):
    """Position of a strategy in an instrument, in the units of PositionChanged; `realised` is
    before fees and funding."""

    quantity: Decimal
    average_price: Decimal
    realised: Decimal


class PositionMove(Struct, frozen=True):
    """Position before and after a fill; `is_new` is false for a repeated trade."""

    before: PositionFigures
    after: PositionFigures
    is_new: bool


FLAT_POSITION = PositionFigures(Decimal(0), Decimal(0), Decimal(0))


class EventHistory:
    """Index of a log's events, folded from the first message on; a `finder` sees every event
    too."""

    def __init__(
        self, finder: IdFinder | None = None, book: str = DEFAULT_BOOK, mode: Mode = "paper"
    ) -> None:
        self.names = Style()
        self.ledger: Ledger = ledger.initial()
        self.facts: dict[str, Recorded[Any]] = {}
        self.answers: dict[str, list[str]] = {}  # ids that an event caused
        # Ids of events that name an event as their limit, halt or model.
        self.mentions: dict[str, list[str]] = {}
        self.lifecycles: dict[str, list[str]] = {}  # events of an order, oldest first
        self.moves: dict[str, PositionMove] = {}  # by the id of a fill
        self.prices: dict[str, str] = {}  # the last price event of its instrument before an event
        self.marks: list[str] = []  # EquityMarked, oldest first
        self.totals: dict[Key, list[str]] = {}  # PositionChanged, by strategy and instrument
        self.flows: dict[Key, list[str]] = {}  # fills, funding and fees that changed its profit
        self.models: dict[str, str] = {}  # by model id
        # Settings or limits under which a signal or an approval was decided.
        self.settings: dict[str, str] = {}
        self.excess: dict[str, list[str]] = {}  # messages that were not read, by their refusal
        self.last = 0
        self._finder = finder
        self._ingress = Ingress(book, mode, reads_signals=True, restamps=False)
        self._recent: dict[str, Recorded[Any]] = {}
        self._latest: dict[str, Recorded[Any]] = {}  # by instrument
        self._configured: dict[str, str] = {}  # by strategy
        self._limits = ""
        self._over_quota: dict[str, list[str]] = {}  # by producer, not refused yet

    def take(self, message: Message) -> None:
        """Fold one message."""
        self.last = message.sequence
        for record in self._ingress.records_of(message):
            self._fold(record)

    def _fold(self, record: Recorded[Any]) -> None:
        is_sought = self._finder is not None and self._finder.fold_record(record)
        if isinstance(record.event, OrderFilled):
            self._fold_fill(record)
        else:
            ledger.evolve(self.ledger, record)
        if type(record.event) not in MARKET_EVENTS:
            self._keep(record)
            return
        self._recent[record.id] = record
        if len(self._recent) > RECENT_MARKET_EVENTS:
            del self._recent[next(iter(self._recent))]
        if isinstance(record.event, PRICES):
            self._latest[record.event.instrument] = record
        if is_sought:
            self.facts[record.id] = record

    def _keep(self, record: Recorded[Any]) -> None:
        event = record.event
        describe(record, self.names)  # names every id, in log order
        if record.id in self.facts:  # a producer's resend is the same event
            return
        self.facts[record.id] = record
        if record.cause is not None:
            self._keep_price(record.cause, self._recent.get(record.cause))
            self.answers.setdefault(record.cause, []).append(record.id)
        if type(event) in ORDER_EVENTS:
            self.lifecycles.setdefault(event.order_id, []).append(record.id)
        price = self._latest.get(getattr(event, "instrument", ""))
        if price is not None:
            self._keep_price(price.id, price)
            self.prices[record.id] = price.id
        self._file(record)
        for name in self.named(record):
            self.mentions.setdefault(name, []).append(record.id)

    def _keep_price(self, name: str, record: Recorded[Any] | None) -> None:
        if record is not None:
            self.facts.setdefault(name, record)

    def _file(self, record: Recorded[Any]) -> None:
        match record.event:
            case EquityMarked():
                self.marks.append(record.id)
            case PositionChanged(strategy=strategy, instrument=instrument):
                self.totals.setdefault((strategy, instrument), []).append(record.id)
            case (
                OrderFilled(strategy=strategy, instrument=instrument)
                | FundingPaid(strategy=strategy, instrument=instrument)
                | FeeCharged(strategy=strategy, instrument=instrument)
            ):
                self.flows.setdefault((strategy, instrument), []).append(record.id)
            case RegimeModelFitted(model_id=model_id):
                self.models[model_id] = record.id
            case StrategyConfigured(strategy=strategy):
                self._configured[strategy] = record.id
            case LimitsSet():
                self._limits = record.id
            case MessageOverQuota(producer=producer):
                self._over_quota.setdefault(producer, []).append(record.id)
            case MessagesRefused(producer=producer, last_sequence=last):
                unread = self._over_quota.pop(producer, [])
                later = [name for name in unread if self.facts[name].sequence > last]
                self.excess[record.id] = unread[: len(unread) - len(later)]
                self._over_quota[producer] = later
            case SignalRaised(producer="", strategy=strategy) if strategy in self._configured:
                self.settings[record.id] = self._configured[strategy]
            case OrderApproved() if self._limits:
                self.settings[record.id] = self._limits

    def named(self, record: Recorded[Any]) -> Iterator[str]:
        """Yield the ids of events that an event refers to other than as its cause."""
        event = record.event
        yield from self.excess.get(record.id, ())
        for field in ("limit_set_by", "halt_id", "resume_id"):
            name = getattr(event, field, None)
            if name and name != record.cause:
                yield name
        model = self.models.get(getattr(event, "model_id", ""))
        if model is not None and model != record.id:
            yield model

    def _fold_fill(self, record: Recorded[OrderFilled]) -> None:
        fill = record.event
        before = self.held(fill.strategy, fill.instrument)
        ledger.evolve(self.ledger, record)
        after = self.held(fill.strategy, fill.instrument)
        self.moves[record.id] = PositionMove(before, after, ledger.is_new_fill(self.ledger, record))

    def held(self, strategy: str, instrument: str) -> PositionFigures:
        """Return a strategy's position in an instrument as of the last message folded."""
        position = ledger.position(self.ledger, strategy, instrument)
        if position is None:
            return FLAT_POSITION
        return PositionFigures(
            average_cost.quantity(position),
            average_cost.average_price(position),
            average_cost.realised(position),
        )

    def describe(self, record: Recorded[Any]) -> str:
        """Describe an event in one line."""
        return describe(record, self.names)
