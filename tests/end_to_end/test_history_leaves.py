"""Old history leaves a folder in the middle of its tape, killed at every step of it, and nothing
that anybody can ask is any different afterwards."""

import os
import shutil
from pathlib import Path
from typing import Any

from deadreckon.runtime.log.rollover_notice import FILE
from deadreckon.runtime.process.killpoints import ROLL_STEPS, VARIABLE
from tests.conftest import PATIENCE, ROOT
from tests.end_to_end.conftest import Dr
from tests.end_to_end.test_restart import PARTS
from tests.end_to_end.test_up import WHO, started
from tests.support.forked_verbs import run_forked

ALL = "2100-01-01"
KILLED = -9


def killed_at(dr: Dr, step: str, *words: str) -> int:
    """How the verb ended that was to be killed at a step."""
    prune = ("archive", "prune", "--data", "desk", *words)
    environment = dict(os.environ, PYTHONPATH=str(ROOT)) | {VARIABLE: f"{step}:1"}
    return run_forked(prune, dr.folder, environment, PATIENCE).returncode


def forgotten(folder: Path) -> None:
    """All that is made of the log is gone, and has to come from the archive again."""
    for part in (*PARTS, "snapshots"):
        path = folder / part
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def answers(dr: Dr, data: str) -> list[Any]:
    """What a day's end asks of the log, but for what its carrying over adds to it."""
    audited = dr.json("replay", "audit", "--all", "--data", data)
    audited.pop("last_sequence")
    audited.pop("sequence")
    audited.pop("checks")
    return [audited, dr.run("replay", "narrate", "--all", "--data", data)]


def test_history_leaves_though_it_is_killed_at_every_step(
    dr: Dr, tape: Path, undisturbed: tuple[Path, Any]
) -> None:
    dr.play("desk", tape, "--for", "3")
    dr.run("archive", "seal", "--all", "--data", "desk")
    before = answers(dr, "desk")

    for number, step in enumerate(ROLL_STEPS):
        policy = () if number else ("--before", ALL, "--yes")
        assert killed_at(dr, step, *policy) == KILLED, step
        if step in ("roll-begun", "roll-dropped", "roll-released"):
            record = dr.run("replay", "audit", "--all", "--data", "desk", code=3)
            assert "`dr archive prune --data desk` finishes it" in record
    assert "finishes it" in dr.run("demo", "--data", "desk", "--no-web", code=3)
    finished = dr.json("archive", "prune", "--data", "desk")

    assert finished["done"]
    assert finished["store_bytes_after"] < finished["store_bytes_before"]
    assert not (dr.folder / "desk" / FILE).exists()
    assert answers(dr, "desk") == before
    forgotten(dr.folder / "desk")
    ended = dr.play("desk", tape)
    assert ended["digest"] == undisturbed[1]["digest"]
    assert ended["pnl"] == undisturbed[1]["pnl"]
    assert dr.play("desk", tape)["run"]["rows"] == undisturbed[1]["run"]["rows"]
    assert "agree" in dr.run("verify", "--data", "desk")
    dr.run("doctor", "--data", "desk")
    assert dr.json("archive", "verify", "--data", "desk")["sound"]


def test_a_folder_whose_history_left_is_backed_up_whole(dr: Dr, tape: Path) -> None:
    dr.play("desk", tape, "--for", "2")
    dr.run("archive", "seal", "--all", "--data", "desk")
    before = answers(dr, "desk")
    dr.run("archive", "prune", "--before", ALL, "--yes", "--data", "desk")

    dr.run("backup", "one.backup", "--data", "desk")
    dr.run("restore", "one.backup", "--data", "again")

    assert answers(dr, "again") == before
    assert "agree" in dr.run("verify", "--data", "again")
    assert dr.json("archive", "verify", "--data", "again")["sound"]
    assert dr.play("again", tape, "--for", "1")["events"] > before[0]["events"]


def test_a_stack_goes_on_behind_its_history_and_is_never_pruned_while_it_runs(dr: Dr) -> None:
    process, _ = started(dr)
    dr.run("cash", "report", "USDT", "--every", "1", *WHO, "--data", "desk")
    dr.run("cash", "deposit", "USDT", "5", *WHO, "--data", "desk")
    dr.run("archive", "seal", "--all", "--data", "desk")
    prune = ("archive", "prune", "--before", ALL, "--yes", "--data", "desk")
    assert "a stack runs on desk already" in dr.run(*prune, code=3)
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert dr.json(*prune)["done"]
    forgotten(dr.folder / "desk")

    process, _ = started(dr)
    dr.run("cash", "deposit", "USDT", "7", *WHO, "--data", "desk")
    process.terminate()
    assert process.wait(PATIENCE) == 0
    audited = dr.json("replay", "audit", "--all", "--data", "desk")
    assert audited["equity"]["deposited"] == "12"


def test_without_its_archive_such_a_folder_is_refused_but_a_halt_is_heard(dr: Dr) -> None:
    dr.run("demo", "--data", "desk", "--for", "1", "--no-web", "--json")
    dr.run("archive", "seal", "--all", "--data", "desk")
    dr.run("archive", "prune", "--before", ALL, "--yes", "--data", "desk")
    os.rename(dr.folder / "desk" / "archive", dr.folder / "away")

    for words in (("demo", "--no-web"), ("replay", "audit", "--all"), ("rebuild",)):
        assert "bring the archive back" in dr.run(*words, "--data", "desk", code=3)
    dr.run("halt", *WHO, "--wait", "0", "--data", "desk", code=None)
    os.rename(dr.folder / "away", dr.folder / "desk" / "archive")
    assert "HaltRequested" in dr.run("replay", "narrate", "--all", "--json", "--data", "desk")
