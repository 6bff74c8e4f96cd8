"""Timestamps: RFC 3339 text outside, int64 nanoseconds UTC inside."""

import re
from datetime import UTC, datetime, timedelta

from deadreckon.contracts.event import NANOSECONDS

DAY = 86_400 * NANOSECONDS

# Spelled out, because Python versions accept different texts: 24:00:00, other scripts' digits.
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(text: str) -> int:
    """Parse an RFC 3339 text into nanoseconds UTC; raises ValueError when it is not one.

    >>> parse_timestamp("1970-01-01T00:00:01.5Z")
    1500000000
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-11-20T12:00:00Z")
    date, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in "Zz" else zone
    passed = datetime.fromisoformat(f"{date}T{clock}{zone}") - _EPOCH
    seconds = passed.days * 86_400 + passed.seconds
    return seconds * NANOSECONDS + int((fraction or "0").ljust(9, "0"))


def format_timestamp(at: int) -> str:
    """Format nanoseconds UTC as RFC 3339 text, with as many decimals as needed.

    Raises OverflowError outside the years 1 to 9999, which int64 nanoseconds never leave.

    >>> format_timestamp(1500000000)
    '1970-01-01T00:00:01.5Z'
    """
    seconds, nanoseconds = divmod(at, NANOSECONDS)
    text = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return f"{text}{fraction}Z"


def day_of(at: int) -> str:
    """Return the UTC day [00:00, 24:00) of a time in nanoseconds UTC, as YYYY-MM-DD."""
    return (_EPOCH + timedelta(seconds=at // NANOSECONDS)).date().isoformat()


def day_start(day: str) -> int:
    """Return the nanoseconds UTC at which a day YYYY-MM-DD begins.

    Raises ValueError when the text is not a day of that form.
    """
    return parse_timestamp(f"{day}T00:00:00Z")
