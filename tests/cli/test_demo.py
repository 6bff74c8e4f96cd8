"""A demo that cannot be played makes no folder."""

from pathlib import Path

import pytest

from tests.cli.test_status import dr


@pytest.mark.parametrize(
    "words",
    [
        ("--tape", "bars.csv", "--instrument", "BTCUSD-PERP"),
        ("--tape", "bars.csv"),
        ("--instrument", "BTCUSD"),
        ("--tape", "none.csv"),
        ("--for", "0"),
        ("--speed", "slow"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_made(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bars.csv").write_text(
        "timestamp,open,high,low,close,volume\n2022-01-01 00:01:00,1,2,1,2,3\n"
    )
    assert dr("demo", *words, "--no-web", "--data", "desk") == 2
    record = capsys.readouterr().err
    assert record.startswith("dr: ")
    assert record.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bars.csv"]
