"""Replay of signal, risk and fill through a window, recording what each made of every event."""

from typing import Any

from msgspec import Struct, structs

from deadreckon.contracts import signals
from deadreckon.contracts.catalogue import BOOK_EVENTS, INSTRUMENT_EVENTS
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.market import BarClosed, QuoteUpdated, TradePrinted
from deadreckon.contracts.orders import BarSettled
from deadreckon.formatting.events import describe
from deadreckon.formatting.events.style import Style
from deadreckon.replay.refold import Refold
from deadreckon.replay.whynot.grouping import (
    EventReference,
    OutcomeGroup,
    OutcomeGrouping,
    event_reference,
)
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.assembly import decider
from deadreckon.services.fill import decider as fill
from deadreckon.services.fill import explaining as fill_explaining
from deadreckon.services.fill.state import State as FillState
from deadreckon.services.risk import decider as risk
from deadreckon.services.risk import explaining as risk_explaining
from deadreckon.services.risk.explaining import RuleResult, entry_refusals
from deadreckon.services.risk.state import State as RiskState
from deadreckon.services.signal import explaining as signal_explaining
from deadreckon.services.signal.decider import State as SignalState
from deadreckon.services.signal.instance import StrategyInstance

PRICES = (BarClosed, QuoteUpdated, TradePrinted)
PRICE_AGE_DEFAULT = (
    120_000_000_000  # nanoseconds without a price that count as a gap where no limit is set
)


class Window(Struct, frozen=True):
    """Window of a query: an instrument, decision times (nanoseconds UTC, both included), and one
    strategy or all (None)."""

    instrument: str
    start: int
    end: int
    strategy: str | None = None


class WindowEvent(Struct, frozen=True):
    """A reported event of the window; a raised signal comes with the result of every rule."""

    reference: EventReference
    who: str
    type: str
    text: str
    rules: list[RuleResult]


class PriceGap(Struct, frozen=True):
    """Time without a price of the instrument (nanoseconds UTC); `missing` counts bars where the
    market data are bars. `is_first` means that the log had no price before."""

    start: int
    end: int
    missing: int | None
    before: EventReference | None  # the price that ended it; None where the window ended first
    is_first: bool = False


