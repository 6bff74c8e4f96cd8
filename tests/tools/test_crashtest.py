"""The parts of a crash test: the script, the plan, the comparison, and who is blamed for what."""

from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.governance import OperatorMalformed
from deadreckon.contracts.inbound import read_fact, read_signals
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import Tape
from deadreckon.runtime.process.killpoints import STEPS
from deadreckon.tools.crashtest.inputs import OPERATOR_NAME, PRODUCER, make_inputs
from deadreckon.tools.crashtest.log_tally import (
    Discrepancy,
    LoggedEvent,
    LogTally,
    compare,
    compare_upto,
)
from deadreckon.tools.crashtest.plan import CHANGES, KILL_STEPS, Kill, make_plan, steps_of
from deadreckon.tools.crashtest.program import HASTY, OTHER_DECIDER, Edit, EditError, copy_program
from deadreckon.tools.crashtest.report import CrashReport, StepRow
from deadreckon.tools.crashtest.scenario import KillOutcome


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    path = tmp_path_factory.mktemp("tape") / "tape.parquet"
    return synthesise(Recipe(seed=7, bars=200), "BTCUSDT-PERP.PAPER", path)


def test_a_script_is_the_same_for_a_seed_and_repeats_no_payload(tape: Tape) -> None:
    script = make_inputs(tape, "desk", 7)
    assert script == make_inputs(tape, "desk", 7)
    assert script != make_inputs(tape, "desk", 8)
    assert len({cue.payload for cue in script}) == len(script)
    assert [cue.row for cue in script] == sorted(cue.row for cue in script)


def test_a_script_has_what_a_day_has(tape: Tape) -> None:
    """Wishes, cancels, changes, repetitions, rubbish; limits, halts, resumes, flattenings."""
    script = make_inputs(tape, "desk", 7)
    signals = [signal for cue in script if ".in." in cue.subject for signal in _wishes(cue.payload)]
    facts = [
        type(read_fact(OPERATOR_NAME, cue.payload)[2]) for cue in script if ".op." in cue.subject
    ]
    found = {type(signal).__name__ for signal in signals}
    assert found == {"SignalReceived", "CancelReceived", "ReplaceReceived", "SignalMalformed"}
    ids = [(signal.signal_id, getattr(signal, "body", "")) for signal in signals]
    assert len(set(ids)) < len(ids)
    names = {fact.__name__ for fact in facts}
    assert {"LimitsSet", "HaltRequested", "ResumeRequested", "FlattenRequested"} <= names
    assert OperatorMalformed in facts


def _wishes(payload: bytes) -> list[Any]:
    return list(read_signals(PRODUCER, payload))


def test_a_plan_strikes_every_step_once_and_then_as_often_as_told() -> None:
    steps = steps_of("paper")
    plan = make_plan(steps, 50, seed=3)
    assert [kill.step for kill in plan[: len(steps)]] == steps
    assert len(plan) == len(steps) + 50
    assert plan == make_plan(steps, 50, seed=3)
    assert plan != make_plan(steps, 50, seed=4)
    assert any(kill.twice for kill in plan)
    assert {kill.processes for kill in plan} == {True, False}
    assert not {kill.step for kill in plan[len(steps) :]} & set(CHANGES)


def test_every_step_of_the_code_is_in_a_plan_and_says_what_it_means() -> None:
    assert set(STEPS) <= set(steps_of("sim")) | set(steps_of("paper"))
    assert not any(KILL_STEPS[name].where == "venue" for name in steps_of("paper"))
    assert all(step.meaning for step in KILL_STEPS.values())


def account(*names: str) -> LogTally:
    """A log in which risk said these, one after each row."""
    record = [LoggedEvent(name, "body", row) for row, name in enumerate(names)]
    return LogTally(events={"desk.risk": record}, digest="".join(names))


def kinds(findings: list[Discrepancy]) -> list[tuple[str, int]]:
    return [(finding.kind, finding.row) for finding in findings]


def test_what_is_missing_is_lost_and_what_is_there_twice_is_doubled() -> None:
    wanted = account("a", "b", "c")
    assert compare(account("a", "b", "c"), wanted) == []
    assert kinds(compare(account("a", "c"), wanted)) == [("lost", 1)]
    assert kinds(compare(account("a", "b", "b", "c"), wanted)) == [("doubled", 2)]
    assert kinds(compare(account("a", "b", "c", "x"), wanted)) == [("doubled", 3)]
    assert [kind for kind, _ in kinds(compare(account("a", "c", "b"), wanted))] == ["differs"]


def test_another_body_under_the_same_id_differs() -> None:
    found = account("a", "b")
    found.events["desk.risk"][1] = LoggedEvent("b", "another", 1)
    assert kinds(compare(found, account("a", "b"))) == [("differs", 1)]


def test_after_a_change_of_code_only_what_was_before_has_to_be_as_it_was() -> None:
    wanted = account("a", "b", "c")
    assert compare_upto(account("a", "b", "x", "y"), wanted, 1) == []
    assert kinds(compare_upto(account("a", "x"), wanted, 1)) == [("doubled", 1), ("lost", 1)]
    again = compare_upto(account("a", "b", "x", "x"), wanted, 1)
    assert [kind for kind, _ in kinds(again)] == ["doubled", "doubled"]


def outcome(step: str, row: int, *findings: Discrepancy) -> KillOutcome:
    return KillOutcome(Kill(step, "risk", 1, 0.0, False, True), row, 0.5, False, list(findings))


def test_what_is_found_is_laid_to_the_kill_before_it() -> None:
    report = CrashReport({name: StepRow(name) for name in ("answer", "stored")})
    kills = [outcome("answer", 10), outcome("stored", 20, Discrepancy("differs", 20, "the state"))]
    report.note(kills, [Discrepancy("lost", 15, "one"), Discrepancy("doubled", 99, "two")])
    answer, stored = report.rows["answer"], report.rows["stored"]
    assert (answer.kills, answer.lost, answer.doubled, answer.differs) == (1, 1, 0, 0)
    assert (stored.kills, stored.lost, stored.doubled, stored.differs) == (1, 0, 1, 1)
    assert not report.clean
    assert len(report.findings) == 3


def test_a_step_that_was_never_killed_is_not_clean() -> None:
    report = CrashReport({"answer": StepRow("answer")})
    assert report.clean
    report.missed.append("answer")
    assert not report.clean


def test_a_copy_of_the_program_has_the_edits_and_the_program_has_not(tmp_path: Path) -> None:
    copied = copy_program(tmp_path / "copy", [*HASTY, OTHER_DECIDER])
    edited = (copied / "deadreckon" / OTHER_DECIDER.file).read_text()
    assert OTHER_DECIDER.new in edited
    with pytest.raises(EditError):
        copy_program(tmp_path / "second", [Edit("runtime/log/domain.py", "no such words", "")])
