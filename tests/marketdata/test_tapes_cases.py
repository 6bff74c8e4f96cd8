"""Files that were once read wrongly with exit 0: each read whole now, or refused in words."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from deadreckon.marketdata.tapes.tape import BarRow, TapeError
from tests.marketdata.written_files import (
    BARS,
    HEADER,
    NEW_YEAR,
    RIGHT,
    SECOND,
    case,
    closes,
    imported,
    of_file,
    prices,
)


def test_newest_first_is_read_whole_and_reported(tmp_path: Path) -> None:
    tape = imported(tmp_path, "\n".join([HEADER, *reversed(BARS)]))
    assert closes(tape) == RIGHT
    assert tape.header.adjusted == {"newest_first": 6}
    assert tape.header.interval_seconds == 60


def test_prints_of_one_instant_are_turned_round_with_the_file(tmp_path: Path) -> None:
    lines = [f"{NEW_YEAR + at},{price},1,buy,{price}" for at, price in ((2, 5), (1, 4), (1, 3))]
    tape = imported(tmp_path, "\n".join(["timestamp,price,size,side,id", *lines]))
    assert prices(tape) == [("3", "3"), ("4", "4"), ("5", "5")]


def test_rows_in_no_order_are_refused_unless_sorted(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *BARS[3:], *BARS[:3]])
    with pytest.raises(TapeError, match=r"only 3 of 6 rows can be kept .*--sort"):
        imported(tmp_path, text)
    tape = of_file(tmp_path / "source.csv", tmp_path, sort=True)
    assert closes(tape) == RIGHT
    assert tape.header.adjusted == {"sorted": 6}


def test_case_03(tmp_path: Path) -> None:
    tape = of_file(case("03-newest-first/i12_bybit_desc.csv"), tmp_path)
    assert prices(tape) == [(f"{96_000 + n / 2:g}", f"id-{n}") for n in range(5, -1, -1)]
    assert tape.header.refused == {}
    bars = of_file(case("03-newest-first/j01_bars_desc.csv"), tmp_path)
    assert closes(bars) == RIGHT


def test_the_only_time_column_can_be_named(tmp_path: Path) -> None:
    text = "\n".join([HEADER.replace("timestamp", "When it was"), *BARS])
    with pytest.raises(TapeError, match="for bars it lacks time; say --columns time=NAME"):
        imported(tmp_path, text)
    for chosen in ({"time_column": "When it was"}, {"columns": "time=when_it_was"}):
        assert closes(imported(tmp_path, text, **chosen)) == RIGHT


def test_case_05(tmp_path: Path) -> None:
    path = case("05-time-column-unknown-name/f.csv")
    tape = of_file(path, tmp_path, time_column="timestamp_utc")
    assert [close for _, close in closes(tape)] == [f"1.10{n}" for n in range(1, 6)]
    assert tape.header.first_at == 1_704_150_120 * SECOND  # 2024-01-01T23:02:00Z


QUOTED = {
    "a note with commas": ('"a, b"', "10"),
    "a quote in a note": ('"5"" of it"', "10"),
    "thousands": ("x", '"1,234"'),
}


@pytest.mark.parametrize(("note", "volume"), QUOTED.values(), ids=QUOTED)
def test_quoted_fields_are_fields(tmp_path: Path, note: str, volume: str) -> None:
    lines = [f"{row.rpartition(',')[0]},{volume},{note}" for row in BARS]
    tape = imported(tmp_path, "\n".join([f"{HEADER},note", *lines]))
    assert closes(tape) == RIGHT
    assert {str(row.volume) for row in tape.rows() if isinstance(row, BarRow)} == {
        volume.strip('"').replace(",", "")
    }


def test_a_quote_that_is_never_closed_takes_no_lines_along(tmp_path: Path) -> None:
    lines = [*BARS[:3], BARS[3].replace(",10", ',"10', 1), *BARS[4:]]
    tape = imported(tmp_path, "\n".join([HEADER, *lines]))
    assert closes(tape) == RIGHT


def test_case_06(tmp_path: Path) -> None:
    tape = of_file(case("06-quoted-fields/i05_thousands_quoted.csv"), tmp_path)
    assert closes(tape) == [(at, f"{96_150 + n}.5") for n, (at, _) in enumerate(RIGHT)]
    assert {str(row.volume) for row in tape.rows() if isinstance(row, BarRow)} == {"1234"}
    assert closes(of_file(case("06-quoted-fields/j04_quoted_comma_text.csv"), tmp_path)) == RIGHT


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("header", ["<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\n", ""])
def test_date_and_time_in_two_columns_are_one_time(
    tmp_path: Path, delimiter: str, header: str
) -> None:
    lines = [f"2025.01.01,00:0{n},{row.partition(',')[2]}\n" for n, row in enumerate(BARS)]
    tape = imported(tmp_path, (header + "".join(lines)).replace(",", delimiter))
    assert closes(tape) == RIGHT


def test_case_08(tmp_path: Path) -> None:
    split = of_file(case("08-date-and-time-columns/j06_time_date_split.csv"), tmp_path)
    assert closes(split) == RIGHT
    second = 1_735_776_000  # 2025-01-02T00:00:00Z
    comma = of_file(case("08-date-and-time-columns/i13_mt.csv"), tmp_path)
    assert closes(comma) == list(
        zip((second + 60 * n for n in (1, 2, 3)), ("1.15", "1.1", "1.15"), strict=True)
    )
    tabs = of_file(case("08-date-and-time-columns/i13b_mt_tab.csv"), tmp_path)
    assert closes(tabs) == [(second + 60 * n, "1.15") for n in (1, 2, 3, 4)]
    assert {str(row.volume) for row in tabs.rows() if isinstance(row, BarRow)} == {"100"}


TRADES: Mapping[str, list[object]] = {
    "timestamp": [1570752011620, 1570752011720],
    "id": ["13519807", "13519808"],
    "type": [None, None],
    "side": ["sell", "buy"],
    "price": [0.00141342, 0.00141266],
    "amount": [23.0, 54.5],
    "cost": [0.03250866, 0.07628364],
}


def contents() -> dict[str, bytes]:
    frame, arrow, parquet = pl.DataFrame(dict(TRADES)), io.BytesIO(), io.BytesIO()
    frame.write_ipc(arrow)
    frame.write_parquet(parquet)
    return {
        "feather": arrow.getvalue(),
        "parquet": parquet.getvalue(),
        "csv": frame.write_csv().encode(),
        "json": json.dumps(frame.to_dicts()).encode(),
        "json lines": "\n".join(map(json.dumps, frame.to_dicts())).encode(),
        "lists": json.dumps([list(row) for row in frame.rows()]).encode(),
    }


def test_the_same_trades_are_the_same_tape_in_every_container(tmp_path: Path) -> None:
    tapes = {name: imported(tmp_path, content) for name, content in contents().items()}
    assert {name: tape.header.volume_unit for name, tape in tapes.items()} == dict.fromkeys(
        tapes, "base"
    )
    assert len({tape.digest for tape in tapes.values()}) == 1


def test_case_16(tmp_path: Path) -> None:
    start = NEW_YEAR - 120
    joined = of_file(case("16-us-klines/i01_ms_to_us.csv"), tmp_path)
    assert [at for at, _ in closes(joined)] == [start + 60 * n for n in range(6)]
    assert [at for at, _ in closes(of_file(case("16-us-klines/i02_us_header.csv"), tmp_path))] == [
        NEW_YEAR + 60 * n for n in (1, 2, 3)
    ]
    assert closes(of_file(case("16-us-klines/i23_ns.csv"), tmp_path)) == RIGHT


def test_times_that_a_spreadsheet_cut_short_are_no_times(tmp_path: Path) -> None:
    lines = [f"{at},100,1" for at in ("1.73569E+12", "1.73569E+12", "1.735689600123e12")]
    with pytest.raises(TapeError, match=r"only 1 of 3 rows can be kept .*timestamp=1\.73569E\+12"):
        imported(tmp_path, "\n".join(["timestamp,price,amount", *lines]))
