"""Rule results of risk decisions, and the headroom left after a trade."""

from typing import Any

from deadreckon.contracts.amounts import EXACT
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.signals import MessagesRefused, SignalRefused
from deadreckon.formatting.exact import rule_amount
from deadreckon.formatting.text import safe_text
from deadreckon.replay.why.detail import Detail, Details, exact_figures
from deadreckon.replay.why.event_history import EventHistory
from deadreckon.replay.why.risk_recheck import RiskRecheck
from deadreckon.services.risk.explaining import RuleResult


def rule_details(history: EventHistory, recheck: RiskRecheck, record: Recorded[Any]) -> Details:
    """Yield the results of all rules: the refusing one first, then those with a number."""
    rules = recheck.rules.get(record.cause or "", [])
    for rule in sorted(rules, key=lambda rule: rule.verdict != "refuses"):
        if rule.verdict == "refuses" or (rule.verdict == "passes" and rule.limit is not None):
            yield _rule(history, record, rule)
    passed = [rule.rule for rule in rules if rule.verdict == "passes" and rule.limit is None]
    if passed:
        yield Detail("passed", f"without a number: {', '.join(passed)}", record.id, is_minor=True)
    for verdict, phrase in _NOT_MEASURED.items():
        names = [rule.rule for rule in rules if rule.verdict == verdict]
        if names:
            count = f"{len(names)} rule{'s' if len(names) > 1 else ''}"
            figures = {"rules": ", ".join(names)}
            yield Detail(verdict, f"{phrase} {count}", record.id, figures, is_minor=True)


_NOT_MEASURED = {
    "free": "an exit is not asked by",
    "off": "nothing is set, or there is nothing to say, for",
    "unasked": "not asked any more:",
}


def _rule(history: EventHistory, record: Recorded[Any], rule: RuleResult) -> Detail:
    refuses = rule.verdict == "refuses"
    parts = [
        f"limit {rule_amount(rule.rule, rule.limit)}" if rule.limit is not None else "",
        f"measured {rule_amount(rule.rule, rule.measured)}" if rule.measured is not None else "",
        _left(rule) if not refuses else "",
        safe_text(history.names.shorten(rule.note)),
        _who_set(history, rule.limit_set_by, why=refuses),
    ]
    figures = exact_figures(
        rule=rule.rule, limit=rule.limit, measured=rule.measured, limit_set_by=rule.limit_set_by
    )
    name = f"{'refused by' if refuses else 'passes'} {rule.rule}"
    shown = "; ".join(part for part in parts if part)
    return Detail(name, shown, rule.limit_set_by or record.id, figures, refuses, not refuses)


def _left(rule: RuleResult) -> str:
    """Format the headroom below a maximum, in the unit of the rule."""
    if rule.limit is None or rule.measured is None or not rule.rule.endswith("_max"):
        return ""
    left = EXACT.subtract(rule.limit, rule.measured)
    return f"{rule_amount(rule.rule, left)} left" if left >= 0 else ""


def _who_set(history: EventHistory, name: str | None, *, why: bool) -> str:
    """Format who set a limit or a halt: `set by ann in limits-1: because`."""
    fact = history.facts.get(name or "")
    if fact is None:
        return f"set by {name}, which this part of the log does not hold" if name else ""
    actor = getattr(fact.event, "actor", "") or fact.source
    reason = getattr(fact.event, "reason", "")
    shown = f"set by {safe_text(actor)} in {history.names.of('fact', fact.id)}"
    return f"{shown}: {safe_text(history.names.shorten(reason))}" if reason and why else shown


def refusal_details(
    history: EventHistory, recheck: RiskRecheck, record: Recorded[SignalRefused | MessagesRefused]
) -> Details:
    """Yield the refusing rule, with all rules that passed where risk checked a signal."""
    if record.cause in recheck.rules:
        yield from rule_details(history, recheck, record)
        return
    no = record.event
    rule = RuleResult(no.rule, "refuses", no.limit, no.measured, no.reason, no.limit_set_by)
    yield _rule(history, record, rule)


def headroom_detail(record: Recorded[Any], rule: RuleResult) -> Detail:
    """Make the detail of a limit's headroom after an event."""
    measured = "unknown" if rule.measured is None else rule_amount(rule.rule, rule.measured)
    limit = rule_amount(rule.rule, rule.limit) if rule.limit is not None else "none"
    left = _left(rule) or ("beyond it" if rule.verdict == "refuses" else "")
    shown = "; ".join(part for part in (f"limit {limit}", f"now {measured}", left) if part)
    figures = exact_figures(rule=rule.rule, limit=rule.limit, measured=rule.measured)
    is_bad = rule.verdict == "refuses"
    return Detail(
        f"room {rule.rule}", shown, rule.limit_set_by or record.id, figures, is_bad, not is_bad
    )
