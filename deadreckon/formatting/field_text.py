"""Values of fields as people write them, by their unit: `6h`, `10%`, `spot,perpetual`."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, get_origin, get_type_hints

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, canonical
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import DAY, day_of, format_timestamp
from deadreckon.contracts.units import units
from deadreckon.formatting.exact import HUNDRED
from deadreckon.formatting.times import span

NONE = ("none", "null", "off")
_LENGTHS = {  # nanoseconds; "m" is a minute, as in most tools
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "min": 60 * NANOSECONDS,
    "h": 3_600 * NANOSECONDS,
    "d": 86_400 * NANOSECONDS,
    "w": 7 * 86_400 * NANOSECONDS,
}
DAYS = {"today": 0, "yesterday": 1}  # before the day of now
_PART = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*(ns|us|ms|s|min|m|h|d|w)\s*", re.ASCII)
SHORTEST_BARE = 1_000_000  # nanoseconds; a bare number below it was meant in another unit
_HINT = "write it as 6h, 90s, 250ms or 1h30m"


def parse_duration(text: str) -> int:
    """Parse a duration with its unit to nanoseconds; raises ValueError.

    >>> parse_duration("90s"), parse_duration("1h 30m"), parse_duration("0.5ms")
    (90000000000, 5400000000000, 500000)
    """
    total, position, text = Decimal(0), 0, text.strip()
    while part := _PART.match(text, position):
        total += Decimal(part[1]) * _LENGTHS[part[2]]
        position = part.end()
    if not position or position < len(text):
        raise ValueError(f"{text[:40]!r} is not a duration; {_HINT}")
    if total != int(total) or total >= 2**63:
        raise ValueError(f"{text[:40]!r} is too fine or too long a duration")
    return int(total)


def parse_when(text: str, now: int) -> str:
    """Return a time or a day that is given relative to `now` (nanoseconds UTC) as RFC 3339, or as
    YYYY-MM-DD; any other text as it is.

    >>> parse_when("2h", 7_200 * NANOSECONDS), parse_when("-15m", 900 * NANOSECONDS)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z')
    >>> parse_when("yesterday", 2 * DAY), parse_when("2026-11-20", 0)
    ('1970-01-02', '2026-11-20')
    """
    word = text.strip().lower()
    if word == "now":
        return format_timestamp(now)
    if word in DAYS:
        return day_of(now - DAYS[word] * DAY)
    try:
        return format_timestamp(now - parse_duration(word.removeprefix("-").removesuffix("ago")))
    except ValueError:
        return text


def format_duration(nanoseconds: int) -> str:
    """Format a duration exactly, as `parse_duration` reads it.

    >>> format_duration(21_600 * NANOSECONDS), format_duration(90 * NANOSECONDS)
    ('6h', '1min30s')
    """
    return span(nanoseconds).replace(" ", "")


def parse_amount(text: str, unit: str | None) -> str:
    """Return a number's text in the unit of its field: a duration or a percentage converted.

    A bare number stays as it is, unless it is less than a millisecond in nanoseconds: who writes
    120 means seconds. Raises ValueError.

    >>> parse_amount("2h", "nanoseconds"), parse_amount("10%", "share"), parse_amount("7", "share")
    ('7200000000000', '0.1', '7')
    """
    match unit:
        case "nanoseconds" if not _is_number(text):
            return str(parse_duration(text))
        case "nanoseconds" if 0 < abs(Decimal(text)) < SHORTEST_BARE:
            raise ValueError(f"{text[:40]} of what? Write its unit: {text[:40]}s, or {text[:40]}ns")
        case "seconds" if not _is_number(text):
            seconds = EXACT.divide(Decimal(parse_duration(text)), Decimal(NANOSECONDS))
            return f"{canonical(seconds):f}"
        case "share" | "ratio" if text.endswith("%"):
            return f"{canonical(EXACT.divide(_number(text[:-1], text), HUNDRED)):f}"
    return text


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True


def _number(digits: str, text: str) -> Decimal:
    try:
        number = Decimal(digits.strip())
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is not a percentage; write it as 10%") from None
    if not number.is_finite():
        raise ValueError(f"{text[:40]!r} is not a percentage; write it as 10%")
    return number


def parse_field(shape: type[Struct], name: str, text: str) -> Any:
    """Return a field's value as JSON has it, from the text of a person; raises ValueError.

    "off" is null. A list is written with commas, or as JSON.
    """
    if text in NONE:
        return None
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not JSON: {error}") from None
    if _is_list(shape, name):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return parse_amount(text, units(shape).get(name))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def format_field(shape: type[Struct], name: str, value: Any) -> str:
    """Format a field's value as `parse_field` reads it."""
    unit = units(shape).get(name)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if unit == "nanoseconds" and isinstance(value, int):
        return format_duration(value)
    if unit == "share" and isinstance(value, Decimal):
        return f"{canonical(EXACT.multiply(value, HUNDRED)):f}%"
    return str(value)


def format_value(shape: type[Struct], name: str, value: Any) -> str:
    """Format a field's value as JSON has it, where it stands alone: null is off."""
    if value is None:
        return "off"
    if units(shape).get(name) == "share" and isinstance(value, str):
        return format_field(shape, name, Decimal(value))
    return format_field(shape, name, value) or "none"


def _is_list(shape: type[Struct], name: str) -> bool:
    return get_origin(get_type_hints(shape).get(name)) in (list, tuple)
