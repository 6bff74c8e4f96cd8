"""`dr tape import|describe|synth`: what they print, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deadreckon.cli import tape as cli
from deadreckon.cli.tape_choices import SourceChoices
from deadreckon.marketdata.tapes.chart import Candle, candles, volumes

BARS = """time,open,high,low,close,volume
1700000040,10,12,9,11,5
1700000100,10,12,9,x,5
1700000160,10,12,9,11,5
1700000220,11,14,10,13,7
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "btc.csv"
    path.write_text(BARS)
    return path


LENIENT = SourceChoices(refused_max="25%")


def record(capture: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capture.readouterr().out)


def test_import_reports_what_it_refused(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.import_tape(source, instrument="BTCUSDT.BINANCE", choices=LENIENT, json=True)
    report = record(capsys)
    assert report["path"] == "btc.tape.parquet"
    assert report["quality"]["rows_read"] == 4
    assert report["quality"]["rows_kept"] == 3
    assert report["quality"]["header_lines"] == 1
    refused = [one for one in report["quality"]["findings"] if one["refused"]]
    assert [(one["rule"], one["count"], one["rows"]) for one in refused] == [
        ("unparseable", 1, [2])
    ]
    assert report["header"]["refused"] == {"unparseable": 1}
    assert Path("btc.tape.parquet").is_file()


def test_import_for_people_names_rule_row_and_line(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.import_tape(source, instrument="BTCUSDT.BINANCE", output=Path("t.parquet"), choices=LENIENT)
    text = capsys.readouterr().out
    assert "t.parquet: 3 of 4 rows kept; line in the file = row + 1" in text
    assert "unparseable" in text
    assert "refused" in text


def test_import_takes_options(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choices = SourceChoices(volume_unit="contracts", stamp="close", refused_max="25")
    cli.import_tape(source, instrument="A.B", choices=choices, json=True)
    header = record(capsys)["header"]
    assert (header["volume_unit"], header["stamp"]) == ("contracts", "close")
    assert header["first_at"] == 1700000040 * 10**9


def test_strict_import_writes_nothing_and_ends_with_one(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.import_tape(source, instrument="A.B", choices=LENIENT, strict=True, json=True)
    assert end.value.code == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["path"] is None
    assert captured.err.count("\n") == 1
    assert not Path("btc.tape.parquet").exists()


def test_an_import_that_would_lose_rows_fails_and_says_what_would_help(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.import_tape(source, instrument="A.B", json=True)
    assert end.value.code == 1
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert (report["path"], report["header"]["refused"]) == (None, {"unparseable": 1})
    assert captured.err == (
        f"dr: {source}: only 3 of 4 rows can be kept (unparseable: 1); row 2 reads "
        "time=1700000100, open=10, high=12, low=9, close=x, volume=5: --columns says which column "
        "is what; or accept it with --refused-max 25%; nothing written\n"
    )
    assert not Path("btc.tape.parquet").exists()


def test_inspect_shows_columns_and_rows_and_writes_nothing(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source.write_text(BARS.replace(",x,", ",11,").replace("time,", "when it was,"))
    with pytest.raises(SystemExit) as end:
        cli.inspect(source)
    assert end.value.code == 1
    captured = capsys.readouterr()
    assert "when_it_was" in captured.out
    assert captured.err.count("\n") == 1
    assert "--columns time=NAME" in captured.err
    cli.inspect(source, choices=SourceChoices(time_column="when it was"), json=True)
    found = record(capsys)
    assert [(one["name"], one["role"]) for one in found["columns"]] == [
        ("when_it_was", "time"),
        *((name, name) for name in ("open", "high", "low", "close", "volume")),
    ]
    assert (found["problem"], found["header"]["rows"], found["delimiter"]) == (None, 4, ",")
    assert found["first"][0] == {
        "at": "2023-11-14T22:15:00Z",
        "open": "10",
        "high": "12",
        "low": "9",
        "close": "11",
        "volume": "5",
    }
    assert list(source.parent.iterdir()) == [source]


def test_inspect_reports_what_an_import_would_lose(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.inspect(source, json=True)
    assert end.value.code == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["problem"] in captured.err
    assert found["quality"]["rows_kept"] == 3
    cli.inspect(source, choices=LENIENT)
    assert "read as plain bars" in capsys.readouterr().out


def test_wrong_usage_ends_with_two_and_one_line(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = source.with_name("tape")
    cli.import_tape(source, instrument="A.B", choices=LENIENT, output=tape)
    capsys.readouterr()
    attempts: list[Callable[[], None]] = [
        lambda: cli.import_tape(source, instrument="BTCUSDT"),
        lambda: cli.import_tape(Path("missing.csv"), instrument="A.B"),
        lambda: cli.import_tape(source, instrument="A.B", choices=SourceChoices(price_decimals=99)),
        lambda: cli.import_tape(tape, instrument="A.B"),
        lambda: cli.describe(source),
        lambda: cli.synth(seed=1, market=cli.MarketChoices(bars=0)),
    ]
    for attempt in attempts:
        with pytest.raises(SystemExit) as end:
            attempt()
        captured = capsys.readouterr()
        assert end.value.code == 2
        assert captured.err.count("\n") == 1
        assert captured.out == ""


def test_a_place_that_cannot_be_written_ends_with_three(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.import_tape(
            source, instrument="A.B", choices=LENIENT, output=source / "below" / "a-file.parquet"
        )
    assert end.value.code == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_synth_and_describe_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli.synth(seed=7, market=cli.MarketChoices(bars=500), json=True)
    made = record(capsys)
    cli.describe(Path("synthetic-7.tape.parquet"), json=True)
    assert record(capsys) == made
    assert made["header"]["rows"] == 500
    assert made["first_price"].startswith("59") or made["first_price"].startswith("60")


def test_describe_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    cli.synth(seed=7)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert "4,320 bars of 60 s" in text
    assert "invented, seed 7" in text
    assert sum("┃" in line or "╿" in line or "╽" in line for line in lines) >= 8
    assert any(line.strip().startswith("volume  ") and "█" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_a_chart_shows_body_wick_and_silence() -> None:
    up = Candle(open=1, high=4, low=0, close=3, volume=8)
    assert candles([up, None], rows=2) == ["╽ ", "╿ "]
    assert volumes([up, None, Candle(1, 1, 1, 1, 0.001), Candle(1, 1, 1, 1, 0)]) == "█ ▁ "


def test_a_market_that_never_moved_is_a_line() -> None:
    flat = Candle(1, 1, 1, 1, 0)
    assert candles([flat] * 3, rows=2) == ["   ", "╻╻╻"]
    assert volumes([flat]) == " "
