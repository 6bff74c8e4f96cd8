"""Numbers survive to the last digit; what a float cannot hold is taken off and counted."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from deadreckon.marketdata.tapes.digits import mantissas, split
from deadreckon.marketdata.tapes.importing import convert, import_source
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.rows import decimals
from deadreckon.marketdata.tapes.tape import BarRow, Tape

SMALL = some.decimals(min_value=-(10**6), max_value=10**6, places=12)


def bars(folder: Path, *volumes: str) -> Tape:
    lines = [f"{1_700_000_040 + 60 * n},10,12,9,11,{volume}" for n, volume in enumerate(volumes)]
    path = folder / "source.csv"
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]))
    options = ImportOptions(interval_seconds=60, refused_max=50)
    return import_source(path, "A.B", folder / "t.parquet", options)[0]


def volumes(tape: Tape) -> list[str]:
    return [f"{row.volume}" for row in tape.rows() if isinstance(row, BarRow)]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.1", "0.1"),
        ("0.10", "0.1"),
        ("100", "100"),
        ("1e2", "100"),
        ("1.5E-3", "0.0015"),
        ("00012.50", "12.5"),
        ("+3", "3"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0.000000000000", "0"),
        ("-0", "0"),
        ("123456789.12345678", "123456789.12345678"),  # 17 digits, and all of them meant
    ],
)
def test_a_text_is_taken_to_the_last_digit(tmp_path: Path, text: str, canonical: str) -> None:
    tape = bars(tmp_path, text)
    assert volumes(tape) == [canonical]
    assert not tape.header.adjusted


def test_a_hundred_millionth_is_written_without_exponent(tmp_path: Path) -> None:
    tape = bars(tmp_path, "0.00000001", "2")
    assert [row.volume for row in tape.rows() if isinstance(row, BarRow)] == [
        Decimal("0.00000001"),
        Decimal(2),
    ]
    assert tape.header.quantity_scale == 8


@given(some.lists(SMALL, min_size=1))
def test_texts_come_back_as_they_went_in(amounts: list[Decimal]) -> None:
    parts = split(pl.Series([format(amount, "f") for amount in amounts]))
    scale = parts["decimals"].max()
    assert isinstance(scale, int)
    back = decimals(mantissas(parts, scale).to_numpy(), scale)
    assert back == amounts
    assert all(amount.as_tuple().exponent in range(-12, 1) for amount in back)
    assert all("E" not in str(amount) or abs(amount) < Decimal("0.000001") for amount in back)


@given(some.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_by_its_shortest_text(number: float) -> None:
    text = pl.Series([number]).cast(pl.String).item()
    assert Decimal(text) == Decimal(repr(number))


@given(some.decimals(min_value=0, max_value=10**6, places=8), some.sampled_from([-1, 0, 1]))
def test_the_noise_of_floats_is_taken_off(amount: Decimal, breaths: int) -> None:
    from math import inf, nextafter

    number = float(amount)
    for _ in range(abs(breaths)):
        number = nextafter(number, breaths * inf)
    if number < 1e-4:
        return  # there a breath is finer than eight decimals can show
    parts = split(pl.Series([repr(number)]), as_floats=True)
    assert Decimal(parts["whole"].item() + "." + (parts["fraction"].item() or "0")) == amount


def test_printed_floats_do_not_cost_the_rows_that_are_too_large_for_their_digits(
    tmp_path: Path,
) -> None:
    tape = bars(tmp_path, "218102.59507500002", "112954256.5475")
    assert volumes(tape) == ["218102.595075", "112954256.5475"]
    assert (tape.header.refused, tape.header.adjusted) == ({}, {"float_noise": 1})


def test_one_absurd_row_does_not_change_the_others(tmp_path: Path) -> None:
    tape = bars(tmp_path, "123456789.12345678", "9" * 30)
    assert volumes(tape) == ["123456789.12345678"]
    assert (tape.header.refused, tape.header.adjusted) == ({"too_large": 1}, {})


def test_a_refused_row_does_not_widen_the_scale(tmp_path: Path) -> None:
    path = tmp_path / "source.csv"
    path.write_text(
        "time,open,high,low,close,volume\n1700000040,1.5,2,1,2,1\n1700000100,1.12345,1,1,2,3.25\n"
    )
    header, columns, report = convert(path, "A.B", ImportOptions(interval_seconds=60))
    assert report.refused == {"high_low_inconsistent": 1}
    assert (header.price_scale, header.quantity_scale) == (1, 0)
    assert columns["open"].to_list() == [15]
