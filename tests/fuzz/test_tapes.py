"""Whatever a file holds: it becomes a tape whose every row is accounted for, or is refused."""

import gzip
import io
import json
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from deadreckon.marketdata.tapes.importing import import_source
from deadreckon.marketdata.tapes.options import checked_options
from deadreckon.marketdata.tapes.tape import Tape, TapeError, open_tape
from tests.fuzz.budget import SEED, attempt, kept, share
from tests.fuzz.mutator import AMOUNTS, TEXTS, TIMES, Mutator

START = 1_735_603_200_000  # milliseconds, as venues stamp
MINUTE = 60_000
NAMES = ["open_time", "open", "high", "low", "close", "volume"]
BARS = [
    [str(START + n * MINUTE), "93500.10", "93600.00", "93400.5", f"935{n:02}.25", f"{n}.5"]
    for n in range(20)
]
TRADES = [
    [str(START + n * 250), f"935{n:02}.25", f"0.{n + 1:03}", "buy" if n % 2 else "sell", str(n)]
    for n in range(20)
]
TRADE_NAMES = ["time", "price", "quantity", "side", "id"]


def lines(names: list[str], rows: list[list[str]], by: str = ",") -> bytes:
    return "\n".join(by.join(row) for row in [names, *rows]).encode()


def columns(names: list[str], rows: list[list[str]]) -> pl.DataFrame:
    found = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    numbers = pl.DataFrame(found).with_columns(pl.col(names[1:3]).cast(pl.Float64))
    return numbers.with_columns(pl.col(names[0]).cast(pl.Int64))


def written(frame: pl.DataFrame, how: str) -> bytes:
    content = io.BytesIO()
    getattr(frame, how)(content)
    return content.getvalue()


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bars.csv", content)
    return packed.getvalue()


SAMPLES = [
    lines(NAMES, BARS),
    lines(NAMES, BARS, ";"),
    b"\n".join(lines(NAMES, BARS).split(b"\n")[1:]),
    lines(TRADE_NAMES, TRADES),
    json.dumps([dict(zip(NAMES, row, strict=True)) for row in BARS]).encode(),
    json.dumps([[int(row[0]), *map(float, row[1:])] for row in BARS]).encode(),
    written(columns(NAMES, BARS), "write_parquet"),
    written(columns(TRADE_NAMES, TRADES), "write_ipc"),
    gzip.compress(lines(NAMES, BARS), mtime=0),
    zipped(lines(NAMES, BARS)),
]
TABLE = Path(__file__).resolve().parents[1] / "marketdata" / "layouts.toml"
LAYOUTS = [one["sample"].encode() for one in tomllib.loads(TABLE.read_text())["layout"]]
CELLS = [*AMOUNTS, *TIMES, *TEXTS, "-1", "1e5", '"1"', "1;2", "#row", "nan", "None", "\u0661"]


def cells(mutator: Mutator) -> tuple[bytes, int]:
    """A table in text with some cells that are not what they should be, and its rows."""
    random = mutator.random
    names, rows = random.choice([(NAMES, BARS), (TRADE_NAMES, TRADES)])
    names, rows = list(names), [list(row) for row in rows]
    for _ in range(random.choice([1, 1, 3, 30])):
        row = random.choice(rows)
        row[random.randrange(len(row))] = random.choice(CELLS).replace("\n", "").replace(",", "")
    match random.randrange(6):
        case 0:
            names[random.randrange(len(names))] = random.choice(["", "#row", "open", "é", "x" * 99])
        case 1:
            random.choice(rows).append("more")
        case 2:
            random.choice(rows).pop()
        case 3:
            rows.insert(random.randrange(len(rows)), random.choice(rows))
    text = "\n".join(",".join(row) for row in [names, *rows])
    encoding = random.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"])
    return text.encode(encoding, "replace"), len(rows)


