"""What may be said about a file, and what is refused when nobody says it."""

import csv
import gzip
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.marketdata.tapes.importing import convert
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.tape import BarRow, TapeError
from tests.marketdata.written_files import BARS, HEADER, NEW_YEAR, RIGHT, closes, imported


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


def test_whether_there_is_a_header_can_be_said(tmp_path: Path) -> None:
    text = "\n".join([f"{HEADER},2024", *(f"{bar},0" for bar in BARS)])
    assert closes(imported(tmp_path, text, header=True)) == RIGHT
    numbers = "time=0,open=1,high=2,low=3,close=4,volume=5"
    chosen = {"header": False, "columns": numbers}
    with pytest.raises(TapeError, match="row 1 reads 0=timestamp, 1=open"):
        imported(tmp_path, text, **chosen)
    assert closes(imported(tmp_path, "\n".join(f"{bar},0" for bar in BARS), **chosen)) == RIGHT


NAMES = ["timestamp", "open", "high", "low", "close", "volume", "note"]


@pytest.mark.slow
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
