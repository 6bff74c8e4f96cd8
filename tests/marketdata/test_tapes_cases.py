"""Files that were once read wrongly with exit 0: each read whole now, or refused in words."""

import csv
import gzip
import io
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.cli.tape_choices import SourceChoices
from deadreckon.marketdata.tapes.importing import convert, import_source
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.tape import BarRow, Tape, TapeError, TradeRow
from tests.conftest import CASES

NEW_YEAR = 1_735_689_600  # 2025-01-01T00:00:00Z
SECOND = 10**9
MINUTE = 60 * SECOND


def imported(folder: Path, text: str | bytes, **chosen: Any) -> Tape:
    path = folder / "source.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return of_file(path, folder, **chosen)


def of_file(path: Path, folder: Path, **chosen: Any) -> Tape:
    options = SourceChoices(**chosen).options()
    return import_source(path, "BTCUSDT.PAPER", folder / "t.parquet", options)[0]


def case(name: str) -> Path:
    """Return a file of the shared cases; skips, by name, where they do not lie beside us."""
    if not CASES.is_dir():
        pytest.skip(f"no shared cases: {CASES.name}/{name} is not beside the checkout")
    return CASES / name


def closes(tape: Tape) -> list[tuple[int, str]]:
    return [(row.at // SECOND, f"{row.close:f}") for row in tape.rows() if isinstance(row, BarRow)]


def prices(tape: Tape) -> list[tuple[str, str]]:
    rows = [row for row in tape.rows() if isinstance(row, TradeRow)]
    return [(f"{row.price:f}", row.trade_id) for row in rows]


TWO_PAIRS = "timestamp,{column},price,amount,side,id\n" + "".join(
    f"{NEW_YEAR + n},{('AAA', 'BBB')[n % 2]},{(96_000, 3_300)[n % 2] + n},0.5,buy,{n}\n"
    for n in range(8)
)


@pytest.mark.parametrize("column", ["pair", "product_id", "ticker", "colour", "exchange"])
def test_two_markets_are_never_one_tape(tmp_path: Path, column: str) -> None:
    text = TWO_PAIRS.format(column=column)
    with pytest.raises(TapeError, match=rf"2 {column}s \(AAA, BBB\); choose one with --"):
        imported(tmp_path, text)
    tape = imported(tmp_path, text, only=f"{column}=BBB")
    assert prices(tape) == [(str(3_300 + n), str(n)) for n in (1, 3, 5, 7)]
    assert imported(tmp_path, text, only=f"{column}=*").header.rows == 8


def test_a_column_that_only_describes_a_trade_is_no_market(tmp_path: Path) -> None:
    text = TWO_PAIRS.format(column="condition").replace(",33", ",960")
    assert imported(tmp_path, text).header.rows == 8


@pytest.mark.parametrize(
    ("name", "column", "symbols"),
    [
        ("01-two-markets-in-one-tape/k01_trades_two_pairs.csv", "pair", "BTC/USDT, ETH/USDT"),
        ("01-two-markets-in-one-tape/k03_coinbase_products.csv", "product_id", "BTC-USD, ETH-USD"),
        ("01-two-markets-in-one-tape/j13_ticker_col_exchange.csv", "ticker", "A, B"),
    ],
)
def test_case_01(tmp_path: Path, name: str, column: str, symbols: str) -> None:
    path = case(name)
    with pytest.raises(TapeError, match=rf"2 {column}s \({symbols}\); choose one with --symbol"):
        of_file(path, tmp_path)
    first, second = symbols.split(", ")
    rows = [of_file(path, tmp_path, symbol=one).header.rows for one in (first, second)]
    assert rows == ([3, 3] if column == "ticker" else [4, 4])


def test_order_book_updates_are_not_trades(tmp_path: Path) -> None:
    lines = [f"{NEW_YEAR + n},buy,{95_900 - n},{n % 4}" for n in range(8)]
    text = "\n".join(["timestamp,side,price,size", *lines])
    with pytest.raises(TapeError, match=r"not like trades \(2 of 8 sizes are zero\)"):
        imported(tmp_path, text)
    assert imported(tmp_path, text, kind="trades").header.rows == 8


@pytest.mark.parametrize("name", ["is_snapshot", "update_type", "first_update_id"])
def test_what_only_a_book_has_gives_it_away(tmp_path: Path, name: str) -> None:
    text = f"timestamp,{name},side,price,size\n{NEW_YEAR},1,buy,100,1\n"
    with pytest.raises(TapeError, match=f"not like trades .columns {name}."):
        imported(tmp_path, text)


def test_case_02(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"order book.*3 of 8 sizes are zero"):
        of_file(case("02-order-book-as-trades/k02_l2_updates.csv"), tmp_path)


BARS = [f"{NEW_YEAR + 60 * n},{100 + n},{101 + n},{99 + n},{100 + n}.5,{10 + n}" for n in range(6)]
HEADER = "timestamp,open,high,low,close,volume"
RIGHT = [(NEW_YEAR + 60 * (n + 1), f"{100 + n}.5") for n in range(6)]


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


def test_a_volume_that_is_missing_here_and_there_can_be_declared(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *BARS[:3], f"{BARS[3].rpartition(',')[0]},", *BARS[4:]])
    with pytest.raises(TapeError, match=r"not_a_number: 1.*--volume N|none"):
        imported(tmp_path, text)
    tape = imported(tmp_path, text, volume="none")
    volumes = [str(row.volume) for row in tape.rows() if isinstance(row, BarRow)]
    assert volumes == ["10", "11", "12", "0", "14", "15"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"columns": "when=0"}, "--columns knows no when; choose from: time, date"),
        ({"columns": "time"}, "expected NAME=VALUE"),
        ({"columns": "time=nowhere"}, "no column nowhere"),
        ({"only": "nowhere=1"}, "no column nowhere; choose --only from"),
        ({"symbol": "A"}, "no column of symbols"),
        ({"volume": "some"}, "--volume some: expected a number"),
        ({"volume": "-1"}, "--volume -1: expected a number"),
        ({"timezone": "Nowhere/Else"}, "--timezone Nowhere/Else: expected a name"),
        ({"refused_max": "half"}, "--refused-max half: expected a percentage"),
        ({"refused_max": "101%"}, "an import option makes no sense"),
    ],
)
def test_a_wrong_option_is_refused_in_words(
    tmp_path: Path, chosen: dict[str, str], message: str
) -> None:
    with pytest.raises(TapeError, match=message):
        imported(tmp_path, "\n".join([HEADER, *BARS]), **chosen)


