"""A verb ends quietly when nobody reads what it says."""

import os
import subprocess
import sys

import pytest

from deadreckon import __main__
from deadreckon.cli import app, replay
from tests.conftest import ROOT

PROGRAM = [sys.executable, "-m", "deadreckon"]


def ended(words: list[str], stdout: int) -> tuple[int, str]:
    """Exit code and standard error of a verb that writes there."""
    done = subprocess.run([*PROGRAM, *words], cwd=ROOT, stdout=stdout, stderr=-1, text=True)
    return done.returncode, done.stderr


@pytest.fixture
def unread() -> int:
    """The writing end of a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_a_verb_lies_in_the_file_that_bears_its_name() -> None:
    for name, verb in [*app.VERBS.items(), *replay.VERBS.items()]:
        assert verb.target.partition(":")[0] == f"deadreckon.cli.{name}"


def test_a_verb_whose_reader_is_gone_ends_quietly(unread: int) -> None:
    assert ended(["version"], unread) == (0, "")
    code, record = ended(["nonsense"], unread)
    assert (code, record.count("\n")) == (2, 1)


def test_a_verb_with_much_to_say_ends_quietly_when_its_reader_stops(
    unread: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadreckon.cli.app.call", lambda _: print("much " * 100_000))
    with open(unread, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        __main__.main()


def test_a_table_whose_reader_is_gone_ends_quietly(unread: int) -> None:
    assert ended(["--help"], unread) == (0, "")


def test_a_pipe_that_breaks_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: list[str]) -> None:
        raise BrokenPipeError("of the server")

    monkeypatch.setattr("deadreckon.cli.app.call", broken)
    with open(os.devnull, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(BrokenPipeError, match="of the server"):
            __main__.main()


def test_without_a_standard_output_a_verb_still_works() -> None:
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, "version"]
    done = subprocess.run(closed, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
