"""What a verb ends with: one line on stderr and a code for what was foreseen, else a traceback."""

import pytest

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
