"""The outcome of a run: each signal with its result, the fills, and the ledger's inputs."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from deadreckon.accounting.postings import FOLDS
from deadreckon.contracts.amounts import ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed, MarkUpdated, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import (
    OrderApproved,
    OrderFilled,
    OrderRejected,
    OrderSubmitting,
    OrderUnroutable,
)
from deadreckon.contracts.portfolio import EquityMarked
from deadreckon.contracts.signals import (
    CancelRaised,
    ReplaceRaised,
    SignalRaised,
    SignalRefused,
)

MARKS = (BarClosed, QuoteUpdated, TradePrinted, MarkUpdated)
ENTRY_PURPOSES = ("", "entry")  # purposes of orders that a signal asked for

# What one fill says of market and venue, told apart by what was traded at which terms.
FillTerms = tuple[str, Decimal, Decimal, Decimal, str]


class TrackedSignal(Struct):
    """A signal, by (producer, signal id), and the first refusal of it, if any.

    `refused_by` is the service, empty when the signal was let through; `limit` and `measured` are
    in the unit of the rule. `order_id` is empty where there was no order.
    """

    signal_id: str
    producer: str
    strategy: str
    instrument: str
    kind: str
    side: str
    size: str
    at: int
    sequence: int
    order_id: str = ""
    refused_by: str = ""
    rule: str = ""
    limit: Decimal | None = None
    measured: Decimal | None = None
    reason: str = ""

    @property
    def key(self) -> str:
        """Return the name that is the same in every run: a signal's id derives from its cause."""
        return f"{self.producer}/{self.signal_id}"

    @property
    def content(self) -> tuple[str, ...]:
        """Return what the signal asks for, whatever its result."""
        return (self.strategy, self.instrument, self.kind, self.side, self.size)

    def refuse(self, service: str, event: Any) -> None:
        """Note a refusal; only the first one counts."""
        if self.refused_by:
            return
        self.refused_by, self.rule, self.reason = service, event.rule, event.reason
        self.limit, self.measured = (getattr(event, name, None) for name in ("limit", "measured"))


class RunOutcome(Struct):
    """A run from some message on.

    `moves` are the ledger's inputs without marks, of which `marks` has the last of each instrument;
    `fills` are by order. `drawdown_max` is a share of the peak.
    """

    signals: dict[str, TrackedSignal] = {}
    fills: dict[str, list[Recorded[OrderFilled]]] = {}
    moves: list[Recorded[Any]] = []
    marks: dict[str, Recorded[Any]] = {}
    exits: dict[str, None] = {}  # orders that can only close
    drawdown_max: Decimal = ZERO
    trades: dict[str, None] = {}
    approved: dict[str, str] = {}  # orders and their children, to the key of the signal

    def fold(self, record: Recorded[Any]) -> None:
        """Take one event, in log order."""
        event = record.event
        if isinstance(event, MARKS):
            self.marks[event.instrument] = record
            return
        if type(event) in FOLDS and self._is_new(event):
            self.moves.append(record)
        match event:
            case SignalRaised() | CancelRaised() | ReplaceRaised():
                signal = _signal(record)
                self.signals[signal.key] = signal
            case OrderFilled(order_id=order_id):
                if self.moves[-1] is record:
                    self.fills.setdefault(order_id, []).append(record)
            case OrderSubmitting(order_id=order_id):
                self.remember(record)
                self._let_through(order_id, event)
            case OrderApproved(order_id=order_id):
                self._let_through(order_id, event)
            case EquityMarked(drawdown=drawdown):
                self.drawdown_max = max(self.drawdown_max, drawdown)
            case _:
                self._refusal(record)

    def remember(self, record: Recorded[Any]) -> None:
        """Take an event from before the day, of which only exits matter."""
        event = record.event
        if isinstance(event, OrderSubmitting) and (event.reduce_only or event.purpose != "entry"):
            self.exits[event.order_id] = None

    def _is_new(self, event: Any) -> bool:
        """Return false for a trade that the venue has reported before."""
        if not isinstance(event, OrderFilled):
            return True
        trade = f"{event.venue}|{event.trade_id}"
        if trade in self.trades:
            return False
        self.trades[trade] = None
        return True

    def _let_through(self, order_id: str, event: OrderApproved | OrderSubmitting) -> None:
        signal = self.signals.get(f"{event.producer}/{event.signal_id}")
        if signal is not None and event.purpose in ENTRY_PURPOSES:
            signal.order_id = signal.order_id or order_id
            self.approved[order_id] = signal.key

    def _refusal(self, record: Recorded[Any]) -> None:
        match record.event:
            case SignalRefused(producer=producer, signal_id=signal_id) as event:
                signal = self.signals.get(f"{producer}/{signal_id}")
            case OrderUnroutable(order_id=order_id) | OrderRejected(order_id=order_id) as event:
                signal = self.signals.get(self.approved.get(order_id, ""))
            case _:
                return
        if signal is not None:
            signal.refuse(record.source, event)


def _signal(record: Recorded[Any]) -> TrackedSignal:
    event = record.event
    asked = isinstance(event, SignalRaised)
    quantity, notional = getattr(event, "quantity", None), getattr(event, "notional", None)
    size = f"{quantity}" if quantity is not None else f"for {notional}"
    return TrackedSignal(
        signal_id=event.signal_id,
        producer=event.producer,
        strategy=event.strategy,
        instrument=getattr(event, "instrument", ""),
        kind="order" if asked else "cancel" if isinstance(event, CancelRaised) else "replace",
        side=getattr(event, "side", ""),
        size=size if asked else "",
        at=record.at,
        sequence=record.sequence,
    )


def terms(record: Recorded[OrderFilled]) -> FillTerms:
    """Return the terms by which two fills count as the same."""
    fill = record.event
    return fill.side, fill.quantity, fill.price, fill.fee, fill.fee_currency
