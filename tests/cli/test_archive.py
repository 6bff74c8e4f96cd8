"""The archive's verbs refuse a question that is none, in one line."""

from pathlib import Path

import pytest

from tests.cli.test_status import dr
from tests.support.archived_logs import FOREIGN, KEY, ArchivedLog


@pytest.mark.parametrize("key", ["zz", "", KEY.public[1:], KEY.public + "0", "g" * 64])
def test_a_key_that_is_none_is_wrong_usage(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("archive", "verify", "--key", key, "--data", tmp_path) == 2
    record = capsys.readouterr().err
    assert "64 hex digits" in record
    assert record.count("\n") == 1


def test_a_key_may_be_written_in_capitals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ArchivedLog(tmp_path / "archive").seal()
    alone = ("--alone", "--data", tmp_path)
    assert dr("archive", "verify", "--key", KEY.public.upper(), *alone) == 0
    assert dr("archive", "verify", "--key", FOREIGN.public, *alone) == 1
    assert "not the one you named" in capsys.readouterr().out
