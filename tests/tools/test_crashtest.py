"""The parts of a crash test: the script, the plan, the comparison, and who is blamed for what."""

from pathlib import Path
from typing import Any

import pytest

from deadreckon.contracts.governance import OperatorMalformed
from deadreckon.contracts.inbound import read_fact, read_signals
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import Tape
from deadreckon.runtime.process.killpoints import STEPS
from deadreckon.tools.crashtest.inputs import DOOR, PRODUCER, write_script
from deadreckon.tools.crashtest.log_tally import Account, Finding, Said, compare, compare_upto
from deadreckon.tools.crashtest.plan import CHANGES, PLACES, Kill, make_plan, steps_of
from deadreckon.tools.crashtest.program import HASTY, OTHER_DECIDER, Edit, EditError, copy_program
from deadreckon.tools.crashtest.report import Report, Row
from deadreckon.tools.crashtest.scenario import Outcome


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    path = tmp_path_factory.mktemp("tape") / "tape.parquet"
    return synthesise(Recipe(seed=7, bars=200), "BTCUSDT-PERP.PAPER", path)


def test_a_script_is_the_same_for_a_seed_and_repeats_no_payload(tape: Tape) -> None:
    script = write_script(tape, "desk", 7)
    assert script == write_script(tape, "desk", 7)
    assert script != write_script(tape, "desk", 8)
    assert len({cue.payload for cue in script}) == len(script)
    assert [cue.row for cue in script] == sorted(cue.row for cue in script)


def test_a_script_has_what_a_day_has(tape: Tape) -> None:
    """Wishes, cancels, changes, repetitions, rubbish; limits, halts, resumes, flattenings."""
    script = write_script(tape, "desk", 7)
    wishes = [wish for cue in script if ".in." in cue.subject for wish in _wishes(cue.payload)]
    facts = [type(read_fact(DOOR, cue.payload)[2]) for cue in script if ".op." in cue.subject]
    found = {type(wish).__name__ for wish in wishes}
    assert found == {"SignalReceived", "CancelReceived", "ReplaceReceived", "SignalMalformed"}
    ids = [(wish.signal_id, getattr(wish, "body", "")) for wish in wishes]
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
    assert not any(PLACES[name].where == "venue" for name in steps_of("paper"))
    assert all(step.meaning for step in PLACES.values())


def account(*names: str) -> Account:
    """A log in which risk said these, one after each row."""
    said = [Said(name, "body", row) for row, name in enumerate(names)]
    return Account(events={"desk.risk": said}, digest="".join(names))


def kinds(findings: list[Finding]) -> list[tuple[str, int]]:
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
    found.events["desk.risk"][1] = Said("b", "another", 1)
    assert kinds(compare(found, account("a", "b"))) == [("differs", 1)]


def test_after_a_change_of_code_only_what_was_before_has_to_be_as_it_was() -> None:
    wanted = account("a", "b", "c")
    assert compare_upto(account("a", "b", "x", "y"), wanted, 1) == []
    assert kinds(compare_upto(account("a", "x"), wanted, 1)) == [("doubled", 1), ("lost", 1)]
    again = compare_upto(account("a", "b", "x", "x"), wanted, 1)
    assert [kind for kind, _ in kinds(again)] == ["doubled", "doubled"]


def outcome(step: str, row: int, *findings: Finding) -> Outcome:
    return Outcome(Kill(step, "risk", 1, 0.0, False, True), row, 0.5, False, list(findings))


def test_what_is_found_is_laid_to_the_kill_before_it() -> None:
    report = Report({name: Row(name) for name in ("answer", "stored")})
    kills = [outcome("answer", 10), outcome("stored", 20, Finding("differs", 20, "the state"))]
    report.note(kills, [Finding("lost", 15, "one"), Finding("doubled", 99, "two")])
    answer, stored = report.rows["answer"], report.rows["stored"]
    assert (answer.kills, answer.lost, answer.doubled, answer.differs) == (1, 1, 0, 0)
    assert (stored.kills, stored.lost, stored.doubled, stored.differs) == (1, 0, 1, 1)
    assert not report.clean
    assert len(report.findings) == 3


def test_a_step_that_was_never_killed_is_not_clean() -> None:
    report = Report({"answer": Row("answer")})
    assert report.clean
    report.missed.append("answer")
    assert not report.clean


def test_a_copy_of_the_program_has_the_edits_and_the_program_has_not(tmp_path: Path) -> None:
    copied = copy_program(tmp_path / "copy", [*HASTY, OTHER_DECIDER])
    edited = (copied / "deadreckon" / OTHER_DECIDER.file).read_text()
    assert OTHER_DECIDER.new in edited
    with pytest.raises(EditError):
        copy_program(tmp_path / "second", [Edit("runtime/log/domain.py", "no such words", "")])