def test_one_bad_row_in_a_hundred_is_kept_out_and_two_fail(tmp_path: Path) -> None:
    lines = [f"{NEW_YEAR + 60 * n},1,1,1,1,1" for n in range(200)]
    path = tmp_path / "source.csv"
    for bad, loss in ((2, False), (3, True)):
        path.write_text("\n".join([HEADER, *lines[bad:], *["late,1,1,1,1,1"] * bad]))
        report = convert(path, "A.B", ImportOptions())[2]
        assert (report.rows_kept, report.loss is not None) == (200 - bad, loss)


def test_two_markets_that_no_column_tells_apart_are_refused(tmp_path: Path) -> None:
    lines = [f"{NEW_YEAR + n},{(96_000, 3_300)[n % 2] + n},0.5" for n in range(8)]
    text = "\n".join(["timestamp,price,amount", *lines])
    with pytest.raises(TapeError, match=r"move by \d+% from one row to the next: several markets"):
        imported(tmp_path, text)
    assert imported(tmp_path, text, kind="trades").header.rows == 8
    doubled = "\n".join([HEADER, *(line for bar in BARS for line in (bar, bar))])
    with pytest.raises(TapeError, match=r"duplicate_time: 6.*--only COLUMN=VALUE takes one"):
        imported(tmp_path, doubled)


NAMES = ["timestamp", "open", "high", "low", "close", "volume", "note"]


@given(
    order=st.permutations(NAMES),
    notes=st.lists(st.text("ab ,;\t|\"'.1", max_size=6), min_size=6, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    newline=st.sampled_from(["\n", "\r\n"]),
    newest_first=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    packed=st.booleans(),
)
def test_bars_are_the_same_however_they_are_written(
    order: list[str],
    notes: list[str],
    delimiter: str,
    quoting: Literal[0, 1],
    newline: str,
    newest_first: bool,
    encoding: str,
    packed: bool,
) -> None:
    fields = [[*bar.split(","), note] for bar, note in zip(BARS, notes, strict=True)]
    rows = [dict(zip(NAMES, values, strict=True)) for values in fields]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, order, delimiter=delimiter, quoting=quoting, lineterminator=newline
    )
    writer.writeheader()
    writer.writerows(reversed(rows) if newest_first else rows)
    content = text.getvalue().encode(encoding)
    with TemporaryDirectory() as folder:
        tape = imported(Path(folder), gzip.compress(content) if packed else content)
        assert closes(tape) == RIGHT
        assert tape.header.refused == {}


def test_times_that_a_spreadsheet_cut_short_are_no_times(tmp_path: Path) -> None:
    lines = [f"{at},100,1" for at in ("1.73569E+12", "1.73569E+12", "1.735689600123e12")]
    with pytest.raises(TapeError, match=r"only 1 of 3 rows can be kept .*timestamp=1\.73569E\+12"):
        imported(tmp_path, "\n".join(["timestamp,price,amount", *lines]))


def test_whether_there_is_a_header_can_be_said(tmp_path: Path) -> None:
    text = "\n".join([f"{HEADER},2024", *(f"{bar},0" for bar in BARS)])
    assert closes(imported(tmp_path, text, header=True)) == RIGHT
    numbers = "time=0,open=1,high=2,low=3,close=4,volume=5"
    chosen = {"header": False, "columns": numbers}
    with pytest.raises(TapeError, match="row 1 reads 0=timestamp, 1=open"):
        imported(tmp_path, text, **chosen)
    assert closes(imported(tmp_path, "\n".join(f"{bar},0" for bar in BARS), **chosen)) == RIGHT
