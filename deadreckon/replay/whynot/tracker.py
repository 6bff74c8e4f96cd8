"""Lives signal, risk and fill again through a window, and asks each what it made of every event."""

from typing import Any

from msgspec import Struct

from deadreckon.contracts import governance, life, models, orders, portfolio, signals
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.market import BarClosed, QuoteUpdated, TradePrinted
from deadreckon.formatting.events import tell
from deadreckon.formatting.events.short_names import Names
from deadreckon.replay.refold import Rehearsal
from deadreckon.replay.whynot.grouping import Group, Grouping, Place, place_of
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import FIRST_BOOK
from deadreckon.runtime.service.ingress import Intake
from deadreckon.services.fill import decider as fill
from deadreckon.services.fill import explaining as fill_explaining
from deadreckon.services.fill.state import State as FillState
from deadreckon.services.risk import decider as risk
from deadreckon.services.risk import explaining as risk_explaining
from deadreckon.services.risk.explaining import Weighed
from deadreckon.services.risk.standing_refusals import obstacles
from deadreckon.services.risk.state import State as RiskState
from deadreckon.services.signal import decider as signal
from deadreckon.services.signal import explaining as signal_explaining
from deadreckon.services.signal.decider import State as SignalState

PRICES = (BarClosed, QuoteUpdated, TradePrinted)
PRICE_AGE = 120_000_000_000  # nanoseconds without a price that are a gap where no limit says so

# What is told of a window beside the silences: all that ended one, or kept one up.
TOLD: frozenset[type[Event]] = frozenset(
    {
        signals.SignalReceived,
        signals.CancelReceived,
        signals.ReplaceReceived,
        signals.SignalRaised,
        signals.SignalRefused,
        orders.OrderApproved,
        orders.OrderUnroutable,
        orders.OrderRejected,
        orders.OrderTriggered,
        orders.OrderFilled,
        orders.OrderCancelled,
        orders.OrderExpired,
        orders.OrderUnknown,
        orders.CancelMissed,
        orders.BracketClosed,
        models.RegimeModelFitted,
        models.RegimeModelRefused,
        portfolio.FundingPaid,
        governance.StrategyConfigured,
    }
)
# The same, whatever the instrument: these concern all of them.
ALL_CONCERN: frozenset[type[Event]] = frozenset(
    {
        governance.LimitsSet,
        governance.HaltRequested,
        governance.HaltImposed,
        governance.ResumeRequested,
        governance.FlattenRequested,
        governance.LogDamaged,
        life.StackStarted,
        life.StackStopped,
    }
)


class Window(Struct, frozen=True):
    """What is asked about: an instrument, decision times (nanoseconds UTC, both included), and one
    strategy or all of them."""

    instrument: str
    start: int
    end: int
    strategy: str | None = None


class Told(Struct, frozen=True):
    """An event within the window in words, with what every rule said where it is a wish."""

    place: Place
    who: str
    type: str
    text: str
    rules: list[Weighed]


class Gap(Struct, frozen=True):
    """No price of the instrument between two moments (nanoseconds UTC); `missing` bars where the
    market comes in bars. `is_first` says that the log had none at all before."""

    start: int
    end: int
    missing: int | None
    before: Place | None  # the price that ended it; null where the window ended first
    is_first: bool = False


