"""The tape itself: what it promises to those who read it, and what it says when it cannot."""

import os
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import perf_counter

import msgspec
import polars as pl
import pytest
from msgspec import structs

from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import (
    METADATA_KEY,
    SEAL_KEY,
    Tape,
    TapeError,
    TapeHeader,
    open_tape,
    write_tape,
)

BARS = """time,open,high,low,close,volume
1700000040,10,12,9,11,5
1700000100,10,12,9,x,5
1700000160,10,12,9,11,5
"""


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    path = tmp_path_factory.mktemp("tape") / "demo.tape.parquet"
    return synthesise(Recipe(seed=5, bars=70_000), "BTCUSDT.PAPER", path)


def rewritten(tape: Tape, path: Path, header: TapeHeader | None = None, **how: object) -> Path:
    metadata = {METADATA_KEY: msgspec.json.encode(header or tape.header).decode()}
    tape.scan().collect().write_parquet(path, metadata=metadata, **how)  # type: ignore[arg-type]
    return path


@pytest.mark.slow
def test_a_tape_opens_as_it_was_written(tape: Tape) -> None:
    opened = open_tape(tape.path)
    assert opened.header == tape.header
    assert opened.digest == tape.digest
    assert opened.header.rows == 70_000


@pytest.mark.slow
def test_rows_can_be_taken_from_anywhere(tape: Tape) -> None:
    every = list(tape.rows())
    assert [row.row for row in every] == list(range(70_000))
    for start in (1, 4_095, 65_535, 65_536, 69_999):
        assert list(islice(tape.rows(start), 3)) == every[start : start + 3]
    assert list(tape.rows(70_000)) == []
    assert [row.at for row in every] == sorted(row.at for row in every)


def test_the_first_row_does_not_wait_for_the_last(tape: Tape) -> None:
    started = perf_counter()
    next(open_tape(tape.path).rows())
    assert perf_counter() - started < 1


def test_the_digest_is_blind_to_encoding_and_source(tape: Tape, tmp_path: Path) -> None:
    other = structs.replace(
        tape.header, source="elsewhere.csv", source_sha256="00", refused={"x": 1}
    )
    plain = rewritten(tape, tmp_path / "plain", other, compression="uncompressed")
    small = rewritten(tape, tmp_path / "small", other, compression="lz4", row_group_size=1_000)
    assert {open_tape(plain).digest, open_tape(small).digest} == {tape.digest}


def test_the_digest_sees_every_value_and_what_it_means(tape: Tape, tmp_path: Path) -> None:
    columns = tape.scan().collect()
    changed = columns.with_columns(pl.col("close").replace({columns["close"][-1]: 1}))
    assert write_tape(tmp_path / "a", tape.header, changed.to_dict()).digest != tape.digest
    contracts = structs.replace(tape.header, volume_unit="contracts")
    assert write_tape(tmp_path / "b", contracts, columns.to_dict()).digest != tape.digest


def test_the_digest_of_texts_knows_where_one_ends(tmp_path: Path) -> None:
    header = TapeHeader(instrument="A.B", kind="trades", price_scale=0, quantity_scale=0)
    columns: dict[str, list[object]] = {"at": [1, 2], "price": [1, 1], "quantity": [1, 1]}
    digests = {
        write_tape(
            tmp_path / "t", header, {**columns, "aggressor": ["", ""], "trade_id": names}
        ).digest
        for names in (["ab", "c"], ["a", "bc"], ["abc", ""])
    }
    assert len(digests) == 3


def test_a_tape_is_written_whole_or_not_at_all(tape: Tape, tmp_path: Path) -> None:
    target = tmp_path / "t.parquet"
    with pytest.raises(TapeError, match="without rows"):
        write_tape(target, tape.header, {name: [] for name in tape.scan().collect_schema()})
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_tape(tmp_path / "folder", tape.header, tape.scan().collect().to_dict())
    assert os.listdir(tmp_path) == ["folder"]


