"""Counts signals, refusals, orders and interventions, in the order of the log."""

from functools import partial
from typing import Any

from msgspec import Struct, field

from deadreckon.contracts import governance, instruments, life, orders, portfolio, signals
from deadreckon.contracts.event import Event, Recorded
from deadreckon.replay.audit.statement.evidence import Evidence, event_line

# What people and rules did to the book besides trading it, and what was out of order.
INTERVENTIONS = (
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
Refusal = (
    signals.SignalRefused
    | signals.MessagesRefused
    | orders.OrderUnroutable
    | governance.OperatorRefused
)


class RuleRefusals(Struct):
    """The refusals by one rule of one service; the last one has the numbers of the day."""

    service: str
    rule: str
    last: Recorded[Any]
    evidence: Evidence = field(default_factory=Evidence)


class Counting(Struct):
    """Counts of a day; `outcomes` has ended orders by (outcome, rule), `open` the intents without
    one."""

    events: int = 0
    signals: Evidence = field(default_factory=Evidence)
    refusals: dict[tuple[str, str], RuleRefusals] = field(default_factory=dict)
    intents: Evidence = field(default_factory=Evidence)
    fills: Evidence = field(default_factory=Evidence)
    outcomes: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    open: dict[str, Recorded[Any]] = field(default_factory=dict)
    interventions: dict[str, Evidence] = field(default_factory=dict)

    def fold(self, record: Recorded[Any], *, counts: bool) -> None:
        """Take a fact; what is open is followed also where the others do not count."""
        self._follow(record.event, record)
        if not counts:
            return
        self.events += 1
        match record.event:
            case signals.SignalRaised() | signals.CancelRaised() | signals.ReplaceRaised():
                _add(self.signals, record)
            case signals.SignalRefused() | signals.MessagesRefused() | orders.OrderUnroutable():
                self._refuse(record)
            case governance.OperatorRefused():
                self._refuse(record)
                self._intervene(record)
            case orders.OrderSubmitting():
                _add(self.intents, record)
            case orders.OrderFilled(leaves=leaves):
                _add(self.fills, record)
                if not leaves:
                    self._end("filled", "", record)
            case orders.OrderCancelled(rule=rule):
                self._end("cancelled", rule, record)
            case orders.OrderRejected(rule=rule):
                self._end("rejected", rule, record)
            case orders.OrderExpired():
                self._end("expired", "", record)
            case event if isinstance(event, INTERVENTIONS):
                self._intervene(record)

    def _follow(self, event: Event, record: Recorded[Any]) -> None:
        match event:
            case orders.OrderSubmitting(order_id=order):
                self.open[order] = record
            case orders.OrderFilled(order_id=order, leaves=leaves) if not leaves:
                self.open.pop(order, None)
            case orders.OrderCancelled() | orders.OrderRejected() | orders.OrderExpired():
                self.open.pop(event.order_id, None)

    def _refuse(self, record: Recorded[Refusal]) -> None:
        key = (record.source, record.event.rule)
        found = self.refusals.get(key)
        if found is None:
            found = self.refusals[key] = RuleRefusals(*key, record)
        found.last = record
        _add(found.evidence, record)

    def _end(self, outcome: str, rule: str, record: Recorded[Any]) -> None:
        _add(self.outcomes.setdefault((outcome, rule), Evidence()), record)

    def _intervene(self, record: Recorded[Any]) -> None:
        _add(self.interventions.setdefault(type(record.event).__name__, Evidence()), record)


def _add(evidence: Evidence, record: Recorded[Any]) -> None:
    evidence.add(record, partial(event_line, record))
