"""What a verb ends with: one line on stderr and a code for what was foreseen, else a traceback."""

import pytest

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_ENVIRONMENT, EXIT_INTERRUPTED, EXIT_USAGE
from deadreckon.cli.running import run_sync
from deadreckon.contracts.errors import (
    DifferenceError,
    ExpectedError,
    OperationalError,
    UsageError,
)
from deadreckon.replay.audit.job import EmptyDayError
from deadreckon.runtime.log.bus import UnavailableError
from deadreckon.runtime.process.folder import FolderBusyError, FolderError
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DifferenceError, 1),
        (EmptyDayError, 1),
        (UsageError, 2),
        (FolderError, 2),
        (OperationalError, 3),
        (FolderBusyError, 3),
        (UnavailableError, 3),
    ],
)
def test_an_expected_error_is_one_line_and_its_exit_code(
    error: type[ExpectedError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def job() -> None:
        raise error("two\nlines")

    with pytest.raises(SystemExit) as end:
        run_sync(job)

    assert end.value.code == code
    assert capsys.readouterr() == ("", "dr: two lines\n")


def test_a_bug_keeps_its_traceback() -> None:
    def job() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_sync(job)


def test_an_interrupt_is_one_line_and_130(capsys: pytest.CaptureFixture[str]) -> None:
    def job() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        run_sync(job)

    assert end.value.code == 130
    assert capsys.readouterr() == ("", "dr: interrupted\n")


def test_every_exit_code_is_in_the_readme() -> None:
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert (EXIT_DIFFERENCE, EXIT_USAGE, EXIT_ENVIRONMENT, EXIT_INTERRUPTED) == (1, 2, 3, 130)
    assert (
        "exit codes are 0 ok, 1 a difference or refusal was found, 2 wrong usage, 3 environment, "
        "130 interrupted by Ctrl-C." in readme
    )
