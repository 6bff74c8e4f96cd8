"""Results of every rule for a signal: passed and by how much, refused, or not applied."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.signals import SignalRaised
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.metrics import BY_GUARD, METRICS, Measurement
from deadreckon.services.risk.refusals import Violation, storable
from deadreckon.services.risk.rules import RULES, Rule, binds
from deadreckon.services.risk.state import State

# off: no limit is set, or it has no say in such a signal; free: exits pass it without being asked;
# unasked: a rule before it has refused.
RuleOutcome = Literal["passes", "refuses", "off", "free", "unasked"]


class RuleResult(Struct, frozen=True):
    """The result of one rule for one signal; `limit` and `measured` in the unit of the rule.

    `limit_set_by` is the id of the event that set the limit; null when none did.
    """

    rule: str
    verdict: RuleOutcome
    limit: Decimal | None = None
    measured: Decimal | None = None
    note: str = ""
    limit_set_by: str | None = None


def explain(state: State, record: Recorded[SignalRaised]) -> list[RuleResult]:
    """Return the result of every rule in order, given the state after the signal.

    The first that refuses, if any, is the refusal that `decide` gives.
    """
    return list(_asked_in_turn(Evaluation(state, record.at, record.event)))


def _asked_in_turn(check: Evaluation) -> Iterator[RuleResult]:
    refused = False
    exits = check.is_exit
    for rule in RULES:
        if refused:
            yield RuleResult(rule.name, "unasked")
        elif exits and not binds(rule, check):
            yield RuleResult(rule.name, "free")
        else:
            found = _weighed(rule, check)
            refused = found.verdict == "refuses"
            yield found


def _weighed(rule: Rule, check: Evaluation) -> RuleResult:
    set_by = check.state.limits_id if rule.field else None
    violation = rule.guard(check)
    if violation is not None:
        found, reason = storable(violation)
        return RuleResult(
            rule.name, "refuses", violation.limit, found, reason, violation.set_by or set_by
        )
    passed = measured(rule, check)
    if passed is None:
        return RuleResult(rule.name, "off")
    found, note = storable(Violation(passed.limit, passed.measured, passed.note))
    return RuleResult(rule.name, "passes", passed.limit, found, note, set_by)


def measured(rule: Rule, check: Evaluation) -> Measurement | None:
    """Return what a rule measured of a signal that it lets pass; None where it did not apply."""
    return BY_GUARD.get(rule.guard, METRICS[rule.name])(check)
