"""Halts, resumes, strategies and other requests of operators, and how services obey them."""

from decimal import Decimal
from typing import Annotated

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import (
    Actor,
    Evidence,
    HaltScope,
    InstrumentName,
    LimitSetBy,
    OperatorName,
    Reason,
    Rule,
    RuleLimit,
    RuleMeasured,
    StrategyName,
)
from deadreckon.contracts.units import described

OBEYING = ("risk", "fill")  # services that must acknowledge a halt before `dr halt` returns


class HaltRequested(Event, frozen=True):
    """An operator stops trading; cancels pass under every halt.

    It is in force at its own sequence in the log. Each service in `OBEYING` acknowledges it in its
    own domain.
    """

    declared = Declaration("governance.halt_requested", operators=True, timeline="book")

    actor: Actor
    reason: Reason
    scope: HaltScope = "all"


class ResumeRequested(Event, frozen=True):
    """An operator lifts every halt."""

    declared = Declaration("governance.resume_requested", operators=True, timeline="book")

    actor: Actor
    reason: Reason
    reset_counters: Annotated[
        bool, described("true: peaks, windows and performance records start anew as well")
    ] = False


class HaltAcknowledged(Event, frozen=True):
    """A service obeys a halt, the event's cause."""

    declared = Declaration("governance.halt_acknowledged", ("risk", "fill"))

    halt_id: Annotated[str, described("id of the event that halted the book")]
    scope: HaltScope
    open_orders: Annotated[
        int, described("number of orders that the service had to cancel", "count")
    ]


class ResumeAcknowledged(Event, frozen=True):
    """A service has lifted every halt."""

    declared = Declaration("governance.resume_acknowledged", ("risk", "fill"))

    resume_id: Annotated[str, described("id of the request, the event's cause")]


class HaltImposed(Event, frozen=True):
    """A rule (a breaker) halted the book by itself; obeyed like an operator's halt."""

    declared = Declaration(
        "governance.halt_imposed", ("risk", "fill", "governance"), timeline="book"
    )

    scope: HaltScope
    rule: Rule
    limit: RuleLimit
    measured: RuleMeasured
    limit_set_by: LimitSetBy
    reason: Reason
    until: Annotated[
        int | None,
        described(
            "when it lifts by itself, nanoseconds UTC; null when only a resume lifts it",
            "timestamp",
        ),
    ] = None


class FlattenRequested(Event, frozen=True):
    """An operator closes positions at market, reduce-only; allowed under every halt."""

    declared = Declaration("governance.flatten_requested", operators=True, timeline="book")

    actor: Actor
    reason: Reason
    instrument: Annotated[
        str | None, described("instrument to flatten, as SYMBOL.VENUE; null for all of them")
    ] = None


class CancelRequested(Event, frozen=True):
    """An operator cancels open orders."""

    declared = Declaration("governance.cancel_requested", operators=True)

    actor: Actor
    reason: Reason
    order_id: Annotated[
        str | None, described("id of the order to cancel; null for every open order")
    ] = None


class StrategyConfigured(Event, frozen=True, omit_defaults=True):
    """A strategy runs with these parameters from here on, or stops."""

    declared = Declaration("governance.strategy_configured", operators=True, timeline="instrument")

    strategy: StrategyName
    kind: Annotated[str, described("name of the implementation, such as moving_average_cross")]
    instrument: InstrumentName
    enabled: Annotated[bool, described("false stops the strategy")]
    notional: Annotated[Decimal, described("size of one entry, in quote currency", "quote")]
    parameters: Annotated[
        dict[str, str],
        described("parameters as texts that the implementation reads; see docs/strategies.md"),
    ]
    actor: Actor
    reason: Reason
    implementation: Annotated[str, described("class of the implementation, module:Class")] = ""
    version: Annotated[str, described("what the implementation calls its version")] = ""
    code: Annotated[
        str, described("SHA-256 (hex) of its source; with other code it does not trade")
    ] = ""
    quantity: Annotated[
        Decimal | None,
        described(
            "size of one entry, in base units or contracts; then `notional` is not used", "base"
        ),
    ] = None


class OperatorRefused(Event, frozen=True):
    """An operator's message was refused; nothing changed."""

    declared = Declaration(
        "governance.operator_refused", ("governance", "clock"), archive=("refusals",)
    )

    door: OperatorName
    rule: Rule
    reason: Reason
    evidence: Evidence


class OperatorMalformed(Event, frozen=True):
    """An operator's message could not be read; never written, answered by a refusal."""

    door: OperatorName
    rule: Rule
    reason: Reason
    evidence: Evidence


class LogDamaged(Event, frozen=True):
    """A message in a service's own domain cannot be decoded or breaks its chain; never written.

    Every service meets it at the same sequence, and the book halts there.
    """

    declared = Declaration(timeline="book")

    subject: Annotated[str, described("subject of the damaged domain")]
    reason: Reason