def test_any_source_is_imported_once(tmp_path: Path) -> None:
    source, cache = tmp_path / "source.csv", tmp_path / "cache"
    source.write_text(BARS)
    first = load_or_import(source, "BTCUSDT.BINANCE", cache, refused_max=100)
    stamp = first.path.stat().st_mtime_ns
    again = load_or_import(source, "BTCUSDT.BINANCE", cache, refused_max=100)
    assert (again.path, again.path.stat().st_mtime_ns) == (first.path, stamp)
    assert first.header.refused == {"unparseable": 1}
    contracts = load_or_import(
        source, "BTCUSDT.BINANCE", cache, volume_unit="contracts", refused_max=100
    )
    assert contracts.header.volume_unit == "contracts"
    source.write_text(BARS.replace(",x,", ",11,"))
    assert load_or_import(source, "BTCUSDT.BINANCE", cache).header.rows == 3
    assert len(os.listdir(cache)) == 3


def test_a_tape_needs_no_import(tape: Tape, tmp_path: Path) -> None:
    assert load_or_import(tape.path, None, tmp_path / "cache").digest == tape.digest
    assert load_or_import(str(tape.path), "BTCUSDT.PAPER", tmp_path / "cache").path == tape.path
    with pytest.raises(TapeError, match=r"is a tape of BTCUSDT\.PAPER, not of ETHUSDT\.PAPER"):
        load_or_import(tape.path, "ETHUSDT.PAPER", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["BTCUSDT", "", "BTC USDT.BINANCE", ".BINANCE", "BTCUSDT.", None])
def test_an_instrument_has_a_venue(tmp_path: Path, name: str | None) -> None:
    source = tmp_path / "source.csv"
    source.write_text(BARS)
    with pytest.raises(TapeError, match=r"--instrument SYMBOL\.VENUE"):
        load_or_import(source, name, tmp_path)


@pytest.mark.parametrize("option", [{"stamp": "middle"}, {"price_decimals": 13}, {"speed": 1}])
def test_an_option_that_makes_no_sense_is_named(tmp_path: Path, option: dict[str, object]) -> None:
    source = tmp_path / "source.csv"
    source.write_text(BARS)
    with pytest.raises(TapeError, match="import option"):
        load_or_import(source, "A.B", tmp_path, **option)


# --- Files that cannot be used -------------------------------------------------------------------


def folder(path: Path) -> None:
    path.mkdir()


def zip_of_two(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", BARS)
        archive.writestr("b.csv", BARS)


def torn_parquet(path: Path) -> None:
    pl.DataFrame({"a": range(1000)}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])


def torn_feather(path: Path) -> None:
    pl.DataFrame({"a": range(1000)}).write_ipc(path)
    path.write_bytes(path.read_bytes()[:-100])


def binary_parquet(path: Path) -> None:
    pl.DataFrame({"open": [b"\x00" * 16], "high": [b"\x00" * 16]}).write_parquet(path)


