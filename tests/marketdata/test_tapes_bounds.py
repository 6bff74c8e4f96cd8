"""What no market data is: too large, too wide, or packed without end. Refused early, in words."""

import gzip
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from deadreckon.marketdata.tapes import unpacking
from deadreckon.marketdata.tapes.importing import convert
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.tape import TapeError

MIB = 2**20
HEADER = b"time,open,high,low,close,volume\n"
BAR = b"1700000040,1,2,1,2,5\n"


def refusal(path: Path, content: bytes, **options: int) -> str:
    path.write_bytes(content)
    with pytest.raises(TapeError) as refused:
        convert(path, "A.B", ImportOptions(**options))  # type: ignore[arg-type]
    return str(refused.value)


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bars.csv", content)
    return packed.getvalue()


@pytest.mark.parametrize("pack", [zipped, gzip.compress, bytes], ids=["zip", "gzip", "plain"])
def test_more_text_than_asked_for_is_not_read(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "long.csv"
    text = HEADER + b"".join(b"%d,1,2,1,2,5\n" % n for n in range(1_700_000_000, 1_700_060_000))
    assert "more than 1 MiB" in refusal(path, pack(text), size_max_mib=1)
    path.write_bytes(pack(text))
    assert convert(path, "A.B", ImportOptions(size_max_mib=2))[2].rows_kept == 60_000


@pytest.mark.parametrize("pack", [zipped, gzip.compress], ids=["zip", "gzip"])
def test_an_archive_that_unpacks_without_end_is_left_early(
    tmp_path: Path, pack: type[bytes]
) -> None:
    bomb = pack(HEADER + BAR * (80 * MIB // len(BAR)))
    message = refusal(tmp_path / "bomb", bomb)
    assert "unpacks to more than 200 times its size" in message


def test_no_more_of_a_bomb_is_unpacked_than_a_small_file_may_hold(tmp_path: Path) -> None:
    """A gigabyte in a megabyte takes no longer to refuse than 64 MiB take to unpack."""
    unpacked: list[int] = []

    class Counted(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            unpacked.append(len(found))
            return found

    lines = gzip.compress(BAR * (16 * MIB // len(BAR)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gzip, "GzipFile", Counted)
        message = refusal(tmp_path / "bomb.gz", gzip.compress(HEADER) + lines * 64)
    assert "unpacks to more than 200 times its size" in message
    assert sum(unpacked) <= 80 * MIB


def test_a_small_file_may_be_packed_as_well_as_it_can(tmp_path: Path) -> None:
    lines = b"".join(b"%d,1,2,1,2,5\n" % (1_700_000_040 + 60 * n) for n in range(100))
    path = tmp_path / "small.gz"
    path.write_bytes(gzip.compress(HEADER + lines + b"\n" * MIB))
    assert convert(path, "A.B", ImportOptions())[2].rows_kept == 100


def test_zeros_in_gzip_are_no_text_from_the_first_block_on(tmp_path: Path) -> None:
    read: list[int] = []

    class Counted(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            read.append(size or 0)
            return super().read(size)

    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(64 * MIB)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gzip, "GzipFile", Counted)
        with pytest.raises(TapeError, match="neither text nor Parquet nor feather"):
            convert(path, "A.B", ImportOptions())
    assert sum(read) <= 65_536


@pytest.mark.parametrize("columns", [1_001, 100_000])
def test_a_table_of_too_many_columns_is_refused(tmp_path: Path, columns: int) -> None:
    names = [f"c{n}" for n in range(columns)]
    message = refusal(tmp_path / "wide.csv", (",".join(names) + "\n").encode() * 3)
    assert f"{columns:,} columns, market data has no more than 1,000" in message


def test_columns_are_bounded_in_json_and_parquet_too(tmp_path: Path) -> None:
    record = "{" + ",".join(f'"c{n}":1' for n in range(1_001)) + "}"
    assert "1,001 columns" in refusal(tmp_path / "wide.json", f"[{record}]".encode())
    wide = io.BytesIO()
    pl.DataFrame({f"c{n}": [1] for n in range(1_001)}).write_parquet(wide)
    assert "1,001 columns" in refusal(tmp_path / "wide.parquet", wide.getvalue())


def test_a_small_parquet_of_endless_rows_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "CELLS_MAX", unpacking.CELLS_MAX // 100)
    endless = io.BytesIO()
    names = ("time", "open", "high", "low", "close", "volume")
    column = pl.repeat(1, 400_000, dtype=pl.Int8, eager=True)
    pl.DataFrame(dict.fromkeys(names, column)).write_parquet(endless)
    assert len(endless.getvalue()) < 10_000
    message = refusal(tmp_path / "endless.parquet", endless.getvalue())
    assert "400,000 rows of 6 columns" in message


def test_json_is_bounded_tighter(tmp_path: Path) -> None:
    rows = ",".join(f"[{n}000,1,2,1,2,5]" for n in range(1_700_000_000, 1_700_020_000))
    message = refusal(tmp_path / "long.json", f"[{rows}]".encode(), size_max_mib=1)
    assert "more than 0.25 MiB of JSON" in message
