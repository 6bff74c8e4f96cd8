"""What every rule said of a wish: which passed it by how much, which refused, which kept out."""

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

# off: no limit is set, or it has no say in such a wish; free: exits pass it without being asked;
# unasked: a rule before it has refused.
RuleOutcome = Literal["passes", "refuses", "off", "free", "unasked"]


class RuleResult(Struct, frozen=True):
    """What one rule said of one wish; `limit` and `measured` in the unit of the rule.

    `limit_set_by` is the id of the event that set the limit; null where nobody did.
    """

    rule: str
    verdict: RuleOutcome
    limit: Decimal | None = None
    measured: Decimal | None = None
    note: str = ""
    limit_set_by: str | None = None


def explain(state: State, record: Recorded[SignalRaised]) -> list[RuleResult]:
    """Every rule in the order in which it is asked, given the state after the wish.

    The first that refuses, if any, is the refusal that `decide` gives.
    """
    return list(_asked_in_turn(Evaluation(state, record.at, record.event)))


def _asked_in_turn(asked: Evaluation) -> Iterator[RuleResult]:
    refused = False
    exits = asked.is_exit
    for rule in RULES:
        if refused:
            yield RuleResult(rule.name, "unasked")
        elif exits and not binds(rule, asked):
            yield RuleResult(rule.name, "free")
        else:
            found = _weighed(rule, asked)
            refused = found.verdict == "refuses"
            yield found


def _weighed(rule: Rule, asked: Evaluation) -> RuleResult:
    set_by = asked.state.limits_id if rule.field else None
    breach = rule.guard(asked)
    if breach is not None:
        found, reason = storable(breach)
        return RuleResult(
            rule.name, "refuses", breach.limit, found, reason, breach.set_by or set_by
        )
    passed = measured(rule, asked)
    if passed is None:
        return RuleResult(rule.name, "off")
    found, note = storable(Violation(passed.limit, passed.measured, passed.note))
    return RuleResult(rule.name, "passes", passed.limit, found, note, set_by)


def measured(rule: Rule, asked: Evaluation) -> Measurement | None:
    """What a rule measured of a wish that it lets pass; None where it had no say."""
    return BY_GUARD.get(rule.guard, METRICS[rule.name])(asked)