def text(content: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: None, "does not exist"),
    "a folder": (folder, "is a folder"),
    "empty": (text(""), "is empty"),
    "blank": (text(" \n\n"), "is empty"),
    "binary": (text(bytes(range(256)) * 9), "neither text nor Parquet"),
    "noise": (text(b"\x8f\xfe\xba\xdc" * 99), "no lines of several columns"),
    "prose": (text("Dear sir,\nthank you.\n"), "no lines of several columns"),
    "strange columns": (text("a,b,c\n1,2,3\n"), "found: a, b, c"),
    "no volume": (text("time,open,high,low,close\n1,2,3,4,5\n"), "no columns recognised"),
    "bare numbers": (text("1,2,3,4\n1,2,3,4\n"), "found: 4 without a header"),
    "only a header": (text("time,open,high,low,close,volume\n"), "no row that can be played"),
    "only bad rows": (text(BARS.replace(",9,", ",nan,")), "not_a_number: 2"),
    "two in a zip": (zip_of_two, "holds 2 files"),
    "no zip": (text(b"PK\x03\x04" + b"x" * 50), "cannot be unpacked"),
    "torn gzip": (text(b"\x1f\x8b\x08\x00" + b"x" * 50), "cannot be unpacked"),
    "torn Parquet": (torn_parquet, "is damaged"),
    "torn feather": (torn_feather, "is damaged"),
    "no Parquet": (text(b"PAR1" + b"x" * 50), "is damaged"),
    "binary columns": (binary_parquet, "no columns recognised"),
    "broken JSON": (text("[[1,2"), "not valid JSON"),
    "deep JSON": (text("[" * 200_000), "not valid JSON"),
    "other JSON": (text('{"a": 1}'), "not a list of rows"),
    "empty JSON": (text("[]"), "not a list of rows"),
    "scalars in JSON": (text("[1, 2, 3]"), "not a list of rows"),
    "huge numbers": (text(BARS.replace(",12,", "," + "9" * 5_000 + ",")), "no row"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    make, message = UNUSABLE[case]
    path = tmp_path / "source"
    make(path)
    with pytest.raises(TapeError, match=message) as refusal:
        load_or_import(path, "BTCUSDT.BINANCE", tmp_path / "cache")
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert not (tmp_path / "cache").exists()


def test_what_is_no_tape_says_how_to_make_one(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_text(BARS)
    with pytest.raises(TapeError, match=r"dr tape import .*source\.csv --instrument"):
        open_tape(source)
    with pytest.raises(TapeError, match="does not exist"):
        open_tape(tmp_path / "missing")


def test_a_tape_of_the_future_or_with_another_content_is_refused(
    tape: Tape, tmp_path: Path
) -> None:
    future = rewritten(tape, tmp_path / "future", structs.replace(tape.header, format=2))
    with pytest.raises(TapeError, match="tape format 2, this program reads up to 1"):
        open_tape(future)
    quotes = rewritten(tape, tmp_path / "quotes", structs.replace(tape.header, kind="quotes"))
    with pytest.raises(TapeError, match="does not hold what its header says"):
        open_tape(quotes)
    short = rewritten(tape, tmp_path / "short", structs.replace(tape.header, rows=3))
    with pytest.raises(TapeError, match="does not hold what its header says"):
        open_tape(short)
    damaged = tmp_path / "damaged"
    tape.scan().collect().write_parquet(damaged, metadata={METADATA_KEY: '{"format":1}'})
    with pytest.raises(TapeError, match="damaged tape header"):
        open_tape(damaged)


def test_damage_is_named_wherever_it_is(tape: Tape, tmp_path: Path) -> None:
    content = bytearray(tape.path.read_bytes())
    torn = tmp_path / "torn"
    torn.write_bytes(content[:-9])
    for read in (open_tape, lambda path: load_or_import(path, None, tmp_path)):
        with pytest.raises(TapeError, match="is damaged"):
            read(torn)
    content[2_000:2_600] = b"\0" * 600  # in the values of the first block
    altered = tmp_path / "altered"
    altered.write_bytes(content)
    with pytest.raises(TapeError, match=r"is damaged|was altered"):
        _ = open_tape(altered).digest


def test_a_value_altered_in_place_is_noticed(tape: Tape, tmp_path: Path) -> None:
    columns, seal = tape.scan().collect(), {SEAL_KEY: tape.digest}
    metadata = {METADATA_KEY: msgspec.json.encode(tape.header).decode(), **seal}
    columns.write_parquet(tmp_path / "same", metadata=metadata)
    assert open_tape(tmp_path / "same").digest == tape.digest
    changed = columns.with_columns(pl.col("close").replace({columns["close"][-1]: 1}))
    changed.write_parquet(tmp_path / "changed", metadata=metadata)
    with pytest.raises(TapeError, match="was altered after it was written"):
        _ = open_tape(tmp_path / "changed").digest
