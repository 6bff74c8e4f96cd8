"""What explains a decision of risk says the same as what decided it, rule by rule."""

import asyncio
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderApproved
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.replay.refold import Refold
from deadreckon.runtime.log.bus import Stored
from deadreckon.services.risk import decider
from deadreckon.services.risk.evaluation import Evaluation
from deadreckon.services.risk.explaining import RuleResult, explain, measured
from deadreckon.services.risk.rules import RULES
from deadreckon.services.risk.state import State
from tests import sessions
from tests.services.test_risk_rules import CASES, Case, desk_of
from tests.sessions.player import Session, decoded
from tests.sessions.random_sessions import RandomScript
from tests.stories import amount, at

SCRIPTS = sorted(
    path.stem
    for path in (Path(sessions.__file__).parent / "scripts").glob("*.py")
    if path.stem != "__init__"
)
NUMBERED = {rule.name for rule in RULES if rule.field == rule.name and rule.name.endswith("_max")}


@cache
def scripted(name: str) -> list[Stored]:
    return played(name, import_module(f"tests.sessions.scripts.{name}").SCRIPT)


@cache
def random(seed: int) -> list[Stored]:
    return played(f"chance {seed}", RandomScript(seed).script())


def played(name: str, script: Any) -> list[Stored]:
    session = Session(name, script)
    asyncio.run(session.play())
    return session.log


@pytest.mark.parametrize("seed", range(12))
def test_every_wish_of_a_random_session_is_explained_as_it_was_decided(seed: int) -> None:
    holds_for(random(seed))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_wish_of_a_session_is_explained_as_it_was_decided(name: str) -> None:
    holds_for(scripted(name))


def holds_for(log: list[Stored]) -> None:
    explained: dict[str, list[RuleResult]] = {}
    decided: dict[str, Any] = {}

    def look(state: State, record: Recorded[Any]) -> None:
        if isinstance(record.event, SignalRaised):
            explained[record.id] = explain(state, record)
            assert decider.decide(state, record)[0] == expected(record, explained[record.id])
        if isinstance(record.event, OrderApproved | SignalRefused) and record.cause is not None:
            decided[record.cause] = record.event

    rehearse(log, look)
    for wish_id, rules in explained.items():
        refusals = [rule for rule in rules if rule.verdict == "refuses"]
        answer = decided[wish_id]
        if isinstance(answer, OrderApproved):
            assert not refusals
        else:
            (refusal,) = refusals
            assert (refusal.rule, refusal.limit, refusal.limit_set_by) == (
                answer.rule,
                answer.limit,
                answer.limit_set_by,
            )
            assert refusal.measured == answer.measured


def expected(record: Recorded[SignalRaised], rules: list[RuleResult]) -> Any:
    """What the explanation says that the decision was; the approval itself is taken as it is."""
    found = next((rule for rule in rules if rule.verdict == "refuses"), None)
    if found is None:
        return _Approval()
    return _Refusal(found.rule, found.limit, found.measured)


class _Approval:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrderApproved)


class _Refusal:
    def __init__(self, rule: str, limit: Any, found: Any) -> None:
        self.figures = (rule, limit, found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SignalRefused) and self.figures == (
            other.rule,
            other.limit,
            other.measured,
        )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_measured_beside_a_rule_that_passes_is_what_it_refuses_with(case: Case) -> None:
    driver = desk_of(case)
    case.turn(driver)
    record = at(case.outside, driver.story.now)
    rules = explain(driver.state, record)
    refusal = next(weighed for weighed in rules if weighed.verdict == "refuses")
    assert refusal.rule == case.rule
    asked = Evaluation(driver.state, record.at, record.event)
    rule = next(rule for rule in RULES if rule.name == case.rule and rule.guard(asked))
    if refusal.limit is not None:
        found = measured(rule, asked)
        assert found is not None
        assert (found.limit, found.measured) == (refusal.limit, refusal.measured)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_wish_just_inside_a_limit_shows_the_limit_and_what_was_measured(case: Case) -> None:
    driver = desk_of(case)
    rules = explain(driver.state, at(case.inside, driver.story.now))
    assert {rule.verdict for rule in rules} <= {"passes", "off", "free"}
    shown = [rule for rule in rules if rule.rule == case.rule and rule.verdict == "passes"]
    if case.limits.get(case.rule) is not None and case.rule in NUMBERED:
        (rule,) = shown
        assert rule.limit == amount(case.limits[case.rule])
        assert rule.limit_set_by == driver.state.limits_id


def rehearse(log: list[Stored], look: Any) -> None:
    rehearsal = Refold("risk", decider, look)
    for message in decoded(log):
        rehearsal.take(message)
    rehearsal.end()