LISTED = dict(zip(["time", "open", "high", "low", "close", "volume"], "012345", strict=True))
CHOICES: list[dict[str, Any]] = [
    {"kind": "bars"},
    {"kind": "quotes", "volume": "none"},
    {"kind": "trades", "only": {"exchange": "*"}},
    {"columns": LISTED, "header": False},
    {"columns": {"date": "0", "time": "1", "price": "2", "size": "3"}},
    {"columns": {"time": "time", "bid": "open", "ask": "close"}, "volume": "1.5"},
    {"header": True, "sort": True},
    {"decimal": "comma", "date_order": "mdy"},
    {"decimal": "point", "timezone": "America/New_York"},
    {"interval_seconds": 60, "price_decimals": 2, "quantity_decimals": 0},
]


def importing(folder: Path, choices: bool = False) -> Callable[[bytes], Tape | None]:
    """Imports bytes; null where they are refused in words. With `choices`, options go with them."""

    def act(content: bytes) -> Tape | None:
        path = folder / "source"
        chosen = CHOICES[len(content) % len(CHOICES)] if choices else {}
        path.write_bytes(content)
        try:
            tape, report = import_source(
                path,
                "BTCUSDT.BINANCE",
                folder / "made.tape.parquet",
                checked_options({"refused_max": 100, **chosen}),
            )
        except TapeError as error:
            return check_words(error, path)
        assert sum(report.refused.values()) + tape.header.rows == report.rows_read
        check(tape)
        return tape

    return act


def check_words(error: TapeError, path: Path) -> Tape | None:
    """The refusal names the file, in a line or so."""
    record = str(error)
    assert path.name in record, record
    assert len(record) < 2_000
    return None


def check(tape: Tape) -> list[Any]:
    """Every row can be played, in order."""
    rows = list(tape.rows())
    assert len(rows) == tape.header.rows
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    return rows


def test_a_file_of_any_bytes_becomes_a_tape_or_is_refused_in_words(tmp_path: Path) -> None:
    made = 0
    act = importing(tmp_path)
    for number in range(share(2)):
        mutator = Mutator(f"tape/{SEED}", number)
        content = mutator.payload(mutator.random.choice(SAMPLES))
        made += attempt("tape", number, content, act) is not None
    assert made or share(2) < 50


def test_no_option_breaks_the_import_of_a_layout(tmp_path: Path) -> None:
    act = importing(tmp_path, choices=True)
    for number in range(share(2)):
        mutator = Mutator(f"layout/{SEED}", number)
        sample = mutator.random.choice(LAYOUTS)
        content = mutator.payload(sample) if number % 2 else sample
        attempt("layout", number, content, act)


def test_of_a_table_with_bad_cells_every_row_is_taken_or_counted(tmp_path: Path) -> None:
    act = importing(tmp_path)
    for number in range(share(2)):
        content, count = cells(Mutator(f"cells/{SEED}", number))
        tape = attempt("cells", number, content, act)
        if tape is not None:
            assert tape.header.rows + sum(tape.header.refused.values()) == count, content


@pytest.mark.parametrize("path", kept("tape"), ids=lambda path: path.name)
def test_a_file_that_once_broke_the_import_is_read_or_refused(path: Path, tmp_path: Path) -> None:
    importing(tmp_path)(path.read_bytes())


def test_a_damaged_tape_is_refused_or_says_the_same(tmp_path: Path) -> None:
    tape = importing(tmp_path)(SAMPLES[0])
    assert tape is not None
    sound, rows = tape.path.read_bytes(), check(tape)
    damaged = tmp_path / "damaged.tape.parquet"

    def act(content: bytes) -> None:
        damaged.write_bytes(content)
        try:
            opened = open_tape(damaged)
            assert opened.digest == tape.digest
            found = check(opened)
        except TapeError as error:
            check_words(error, damaged)
        else:
            assert found == rows

    for number in range(share(2)):
        attempt("damaged", number, Mutator(f"damaged/{SEED}", number).bytes(sound), act)
