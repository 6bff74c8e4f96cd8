"""Times and durations for people: exact where a record is described, rounded in tables."""

from decimal import Decimal

from deadreckon.contracts.amounts import canonical
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import day_of, format_timestamp

_LENGTHS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(nanoseconds: int) -> str:
    """Format a duration exactly.

    >>> span(90_000_000_000), span(250_000_000), span(0)
    ('1 min 30 s', '0.25 s', '0 s')
    """
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    parts = []
    for length, name in _LENGTHS:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {name}")
    left = canonical(Decimal(seconds * NANOSECONDS + rest).scaleb(-9))
    return " ".join(parts + ([f"{left:,f} s"] if left or not parts else []))


def rounded_span(seconds: float) -> str:
    """Format a duration (seconds) in its largest unit, with at most one decimal.

    >>> [rounded_span(s) for s in (0.25, 59, 90, 7200, 200_000)]
    ['0.2 s', '59 s', '1.5 min', '2 h', '2.3 d']
    """
    for length, name in _LENGTHS:
        if abs(seconds) >= length:
            return f"{seconds / length:.1f}".removesuffix(".0") + f" {name}"
    return f"{seconds:.1f} s" if abs(seconds) < 10 and seconds % 1 else f"{seconds:.0f} s"


def countdown(seconds: float) -> str:
    """Format a duration (seconds) like a clock.

    >>> countdown(83), countdown(3723)
    ('1:23', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock(at: int) -> str:
    """Format the time of day (UTC) exactly, without trailing zeros.

    >>> clock(60_000_000_000), clock(61_500_000_000)
    ('00:01', '00:01:01.5')
    """
    return format_timestamp(at)[11:-1].removesuffix(":00")


def moment(at: int, now: int | None = None) -> str:
    """Format day and time (UTC) exactly; only the time on the day of `now`.

    >>> moment(60_000_000_000), moment(60_000_000_000, 0)
    ('1970-01-01 00:01', '00:01')
    """
    if now is not None and day_of(now) == day_of(at):
        return clock(at)
    return f"{day_of(at)} {clock(at)}"


def rounded_moment(at: int | str) -> str:
    """Format day and time (UTC) to the second, from nanoseconds or RFC 3339.

    >>> rounded_moment(1_500_000_000), rounded_moment("2026-03-02T08:03:00.25Z")
    ('1970-01-01 00:00:01', '2026-03-02 08:03:00')
    """
    text = at if isinstance(at, str) else format_timestamp(at)
    return text[:19].replace("T", " ").removesuffix("Z")
