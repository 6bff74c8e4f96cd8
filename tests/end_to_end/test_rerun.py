"""A recorded log asked again as a user does it: this program, another one, a day, one decision."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.cli.terminal.rerun_table import show_rerun
from deadreckon.replay.rerun.document import RerunDocument
from deadreckon.replay.rerun.job.checkout import MODULES
from deadreckon.tools.crashtest.program import OTHER_DECIDER, OTHER_RULE, Edit, copy_program
from tests.conftest import ROOT
from tests.end_to_end.conftest import Dr, first_rows


def different(dr: Dr, *words: str) -> Any:
    """What a verb says with --json that ends with 1."""
    return json.loads(dr.run(*words, "--json", code=1).splitlines()[0])


SERVICES = ["trainer", "signal", "risk", "router", "fill", "portfolio", "governance"]

ROWS = 1_600  # two days: some fills, some refusals

ROUTER_DECIDES = "def decide(state: State, record: Recorded[Any]) -> Sequence[Event]:\n"
RAISES = Edit(
    "services/router/decider.py",
    ROUTER_DECIDES,
    f'{ROUTER_DECIDES}    raise OSError("no")\n',
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dr, Any]]:
    """One run of a short tape: rerunning a longer log shows nothing more."""
    dr = Dr(tmp_path_factory.mktemp("rerun"))
    yield dr, dr.play("run", first_rows(dr.folder, ROWS))
    dr.end()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which risk refuses every wish, and router cannot answer."""
    return copy_program(tmp_path_factory.mktemp("other"), [OTHER_DECIDER, RAISES])


def test_every_answer_of_a_run_is_given_again(played: tuple[Dr, Any]) -> None:
    dr, summary = played
    found = dr.json("replay", "rerun", "--all", "--data", "run")
    assert found["equal"]
    assert list(found["services"]) == SERVICES
    assert found["edges"] == ["market"]
    words = ("--from", "1", "--no-follow", "--type", "DecisionDeferred", "--data", "run", "--json")
    deferred = len(dr.run("tail", *words).splitlines())
    assert found["services"]["signal"]["answers"] == summary["signals"] + deferred
    assert found["services"]["risk"]["answers"] >= summary["signals"]
    assert all(each["due"] is None for each in found["services"].values())


def test_the_days_are_asked_apart_and_add_up(played: tuple[Dr, Any]) -> None:
    """The first days are reached by recalling; before the last one a snapshot may stand."""
    dr, _ = played
    words = ("--service", "risk", "--data", "run")
    whole = dr.json("replay", "rerun", "--all", *words)
    days = [dr.json("replay", "rerun", day, *words) for day in _days(dr)]
    assert all(found["equal"] for found in days)
    assert sum(found["answers"] for found in days) == whole["answers"]


def _path(root: Path, module: str) -> Path:
    return root.joinpath(*module.split(".")).with_suffix(".py")


def _days(dr: Dr) -> list[str]:
    lines = dr.run("replay", "narrate", "--all", "--data", "run", "--json").splitlines()
    return sorted({line.split('"at":"')[1][:10] for line in lines if '"at":"' in line})


@pytest.fixture(scope="module")
def by_other(played: tuple[Dr, Any], other: Path) -> Any:
    """What risk of the other checkout says to the run."""
    words = ("--service", "risk", "--code", str(other), "--data", "run")
    before = sorted(other.rglob("*"))
    found = different(played[0], "replay", "rerun", "--all", *words)
    assert sorted(other.rglob("*")) == before
    return found


def test_other_code_is_caught_where_it_first_answers_otherwise(
    by_other: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = by_other["first"]
    assert first["service"] == "risk"
    assert first["question"]["type"] == "SignalRaised"
    assert first["said"][0]["data"]["rule"] == OTHER_RULE
    assert first["state"]["by_said"] == []
    assert first["question"]["data"]["strategy"] in first["state"]["names"]
    assert by_other["diverging"] == by_other["services"]["risk"]["answers"]
    show_rerun(msgspec.json.decode(json.dumps(by_other), type=RerunDocument))
    told = capsys.readouterr().out
    assert f"the first divergence: risk, at the question {first['sequence']}.0" in told
    assert f"rule: {OTHER_RULE}" in told


def test_a_decider_that_raises_is_named(played: tuple[Dr, Any], other: Path) -> None:
    dr, _ = played
    words = ("--service", "router", "--code", str(other), "--data", "run")
    found = different(dr, "replay", "rerun", "--all", *words)
    assert found["first"]["error"] == "OSError: no"
    assert found["services"]["router"]["kinds"]["raised OSError"] == found["diverging"]


def test_a_decision_in_a_bundle_comes_out_the_same_without_the_log(
    played: tuple[Dr, Any], by_other: Any, other: Path, tmp_path: Path
) -> None:
    dr, _ = played
    wanted = by_other["first"]["recorded"][0]["id"]
    file = tmp_path / "decision.bundle"
    manifest = dr.json("replay", "bundle", wanted[:12], "-o", str(file), "--data", "run")
    assert manifest["decided"]["id"] == wanted
    assert manifest["secrets_searched"] > 5
    assert manifest["stripped"] == []
    elsewhere = Dr(tmp_path)
    assert "equal: this program gives the same" in elsewhere.run("replay", "open", str(file))
    theirs = elsewhere.run("replay", "open", str(file), code=1, program=other)
    assert "DIFFERENT" in theirs
    assert "is not the one that packed the bundle" in theirs


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("2031-01-01",), "asks nobody anything on 2031-01-01"),
        (("--all", "--service", "venue-sim"), "is an edge"),
        (("--all", "--service", "nobody"), "no service 'nobody'"),
        (("--all", "--code", "."), "no checkout of deadreckon"),
        (("--all", "--code", ".", "--git", "HEAD"), "one of them"),
        (("someday",), "is not a day"),
        ((), "name a day"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    played: tuple[Dr, Any], words: tuple[str, ...], reason: str
) -> None:
    dr, _ = played
    told = dr.run("replay", "rerun", *words, "--data", "run", code=2)
    assert reason in told
    assert len(told.strip().splitlines()) == 1


def test_a_revision_from_before_reruns_is_refused_and_nothing_stays_behind(
    played: tuple[Dr, Any], tmp_path: Path
) -> None:
    dr, _ = played
    old = copy_program(tmp_path, [])
    _path(old, MODULES[0]).unlink()
    told = dr.run("replay", "rerun", "--all", "--code", str(old), "--data", "run", code=2)
    assert "is from before `dr replay rerun`" in told


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_a_git_revision_is_asked_in_a_tree_that_goes_away(played: tuple[Dr, Any]) -> None:
    dr, _ = played
    git = ("git", "-C", str(ROOT))
    had = subprocess.run(
        (*git, "cat-file", "-e", f"HEAD:{_path(Path(), MODULES[0])}"),
        capture_output=True,
        check=False,
    )
    words = ("replay", "rerun", "--all", "--service", "router", "--git", "HEAD", "--data", "run")
    told = dr.run(*words, code=None)
    trees = subprocess.run((*git, "worktree", "list"), capture_output=True, text=True, check=True)
    assert len(trees.stdout.splitlines()) == 1 or "deadreckon-" not in trees.stdout
    assert had.returncode or "asked again: all, by HEAD" in told
    told = dr.run(*words[:-3], "no-such-thing", "--data", "run", code=2)
    assert "git knows no revision" in told
