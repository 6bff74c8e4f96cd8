"""The only stack that runs here is found by itself; of several, one has to be named."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deadreckon.cli import limits
from deadreckon.contracts.limits import LimitsSet
from deadreckon.node.operator_commands import InForce
from deadreckon.runtime.process.folder import Folder, running_folders
from tests.cli.test_status import dr


class Here:
    """The current folder, with stacks on folders in it, and what verbs were asked about."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder = folder
        self.asked: list[tuple[Path, str | None]] = []
        self._running = running

    def make(self, *names: str) -> None:
        for name in names:
            Folder(self.folder / name).create()

    def start(self, *names: str) -> None:
        self.make(*names)
        for name in names:
            self._running.enter_context(Folder(self.folder / name).alone())

    def in_force(self, data: Path, nats: str | None) -> InForce:
        self.asked.append((data, nats))
        return InForce(limits=("id-1", LimitsSet("ann", "opening")))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DR_DATA", raising=False)
    with ExitStack() as running:
        found = Here(tmp_path, running)
        monkeypatch.setattr(limits, "in_force", found.in_force)
        yield found


def test_the_only_running_stack_is_taken_and_named(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here.make("var", "run0")
    here.start("run1")
    assert dr("limits", "show") == 0
    assert here.asked == [(Path("run1"), None)]
    assert capsys.readouterr().err == "on run1, the only stack that runs here\n"


def test_the_current_folder_may_be_the_one(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here.start("run1")
    monkeypatch.chdir(here.folder / "run1")
    assert dr("limits", "show") == 0
    assert here.asked == [(here.folder / "run1", None)]
    assert f"on {here.folder / 'run1'}, the only" in capsys.readouterr().err


@pytest.mark.parametrize("running", [(), ("var",)])
def test_where_none_runs_or_the_default_does_nothing_is_said(
    running: tuple[str, ...], here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here.make("run0")
    here.start(*running)
    assert dr("limits", "show") == 0
    assert here.asked == [(Path("var"), None)]
    assert capsys.readouterr().err == ""


def test_of_several_one_has_to_be_named(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here.start("run2", "run1", "var")
    assert dr("limits", "show") == 2
    assert "stacks run on run1, run2, var: say which by --data" in capsys.readouterr().err
    assert dr("limits", "show", "--help") == 0
    assert dr("limits", "show", "--data", "run1") == 0
    monkeypatch.setenv("DR_DATA", "run2")
    assert dr("limits", "show") == 0
    assert here.asked == [(Path("run1"), None), (Path("run2"), None)]
    assert capsys.readouterr().err == ""


def test_a_server_that_is_named_has_no_folder_looked_for(here: Here) -> None:
    here.start("run1")
    assert dr("limits", "show", "--nats", "nats://h:4222") == 0
    assert here.asked == [(Path("var"), "nats://h:4222")]


def test_a_verb_that_makes_a_folder_keeps_its_default(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here.start("run1", "run2")
    assert dr("nats", "config") == 0
    assert (here.folder / "var" / "deadreckon.json").exists()
    assert capsys.readouterr().err == ""


def test_a_link_is_not_another_stack_and_what_is_no_folder_of_ours_none(here: Here) -> None:
    here.start("run1")
    (here.folder / "zero").symlink_to("run1")
    (here.folder / "dangling").symlink_to("nowhere")
    (here.folder / "notes.txt").write_text("x")
    (here.folder / "other").mkdir()
    os.mkfifo(here.folder / "other" / "lock")  # to open it would wait for ever
    assert running_folders() == [Path("run1")]


def test_a_folder_that_is_gone_or_closed_to_us_has_no_stack(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.make("run1")

    def refused(folder: Folder) -> int | None:
        raise PermissionError(folder.root)

    monkeypatch.setattr(Folder, "holder", refused)
    assert running_folders() == []
    gone = here.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert running_folders() == []