class WindowTracker:
    """Tracker of a window; it replays a log from its first message on, until `is_done`."""

    def __init__(self, window: Window, book: str = DEFAULT_BOOK, mode: Mode = "paper") -> None:
        self.window = window
        self.events: list[WindowEvent] = []
        self.gaps: list[PriceGap] = []
        self.strategies: dict[str, StrategyConfigured] = {}  # as configured at the window's end
        self.instruments: set[str] = set()  # named by the log
        self.strategy_names: set[str] = set()  # likewise, producers' own too
        self.producers: dict[str, int] = {}  # number of signals for the instrument in the window
        self.prices = 0
        self.references: dict[str, EventReference] = {}  # of events that outcome groups refer to
        self.names = Style()
        self._deferred: dict[str, Recorded[BarClosed]] = {}  # bars whose fills are not all recorded
        self._grouping = {name: OutcomeGrouping() for name in ("signal", "risk", "fill")}
        self._rules: dict[str, list[RuleResult]] = {}
        self._previous: Recorded[Any] | None = None
        self._longest_age = PRICE_AGE_DEFAULT
        self._orders: dict[str, None] = {}  # of the instrument
        self._passed: dict[str, bool] = dict.fromkeys(self._grouping, False)
        self._ingress = Ingress(book, mode, reads_signals=True, restamps=False)
        self._replays = (
            Refold("signal", decider("signal"), self._signal, book, mode),
            Refold("risk", risk, self._risk, book, mode),
            Refold("fill", fill, self._fill, book, mode),
        )

    @property
    def is_done(self) -> bool:
        """True when all services are past the window."""
        return all(self._passed.values())

    @property
    def groups(self) -> list[OutcomeGroup]:
        """Outcome groups of all services, by their first event."""
        found = [group for each in self._grouping.values() for group in each.groups]
        return sorted(found, key=lambda group: group.first)

    def take(self, message: Message) -> None:
        """Replay one message. Raises RecoveryError for a log that contradicts itself."""
        for record in self._ingress.records_of(message):
            self._report(record)
        for replay in self._replays:
            replay.take(message)

    def end(self) -> None:
        """Finish at the end of the log or of the window."""
        for replay in self._replays:
            replay.end()
        self._end_gap()
        self.events = [_with_rules(event, self._rules) for event in self.events]

    def _is_within(self, record: Recorded[Any]) -> bool:
        return self.window.start <= record.at <= self.window.end

    def _is_price(self, name: str, record: Recorded[Any]) -> bool:
        """Return True for a price of the instrument within the window."""
        if record.at > self.window.end:
            self._passed[name] = True
        event = record.event
        if not isinstance(event, PRICES) or event.instrument != self.window.instrument:
            return False
        return self._is_within(record)

    def _signal(self, state: SignalState, record: Recorded[Any]) -> None:
        if isinstance(record.event, BarSettled):
            bar = self._deferred.pop(record.event.bar, None)
            for name in record.event.strategies if bar else ():
                if bar is not None and (instance := state.strategies.get(name)) is not None:
                    self._strategy(name, instance, bar)
        elif isinstance(record.event, BarClosed) and self._is_price("signal", record):
            self._grouping["signal"].next_event()
            for name, instance in state.strategies.items():
                if any(bar.id == record.id for bar in instance.waiting):
                    self._deferred[record.id] = record
                else:
                    self._strategy(name, instance, record)

    def _strategy(self, name: str, instance: StrategyInstance, record: Recorded[BarClosed]) -> None:
        if self.window.strategy not in (None, name):
            return
        outcome = signal_explaining.explain(instance, record)
        if outcome is not None:
            grouping = self._grouping["signal"]
            grouping.add("strategy", name, outcome.outcome, outcome.figures, record)

    def _risk(self, state: RiskState, record: Recorded[Any]) -> None:
        if isinstance(record.event, signals.SignalRaised) and self._is_within(record):
            self._rules[record.id] = risk_explaining.explain(state, record)
        if not self._is_price("risk", record):
            self._keep_earlier(record)
            return
        if state.limits is not None:
            self._longest_age = state.limits.price_age_max
        self._check_gap(record)
        grouping = self._grouping["risk"]
        grouping.next_event()
        for no in entry_refusals(state, self.window.instrument, record.at):
            figures = {"limit": no.limit, "measured": no.measured}
            known = {name: figure for name, figure in figures.items() if figure is not None}
            grouping.add(
                "rule", no.rule, "refuses", known, record,
                rests_on=no.limit_set_by or "", note=no.note,
            )  # fmt: skip

    def _fill(self, state: FillState, record: Recorded[Any]) -> None:
        if not self._is_price("fill", record):
            return
        grouping = self._grouping["fill"]
        grouping.next_event()
        for order in fill_explaining.explain(state, record):
            if self.window.strategy in (None, order.strategy):
                note = f"{order.side} of {order.strategy}"
                grouping.add(
                    "order", order.order_id, order.waiting, order.figures, record, note=note
                )

    def _check_gap(self, record: Recorded[Any]) -> None:
        """Record a gap when a price came later than the next bar, or than a price may be old."""
        self.prices += 1
        before, self._previous = self._previous, record
        since = self.window.start if before is None else before.at
        expected = self._expected(record)
        if record.at - since > expected:
            bars = isinstance(record.event, BarClosed) and before is not None
            missing = max((record.at - since - 1) // expected, 1) if bars else None
            self.gaps.append(
                PriceGap(since, record.at, missing, event_reference(record), before is None)
            )

    def _keep_earlier(self, record: Recorded[Any]) -> None:
        """Keep the last price before the window, from which the first gap is measured."""
        if not isinstance(record.event, PRICES) or record.at >= self.window.start:
            return
        if record.event.instrument == self.window.instrument:
            self._previous = record

    def _expected(self, record: Recorded[Any]) -> int:
        if isinstance(record.event, BarClosed):
            return record.event.interval
        return self._longest_age

    def _end_gap(self) -> None:
        last = self._previous
        end = min(self.window.end, self._ingress.now)
        if last is None or end - max(last.at, self.window.start) <= self._expected(last):
            return
        missing = None
        if isinstance(last.event, BarClosed):
            missing = (end - last.at) // last.event.interval
        self.gaps.append(PriceGap(last.at, end, missing, None))

    def _report(self, record: Recorded[Any]) -> None:
        event, kind = record.event, type(record.event)
        instrument = getattr(event, "instrument", None)
        if isinstance(instrument, str) and instrument:
            self.instruments.add(instrument)
        if isinstance(name := getattr(event, "strategy", None), str) and name:
            self.strategy_names.add(name)
        if kind in PRICES:
            return
        text = describe(record, self.names)
        if kind in BOOK_EVENTS:
            self.references[record.id] = event_reference(record)
        if isinstance(event, StrategyConfigured) and record.at <= self.window.end:
            self.strategies[event.strategy] = event
        if instrument == self.window.instrument and hasattr(event, "order_id"):
            self._orders[event.order_id] = None
        if self._is_within(record) and self._concerns(record):
            if isinstance(event, signals.SignalReceived):
                count = self.producers.get(event.producer, 0)
                self.producers[event.producer] = count + 1
            who = record.source.removeprefix("op.").removeprefix("in.")
            self.events.append(WindowEvent(event_reference(record), who, kind.__name__, text, []))

    def _concerns(self, record: Recorded[Any]) -> bool:
        event, kind = record.event, type(record.event)
        if kind in BOOK_EVENTS:
            return True
        if kind not in INSTRUMENT_EVENTS:
            return False
        strategy = getattr(event, "strategy", "")
        if self.window.strategy is not None and strategy not in ("", self.window.strategy):
            return False
        instrument = getattr(event, "instrument", None)
        if instrument is None:
            return getattr(event, "order_id", "") in self._orders
        return instrument in ("", self.window.instrument)


def _with_rules(event: WindowEvent, rules: dict[str, list[RuleResult]]) -> WindowEvent:
    found = rules.get(event.reference.id)
    return event if found is None else structs.replace(event, rules=found)
