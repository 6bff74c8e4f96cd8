"""`dr crashtest` as a sceptic runs it; and that it finds the faults that are planted for it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deadreckon.tools.crashtest.plan import KILL_STEPS, steps_of
from deadreckon.tools.crashtest.program import Edit, copy_program
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr

# One after another: they start eight processes each.

CLEAN = {"lost": 0, "doubled": 0, "differs": 0}


def rows_of(document: Any) -> dict[str, Any]:
    return {row["step"]: row for row in document["steps"]}


def test_a_kill_at_every_step_changes_nothing(dr: Dr) -> None:
    found = dr.json("crashtest", "--seed", "7", "--rows", "250", "--data", "crash")
    assert found["clean"], found["findings"]
    assert found["missed"] == []
    rows = rows_of(found)
    assert list(rows) == steps_of("paper")
    for row in rows.values():
        assert row["kills"] == 1, row
        assert CLEAN.items() <= row.items(), row
    assert not (dr.folder / "crash").exists()


def test_nor_does_one_against_an_exchange_that_does_not_forgive(dr: Dr) -> None:
    steps = [name for name in steps_of("sim") if KILL_STEPS[name].where == "venue"] + ["server"]
    words = ("--venue", "sim", "--steps", ",".join(steps), "--seed", "7", "--rows", "80")
    found = dr.json("crashtest", *words)
    assert found["clean"], found["findings"]
    assert all(row["kills"] == 1 for row in found["steps"])


def test_kills_drawn_by_lot_change_nothing_either(dr: Dr) -> None:
    words = ("--kills", "8", "--steps", "service,commit,server-commit,everything")
    found = dr.json("crashtest", *words, "--seed", "11", "--rows", "250")
    assert found["clean"], found["findings"]
    assert found["kills"] >= 12


FORGETFUL = Edit(
    "runtime/service/decider_runner.py",
    "for record in (question, *answers):",
    "for record in (question,):",
)
DECIDING = Edit(
    "runtime/service/journal.py",
    "self.fold.replay(question, answers)",
    "self.fold.answer(question)",
)
UNGUARDED = Edit(
    "projections/sinks/sqlite.py", '            self._database.execute("BEGIN IMMEDIATE")\n', ""
)
IMPATIENT = Edit(
    "services/venue/next_actions.py",
    'return NextAction("query", order)',
    'return NextAction("submit", order)',
)
UNRECONCILED = Edit(
    "services/venue/reconciliation.py",
    "names = list(orders_to_query(self._journal.state))",
    "names: list[str] = []",
)
RENAMING = Edit(
    "services/venue/requests.py",
    "carried(OrderRequest, order.intent,",
    "carried(OrderRequest, order.intent, client_order_id=order.intent.client_order_id"
    " + (str(order.recorded) if order.recorded > 1 else str()),",
)


@pytest.mark.parametrize(
    ("faults", "step", "more"),
    [
        pytest.param([FORGETFUL], "service", ["--kills", "4"], id="answers left out of recall"),
        pytest.param([DECIDING], "other-code", [], id="a recall that decides again"),
        pytest.param([UNGUARDED], "book-open", [], id="a book without a transaction"),
        pytest.param(
            [UNRECONCILED, IMPATIENT, RENAMING],
            "venue-request",
            ["--venue", "sim"],
            id="an order sent again under a new name",
        ),
    ],
)
def test_a_planted_fault_is_found_and_its_step_named(
    tmp_path: Path, faults: list[Edit], step: str, more: list[str]
) -> None:
    program = copy_program(tmp_path / "bad", faults)
    words = ("--steps", step, "--rows", "60", "--seed", "7", *more)
    document, code = crashtest(program, tmp_path, *words)
    assert code == 1
    row = rows_of(document)[step]
    assert row["lost"] + row["doubled"] + row["differs"] > 0
    assert not document["clean"]
    assert Path(document["folder"], "data").is_dir()


def crashtest(program: Path, folder: Path, *words: str) -> tuple[Any, int]:
    """Run the crash test of another program."""
    done = subprocess.run(
        [sys.executable, "-m", "deadreckon", "crashtest", *words, "--json", "--data", "crash"],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=str(program), PYTHONSAFEPATH="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode


def test_wrong_usage_is_one_line_and_makes_nothing(dr: Dr) -> None:
    (dr.folder / "full").mkdir()
    (dr.folder / "full" / "file").touch()
    for words in (
        ("--steps", "nowhere"),
        ("--kills", "-1"),
        ("--rows", "5"),
        ("--data", "full"),
    ):
        record = dr.run("crashtest", *words, code=2)
        assert record.count("dr: ") == 1


def test_the_list_of_steps_says_what_each_means(dr: Dr) -> None:
    lines = dr.run("crashtest", "--list", "--venue", "sim").splitlines()
    assert [line.split()[0] for line in lines[-len(steps_of("sim")) :]] == list(steps_of("sim"))
    assert any(line.startswith("commit ") and "reply" in line for line in lines)
