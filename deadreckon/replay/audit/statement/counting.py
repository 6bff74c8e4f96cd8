"""What was said, refused, ordered and done, counted in the order of the log."""

from functools import partial
from typing import Any

from msgspec import Struct, field

from deadreckon.contracts import governance, instruments, life, orders, portfolio, signals
from deadreckon.contracts.event import Event, Recorded
from deadreckon.replay.audit.statement.event_lines import tell
from deadreckon.replay.audit.statement.evidence import Evidence

# What people and rules did to the book beside trading it, and what was out of order.
INTERVENING = (
    governance.HaltRequested,
    governance.HaltImposed,
    governance.ResumeRequested,
    governance.FlattenRequested,
    governance.CancelRequested,
    governance.OperatorRefused,
    governance.LogDamaged,
    portfolio.CashDeposited,
    portfolio.CashWithdrawn,
    portfolio.FeeCharged,
    instruments.InstrumentDelisted,
    orders.OrderUnknown,
    orders.OrderOverdue,
    life.StackStarted,
    life.StackStopped,
)
Refusal = signals.SignalRefused | orders.OrderUnroutable | governance.OperatorRefused


class Refused(Struct):
    """The refusals by one rule of one service; the last one has the numbers of the day."""

    service: str
    rule: str
    last: Recorded[Any]
    places: Evidence = field(default_factory=Evidence)


class Counting(Struct):
    """`outcomes` is how orders ended, by (outcome, rule); `open` are the intents that have not."""

    events: int = 0
    signals: Evidence = field(default_factory=Evidence)
    refusals: dict[tuple[str, str], Refused] = field(default_factory=dict)
    intents: Evidence = field(default_factory=Evidence)
    fills: Evidence = field(default_factory=Evidence)
    outcomes: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    open: dict[str, Recorded[Any]] = field(default_factory=dict)
    interventions: dict[str, Evidence] = field(default_factory=dict)

    def fold(self, said: Recorded[Any], *, counts: bool) -> None:
        """Take a fact; what is open is followed also where the others do not count."""
        self._follow(said.event, said)
        if not counts:
            return
        self.events += 1
        match said.event:
            case signals.SignalRaised() | signals.CancelRaised() | signals.ReplaceRaised():
                _add(self.signals, said)
            case signals.SignalRefused() | orders.OrderUnroutable():
                self._refuse(said)
            case governance.OperatorRefused():
                self._refuse(said)
                self._intervene(said)
            case orders.OrderSubmitting():
                _add(self.intents, said)
            case orders.OrderFilled(leaves=leaves):
                _add(self.fills, said)
                if not leaves:
                    self._end("filled", "", said)
            case orders.OrderCancelled(rule=rule):
                self._end("cancelled", rule, said)
            case orders.OrderRejected(rule=rule):
                self._end("rejected", rule, said)
            case orders.OrderExpired():
                self._end("expired", "", said)
            case event if isinstance(event, INTERVENING):
                self._intervene(said)

    def _follow(self, event: Event, said: Recorded[Any]) -> None:
        match event:
            case orders.OrderSubmitting(order_id=order):
                self.open[order] = said
            case orders.OrderFilled(order_id=order, leaves=leaves) if not leaves:
                self.open.pop(order, None)
            case orders.OrderCancelled() | orders.OrderRejected() | orders.OrderExpired():
                self.open.pop(event.order_id, None)

    def _refuse(self, said: Recorded[Refusal]) -> None:
        key = (said.source, said.event.rule)
        found = self.refusals.get(key)
        if found is None:
            found = self.refusals[key] = Refused(*key, said)
        found.last = said
        _add(found.places, said)

    def _end(self, outcome: str, rule: str, said: Recorded[Any]) -> None:
        _add(self.outcomes.setdefault((outcome, rule), Evidence()), said)

    def _intervene(self, said: Recorded[Any]) -> None:
        _add(self.interventions.setdefault(type(said.event).__name__, Evidence()), said)


def _add(evidence: Evidence, said: Recorded[Any]) -> None:
    evidence.add(said, partial(tell, said))
