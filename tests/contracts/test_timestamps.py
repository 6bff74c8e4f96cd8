"""Times at the doors: RFC 3339 text outside, nanoseconds UTC inside, and nothing lost between."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts.timestamps import (
    DAY,
    day_of,
    day_start,
    format_timestamp,
    parse_timestamp,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
SECOND = 1_000_000_000


@given(INT64)
def test_every_moment_of_the_log_comes_back(at: int) -> None:
    assert parse_timestamp(format_timestamp(at)) == at


@given(INT64)
def test_a_moment_lies_in_its_day(at: int) -> None:
    start = day_start(day_of(at))
    assert start <= at < start + DAY
    assert start % DAY == 0


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_a_zone_moves_the_moment(local: datetime, minutes: int) -> None:
    local = local.replace(microsecond=0)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{local.isoformat()}{sign}{hours:02d}:{rest:02d}"
    zone = timezone(timedelta(minutes=minutes))
    passed = local.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_timestamp(text) == (passed.days * 86_400 + passed.seconds) * SECOND


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01 00:00:00Z", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800 * SECOND),
        ("2000-02-29T12:00:00.1Z", 951_825_600 * SECOND + 100_000_000),
        ("1677-09-21T00:12:43.145224192Z", -(2**63)),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
    ],
)
def test_a_time_is_that_moment(text: str, at: int) -> None:
    assert parse_timestamp(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-20",
        "2026-11-20T12:00:00",
        "2026-11-20T12:00Z",
        "2026-11-20T12:00:00+0100",
        "2026-11-20T12:00:00 Z",
        "2026-11-20T12:00:00Z\n",
        " 2026-11-20T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2100-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-11-31T12:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T12:60:00Z",
        "2026-11-20T12:00:60Z",
        "2026-11-20T12:00:00+24:00",
        "2026-11-20T12:00:00+01:60",
        "2026-11-20T12:00:00.Z",
        "2026-11-20T12:00:00.1234567890Z",
        "٢٠٢٦-11-20T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "12026-11-20T12:00:00Z",
        "1790000000",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)


@pytest.mark.parametrize("fraction", ["1", "12", "123456789", "000000001"])
def test_a_time_is_written_with_as_many_decimals_as_it_needs(fraction: str) -> None:
    text = f"2026-11-20T12:00:00.{fraction}Z"
    assert format_timestamp(parse_timestamp(text)) == text
    assert format_timestamp(parse_timestamp("2026-11-20T12:00:00.000Z")) == "2026-11-20T12:00:00Z"


def test_far_years_keep_four_digits_and_beyond_them_there_is_no_text() -> None:
    assert format_timestamp(parse_timestamp("0001-01-01T00:00:00Z")) == "0001-01-01T00:00:00Z"
    assert format_timestamp(parse_timestamp("9999-12-31T23:59:59Z")) == "9999-12-31T23:59:59Z"
    with pytest.raises(OverflowError):
        format_timestamp(parse_timestamp("9999-12-31T23:59:59Z") + SECOND)


def test_a_day_begins_at_its_first_nanosecond() -> None:
    midnight = day_start("2022-01-01")
    assert (day_of(midnight), day_of(midnight - 1)) == ("2022-01-01", "2021-12-31")
    with pytest.raises(ValueError):
        day_start("2022-1-1")