class Listener:
    """Takes a log from its first message on, until `is_done`."""

    def __init__(self, window: Window, book: str = FIRST_BOOK, mode: Mode = "paper") -> None:
        self.window = window
        self.told: list[Told] = []
        self.gaps: list[Gap] = []
        self.strategies: dict[str, StrategyConfigured] = {}  # as they are at the window's end
        self.instruments: dict[str, None] = {}  # that the log has said anything of
        self.producers: dict[str, int] = {}  # how many signals for the instrument, in the window
        self.prices = 0
        self.places: dict[str, Place] = {}  # of events that silences rest on
        self.names = Names()
        self._grouping = {name: Grouping() for name in ("signal", "risk", "fill")}
        self._rules: dict[str, list[Weighed]] = {}
        self._previous: Recorded[Any] | None = None
        self._longest_age = PRICE_AGE
        self._orders: dict[str, None] = {}  # of the instrument
        self._past: dict[str, bool] = dict.fromkeys(self._grouping, False)
        self._intake = Intake(book, mode, reads_signals=True, restamps=False)
        self._lives = (
            Rehearsal("signal", signal, self._signal, book, mode),
            Rehearsal("risk", risk, self._risk, book, mode),
            Rehearsal("fill", fill, self._fill, book, mode),
        )

    @property
    def is_done(self) -> bool:
        """Whether all of them are past the window."""
        return all(self._past.values())

    @property
    def groups(self) -> list[Group]:
        """What all of them said, by when it began."""
        found = [group for each in self._grouping.values() for group in each.groups]
        return sorted(found, key=lambda group: group.first)

    def take(self, message: Message) -> None:
        """Move on by one message. Raises RecollectionError for a log that contradicts itself."""
        for said in self._intake.admit(message):
            self._hear(said)
        for lived in self._lives:
            lived.take(message)

    def end(self) -> None:
        """The log ends here, or all are past the window."""
        for lived in self._lives:
            lived.end()
        self._end_gap()
        self.told = [_with_rules(told, self._rules) for told in self.told]

    def _is_within(self, said: Recorded[Any]) -> bool:
        return self.window.start <= said.at <= self.window.end

    def _is_price(self, name: str, said: Recorded[Any]) -> bool:
        """Whether this is a price of the instrument within the window."""
        if said.at > self.window.end:
            self._past[name] = True
        event = said.event
        if not isinstance(event, PRICES) or event.instrument != self.window.instrument:
            return False
        return self._is_within(said)

    def _signal(self, state: SignalState, said: Recorded[Any]) -> None:
        if not self._is_price("signal", said) or not isinstance(said.event, BarClosed):
            return
        grouping = self._grouping["signal"]
        grouping.next_event()
        for name, strategy in state.strategies.items():
            if self.window.strategy in (None, name):
                heard = signal_explaining.explain(strategy, said)
                if heard is not None:
                    grouping.add("strategy", name, heard.outcome, heard.figures, said)

    def _risk(self, state: RiskState, said: Recorded[Any]) -> None:
        if isinstance(said.event, signals.SignalRaised) and self._is_within(said):
            self._rules[said.id] = risk_explaining.explain(state, said)
        if not self._is_price("risk", said):
            self._keep_earlier(said)
            return
        if state.limits is not None:
            self._longest_age = state.limits.price_age_max
        self._look_for_gap(said)
        grouping = self._grouping["risk"]
        grouping.next_event()
        for no in obstacles(state, self.window.instrument, said.at):
            figures = {"limit": no.limit, "measured": no.measured}
            known = {name: figure for name, figure in figures.items() if figure is not None}
            grouping.add(
                "rule", no.rule, "refuses", known, said,
                rests_on=no.limit_set_by or "", note=no.note,
            )  # fmt: skip

    def _fill(self, state: FillState, said: Recorded[Any]) -> None:
        if not self._is_price("fill", said):
            return
        grouping = self._grouping["fill"]
        grouping.next_event()
        for order in fill_explaining.explain(state, said):
            if self.window.strategy in (None, order.strategy):
                note = f"{order.side} of {order.strategy}"
                grouping.add("order", order.order_id, order.waiting, order.figures, said, note=note)

    def _look_for_gap(self, said: Recorded[Any]) -> None:
        """A price that came later than a bar after the one before, or than prices may be old."""
        self.prices += 1
        before, self._previous = self._previous, said
        since = self.window.start if before is None else before.at
        expected = self._expected(said)
        if said.at - since > expected:
            bars = isinstance(said.event, BarClosed) and before is not None
            missing = max((said.at - since - 1) // expected, 1) if bars else None
            self.gaps.append(Gap(since, said.at, missing, place_of(said), before is None))

    def _keep_earlier(self, said: Recorded[Any]) -> None:
        """The last price before the window: what its first one is measured from."""
        if not isinstance(said.event, PRICES) or said.at >= self.window.start:
            return
        if said.event.instrument == self.window.instrument:
            self._previous = said

    def _expected(self, said: Recorded[Any]) -> int:
        if isinstance(said.event, BarClosed):
            return said.event.interval
        return self._longest_age

    def _end_gap(self) -> None:
        last = self._previous
        end = min(self.window.end, self._intake.now)
        if last is None or end - max(last.at, self.window.start) <= self._expected(last):
            return
        missing = None
        if isinstance(last.event, BarClosed):
            missing = (end - last.at) // last.event.interval
        self.gaps.append(Gap(last.at, end, missing, None))

    def _hear(self, said: Recorded[Any]) -> None:
        event, kind = said.event, type(said.event)
        instrument = getattr(event, "instrument", None)
        if isinstance(instrument, str) and instrument:
            self.instruments[instrument] = None
        if kind in PRICES:
            return
        text = tell(said, self.names)
        if kind in ALL_CONCERN:
            self.places[said.id] = place_of(said)
        if isinstance(event, StrategyConfigured) and said.at <= self.window.end:
            self.strategies[event.strategy] = event
        if instrument == self.window.instrument and hasattr(event, "order_id"):
            self._orders[event.order_id] = None
        if self._is_within(said) and self._concerns(said):
            if isinstance(event, signals.SignalReceived):
                count = self.producers.get(event.producer, 0)
                self.producers[event.producer] = count + 1
            who = said.source.removeprefix("op.").removeprefix("in.")
            self.told.append(Told(place_of(said), who, kind.__name__, text, []))

    def _concerns(self, said: Recorded[Any]) -> bool:
        event, kind = said.event, type(said.event)
        if kind in ALL_CONCERN:
            return True
        if kind not in TOLD:
            return False
        strategy = getattr(event, "strategy", "")
        if self.window.strategy is not None and strategy not in ("", self.window.strategy):
            return False
        instrument = getattr(event, "instrument", None)
        if instrument is None:
            return getattr(event, "order_id", "") in self._orders
        return instrument in ("", self.window.instrument)


def _with_rules(told: Told, rules: dict[str, list[Weighed]]) -> Told:
    found = rules.get(told.place.id)
    return told if found is None else Told(told.place, told.who, told.type, told.text, found)
