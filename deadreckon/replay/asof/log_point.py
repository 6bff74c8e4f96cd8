"""Points of the log: a time, a sequence, or an event's id."""

import re

from msgspec import Struct

from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.timestamps import parse_timestamp

EXAMPLES = (
    "a time such as 2022-01-15T12:00:00Z, a sequence such as 1200 or 1200.3, or an event's id"
)

# A long number that begins with 0 is the beginning of an id, not a sequence.
_SEQUENCE = re.compile(r"(?!0\d{5})(\d{1,12})(?:\.(\d{1,6}))?", re.ASCII)
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<minute>\d\d:\d\d)(?P<second>:\d\d(?:\.\d+)?)?(?P<zone>\S*))?",
    re.ASCII,
)


class LogPointError(UsageError, ValueError):
    """You asked for a point that this log does not have, or that cannot be parsed."""


class AtSequence(Struct, frozen=True):
    """The point after all events of a message, or after its event `index`."""

    sequence: int
    index: int | None = None


class AtTime(Struct, frozen=True):
    """The point after the last message at or before a decision time (nanoseconds UTC)."""

    at: int


class AtId(Struct, frozen=True):
    """The point after the event with this id, or whose id begins with it."""

    id: str


LogPoint = AtSequence | AtTime | AtId


def parse_log_point(text: str) -> LogPoint:
    """Parse a point of the log. Raises LogPointError.

    >>> parse_log_point("1200.3"), parse_log_point("2022-01-15 12:00").at
    (AtSequence(sequence=1200, index=3), 1642248000000000000)
    """
    text = text.strip()
    sequence, time = _SEQUENCE.fullmatch(text), _TIME.fullmatch(text)
    if sequence:
        number, index = sequence.groups()
        return AtSequence(int(number), None if index is None else int(index))
    if time:
        return AtTime(_moment(text, time))
    if not text or text.startswith("-"):
        raise LogPointError(f"{text!r} is not a point of the log: give {EXAMPLES}")
    return AtId(text)


def _moment(text: str, time: re.Match[str]) -> int:
    day, minute, second, zone = time.group("day", "minute", "second", "zone")
    if minute is None:
        raise LogPointError(f"{text} is a whole day: give a time on it, such as {day}T23:59:59Z")
    try:
        return parse_timestamp(f"{day}T{minute}{second or ':00'}{zone or 'Z'}")
    except ValueError as error:
        raise LogPointError(f"{text} is not a time: {error}") from error
