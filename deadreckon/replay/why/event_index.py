"""Keeps what was said, by whom it was caused and what it is about, for whoever asks why.

Rows of the market that nobody answered are let go, but for those that stood behind something said.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts import market, orders, venues
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import LimitsSet, StrategyConfigured
from deadreckon.contracts.models import RegimeModelFitted
from deadreckon.contracts.orders import OrderApproved, OrderFilled
from deadreckon.contracts.portfolio import EquityMarked, FeeCharged, FundingPaid, PositionChanged
from deadreckon.contracts.signals import SignalRaised
from deadreckon.formatting.events import tell
from deadreckon.formatting.events.short_names import Names
from deadreckon.replay.lookup import Finder
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import FIRST_BOOK
from deadreckon.runtime.service.ingress import Intake

Key = tuple[str, str]  # strategy and instrument

PRICES = (market.BarClosed, market.QuoteUpdated, market.TradePrinted, market.MarkUpdated)
QUIET: frozenset[type[Event]] = frozenset({*PRICES, market.ClockTicked})
RECENT = 20_000  # rows of the market among which the cause of an answer is looked for

# What belongs to the life of one order, under `order_id`.
OF_AN_ORDER: frozenset[type[Event]] = frozenset(
    {
        orders.OrderApproved,
        orders.OrderUnroutable,
        orders.OrderRouted,
        orders.OrderSubmitting,
        orders.OrderAccepted,
        orders.OrderRejected,
        orders.OrderTriggered,
        orders.OrderFilled,
        orders.OrderCancelled,
        orders.OrderExpired,
        orders.OrderUnknown,
        orders.OrderOverdue,
        orders.OrderCancelling,
        orders.CancelApproved,
        orders.ReplaceApproved,
        orders.ReplaceRouted,
        orders.OrderReplaced,
        venues.VenueRequestSending,
        venues.VenueOrderNotSent,
        venues.VenueRequestUnanswered,
        venues.VenueOrderMissing,
        venues.VenueOrderAccepted,
        venues.VenueOrderRejected,
        venues.VenueTradeReported,
        venues.VenueOrderEnded,
        venues.VenueCancelRejected,
    }
)


class Held(Struct, frozen=True):
    """What a strategy had of an instrument, in the units of PositionChanged; `realised` is before
    fees and funding."""

    quantity: Decimal
    average_price: Decimal
    realised: Decimal


class Move(Struct, frozen=True):
    """What a fill did to the position of its strategy; `is_new` is false for a repeated trade."""

    before: Held
    after: Held
    is_new: bool


NOTHING_HELD = Held(Decimal(0), Decimal(0), Decimal(0))


class Chronicle:
    """Takes a log from its first message on; a `finder` hears what it hears."""

    def __init__(
        self, finder: Finder | None = None, book: str = FIRST_BOOK, mode: Mode = "paper"
    ) -> None:
        self.names = Names()
        self.ledger: Ledger = ledger.initial()
        self.facts: dict[str, Recorded[Any]] = {}
        self.answers: dict[str, list[str]] = {}  # what an event caused
        self.mentions: dict[str, list[str]] = {}  # what names an event as its limit, halt or model
        self.lives: dict[str, list[str]] = {}  # the life of an order
        self.moves: dict[str, Move] = {}  # by the id of a fill
        self.prices: dict[str, str] = {}  # the last price of its instrument before an event
        self.marks: list[str] = []  # EquityMarked, oldest first
        self.totals: dict[Key, list[str]] = {}  # PositionChanged, by strategy and instrument
        self.flows: dict[Key, list[str]] = {}  # fills, funding and fees that moved its profit
        self.models: dict[str, str] = {}  # by model id
        self.settings: dict[str, str] = {}  # what a signal or an approval was decided under
        self.last = 0
        self._finder = finder
        self._intake = Intake(book, mode, reads_signals=True, restamps=False)
        self._recent: dict[str, Recorded[Any]] = {}
        self._latest: dict[str, Recorded[Any]] = {}  # by instrument
        self._configured: dict[str, str] = {}  # by strategy
        self._limits = ""

    def take(self, message: Message) -> None:
        """Hear one message."""
        self.last = message.sequence
        for said in self._intake.admit(message):
            self._hear(said)

    def _hear(self, said: Recorded[Any]) -> None:
        is_sought = self._finder is not None and self._finder.hear(said)
        if isinstance(said.event, OrderFilled):
            self._fold_fill(said)
        else:
            ledger.evolve(self.ledger, said)
        if type(said.event) not in QUIET:
            self._keep(said)
            return
        self._recent[said.id] = said
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        if isinstance(said.event, PRICES):
            self._latest[said.event.instrument] = said
        if is_sought:
            self.facts[said.id] = said

    def _keep(self, said: Recorded[Any]) -> None:
        event = said.event
        tell(said, self.names)  # gives every id its name, in the order of the log
        if said.id in self.facts:  # a producer's resend is the same fact
            return
        self.facts[said.id] = said
        if said.cause is not None:
            self._keep_price(said.cause, self._recent.get(said.cause))
            self.answers.setdefault(said.cause, []).append(said.id)
        if type(event) in OF_AN_ORDER:
            self.lives.setdefault(event.order_id, []).append(said.id)
        price = self._latest.get(getattr(event, "instrument", ""))
        if price is not None:
            self._keep_price(price.id, price)
            self.prices[said.id] = price.id
        self._file(said)
        for name in self.named(said):
            self.mentions.setdefault(name, []).append(said.id)

    def _keep_price(self, name: str, said: Recorded[Any] | None) -> None:
        if said is not None:
            self.facts.setdefault(name, said)

    def _file(self, said: Recorded[Any]) -> None:
        match said.event:
            case EquityMarked():
                self.marks.append(said.id)
            case PositionChanged(strategy=strategy, instrument=instrument):
                self.totals.setdefault((strategy, instrument), []).append(said.id)
            case (
                OrderFilled(strategy=strategy, instrument=instrument)
                | FundingPaid(strategy=strategy, instrument=instrument)
                | FeeCharged(strategy=strategy, instrument=instrument)
            ):
                self.flows.setdefault((strategy, instrument), []).append(said.id)
            case RegimeModelFitted(model_id=model_id):
                self.models[model_id] = said.id
            case StrategyConfigured(strategy=strategy):
                self._configured[strategy] = said.id
            case LimitsSet():
                self._limits = said.id
            case SignalRaised(producer="", strategy=strategy) if strategy in self._configured:
                self.settings[said.id] = self._configured[strategy]
            case OrderApproved() if self._limits:
                self.settings[said.id] = self._limits

    def named(self, said: Recorded[Any]) -> Iterator[str]:
        """The ids of events that an event names without being their answer."""
        event = said.event
        for field in ("limit_set_by", "halt_id", "resume_id"):
            name = getattr(event, field, None)
            if name and name != said.cause:
                yield name
        model = self.models.get(getattr(event, "model_id", ""))
        if model is not None and model != said.id:
            yield model

    def _fold_fill(self, said: Recorded[OrderFilled]) -> None:
        fill = said.event
        before = self.held(fill.strategy, fill.instrument)
        ledger.evolve(self.ledger, said)
        after = self.held(fill.strategy, fill.instrument)
        self.moves[said.id] = Move(before, after, ledger.is_new(self.ledger, said))

    def held(self, strategy: str, instrument: str) -> Held:
        """What a strategy holds of an instrument where the reading stands."""
        position = ledger.position(self.ledger, strategy, instrument)
        if position is None:
            return NOTHING_HELD
        return Held(
            average_cost.quantity(position),
            average_cost.average_price(position),
            average_cost.realised(position),
        )

    def words(self, said: Recorded[Any]) -> str:
        """What an event says, in one line."""
        return tell(said, self.names)
