"""Time stamps as texts, of whatever unit and shape, read as nanoseconds UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import polars as pl
from msgspec import Struct

from deadreckon.marketdata.tapes.digits import NUMBER, plain_notation

# 1989 to 2103 in seconds. A thousandfold apart, the four units cannot be mistaken for each other,
# so each number is read by its own magnitude (Binance went from ms to us in the middle of files).
EARLIEST_SECONDS = 600_000_000
LATEST_SECONDS = 4_200_000_000
UNITS_PER_SECOND = (1, 10**3, 10**6, 10**9)

DateOrder = Literal["dmy", "mdy"]

CLOCK = r"^[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[AaPp][Mm])?$"
BARE_CLOCK = r"^[0-9]{4}(?:[0-9]{2})?$"

# Digits of dates between 1989 and 2103 are too many or too few for an epoch of any unit.
_COMPACT = r"(?<year>19[0-9]{2}|2[01][0-9]{2})(?<month>[01][0-9])(?<day>[0-3][0-9])"
_YEAR_FIRST = r"(?<year>[0-9]{4})[-/.](?<month>[0-9]{1,2})[-/.](?<day>[0-9]{1,2})"
_YEAR_LAST = r"(?<first>[0-9]{1,2})[-/.](?<then>[0-9]{1,2})[-/.](?<year>[0-9]{4})"
_DAY_OF_MONTH = r"(?<day>[0-9]{1,2})[- ](?<month>[A-Za-z]{3})[a-z]*[- ,]+(?<year>[0-9]{4})"
_MONTH_AND_DAY = r"(?<month>[A-Za-z]{3})[a-z]* (?<day>[0-9]{1,2}),? (?<year>[0-9]{4})"

# Between the date and its time, and between seconds and their fraction; digits alone need neither.
_APART = (r"[TD ,]+", r"[.,:]")
_RUN_ON = (r"[TD ,]*", r"[.,:]?")


def _pattern(dated: str) -> str:
    gap, point = _RUN_ON if dated == _COMPACT else _APART
    return (
        rf"^{dated}(?:{gap}(?<hour>[0-9]{{1,2}}):?(?<minute>[0-9]{{2}})"
        rf"(?::?(?<second>[0-9]{{2}})(?:{point}(?<fraction>[0-9]{{1,9}}))?)?"
        r" ?(?<half>[AaPp][Mm])?)?"
        r" ?(?<utc>Z|z|UTC|GMT)?(?<zone>[+-][0-9]{2}:?(?:[0-9]{2})?)?$"
    )


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


class Zone(Struct, frozen=True):
    """The order of day and month, and the zone, where the texts leave them open."""

    date_order: DateOrder | None = None
    timezone: str | None = None
    assumed: DateOrder | None = None  # where no day tells: enough to see that it is a date


UTC = Zone()
SOME_DATE = Zone(assumed="dmy")


def nanoseconds(texts: pl.Series, zone: Zone = UTC) -> pl.Series:
    """Return int64 nanoseconds UTC; null where the text is not a time between 1989 and 2103.

    Epoch numbers in seconds, ms, us or ns (also with a fraction), dates as digits alone, and
    written dates with the time behind; a text without a zone is UTC unless `zone` knows better.
    """
    whole = texts.cast(pl.Int64, strict=False)
    at = _scaled(whole) if not whole.has_nulls() else pl.Series([None], dtype=pl.Int64)
    if at.has_nulls():
        at = _read(texts.str.strip_chars(), zone)
    sane = at.is_between(EARLIEST_SECONDS * 10**9, LATEST_SECONDS * 10**9, closed="left")
    return at.set(~sane.fill_null(False), None)


def is_ambiguous(texts: pl.Series) -> bool:
    """Tell whether dates are written 01/02/2025 and no row says which is the month."""
    return texts.str.contains(f"^{_unnamed(_YEAR_LAST)}").any() and _order(texts) is None


def is_clock(texts: pl.Series, pattern: str = CLOCK) -> bool:
    """Tell whether the texts are times of a day without the day."""
    return _mostly(texts, texts.str.strip_chars().str.contains(pattern))


def is_date(texts: pl.Series) -> bool:
    """Tell whether the texts are days without a time."""
    trimmed = texts.str.strip_chars()
    dated = trimmed.str.contains("^[^:]*[-/. ][^:]*$") & ~trimmed.str.contains(NUMBER)
    dated |= trimmed.str.contains("^[0-9]{8}$")
    return _mostly(texts, dated & nanoseconds(texts, SOME_DATE).is_not_null())


def _mostly(texts: pl.Series, hits: pl.Series) -> bool:
    return hits.fill_null(False).sum() * 2 > texts.len()


def _read(texts: pl.Series, zone: Zone) -> pl.Series:
    numeric = texts.str.contains(NUMBER).fill_null(False)
    at = _epoch(texts.set(~numeric, None))
    readers: Sequence[Callable[[pl.Series], pl.Series]] = (
        lambda left: _written(left, _YEAR_FIRST, zone),
        lambda left: _written(left, _COMPACT, zone),
        lambda left: _year_last(left, zone),
        lambda left: _written(left, _DAY_OF_MONTH, zone),
        lambda left: _written(left, _MONTH_AND_DAY, zone),
    )
    for read in readers:
        if not at.has_nulls():
            break
        at = at.zip_with(at.is_not_null(), read(texts.set(at.is_not_null(), None)))
    return at


# A spreadsheet writes 1735689600123 as 1.73569E+12, which is no time any more.
_CUT_SHORT = r"^[^eE]{1,8}[eE]"


def _epoch(texts: pl.Series) -> pl.Series:
    whole = texts.set(texts.str.contains(_CUT_SHORT).fill_null(False), None)
    parts = plain_notation(whole).str.splitn(".", 2)
    fraction = parts.struct[1].fill_null("").str.slice(0, 9).str.pad_end(9, "0")
    return _scaled(parts.struct[0].cast(pl.Int64, strict=False), fraction.cast(pl.Int64))


def _scaled(whole: pl.Series, billionths: pl.Series | None = None) -> pl.Series:
    """Convert epoch numbers in their own unit, with their fraction, to nanoseconds."""
    at = pl.repeat(None, whole.len(), dtype=pl.Int64, eager=True)
    for unit in UNITS_PER_SECOND:
        fits = whole.is_between(EARLIEST_SECONDS * unit, LATEST_SECONDS * unit, closed="left")
        read = whole.set(~fits, None) * (10**9 // unit)
        read = read if billionths is None else read + billionths // unit
        at = at.zip_with(~fits.fill_null(False), read)
    return at


def _year_last(texts: pl.Series, zone: Zone) -> pl.Series:
    order = zone.date_order or _order(texts) or zone.assumed
    if order is None:
        return pl.repeat(None, texts.len(), dtype=pl.Int64, eager=True)
    first, then = ("day", "month") if order == "dmy" else ("month", "day")
    dated = _YEAR_LAST.replace("first", first, 1).replace("then", then, 1)
    return _written(texts, dated, zone)


def _order(texts: pl.Series) -> DateOrder | None:
    """Return the order that days beyond the twelfth betray; points are only written day first."""
    days = texts.str.extract_groups(f"^{_YEAR_LAST}").struct.unnest()
    if (days["first"].cast(pl.Int8, strict=False) > 12).any():
        return "dmy"
    if (days["then"].cast(pl.Int8, strict=False) > 12).any():
        return "mdy"
    return "dmy" if texts.str.contains(r"^[0-9]{1,2}\.").any() else None


def _written(texts: pl.Series, dated: str, zone: Zone) -> pl.Series:
    parts = texts.str.extract_groups(_pattern(dated)).struct.unnest()
    hour = _on_the_clock(parts["hour"].fill_null("0").cast(pl.Int64), parts["half"])
    month = parts["month"].str.slice(0, 3).str.to_lowercase()
    names = {name: str(number) for number, name in enumerate(_MONTHS, 1)}
    text = pl.DataFrame({"year": parts["year"], "month": month.replace(names), "day": parts["day"]})
    clock = [
        hour.cast(pl.String).alias("hour"),
        parts["minute"].fill_null("0"),
        parts["second"].fill_null("0"),
    ]
    joined = text.with_columns(clock).select(pl.concat_str(pl.all(), separator="-")).to_series()
    moment = joined.str.to_datetime("%Y-%m-%d-%H-%M-%S", time_unit="ns", strict=False)
    if zone.timezone is not None:
        local = moment.dt.replace_time_zone(
            zone.timezone, ambiguous="earliest", non_existent="null"
        ).cast(pl.Int64)
        unsaid = parts["zone"].is_null() & parts["utc"].is_null()
        utc = local.zip_with(unsaid, moment.cast(pl.Int64))
    else:
        utc = moment.cast(pl.Int64)
    billionths = parts["fraction"].fill_null("").str.pad_end(9, "0").cast(pl.Int64)
    return utc + billionths - _offset_seconds(parts["zone"]) * 10**9


def _on_the_clock(hour: pl.Series, half: pl.Series) -> pl.Series:
    """Return the hour of 24 for an hour of 12 and its half of the day."""
    afternoon = half.str.to_lowercase() == "pm"
    twelve = (hour % 12).zip_with(~afternoon.fill_null(False), hour % 12 + 12)
    return hour.zip_with(half.is_null(), twelve)


def _offset_seconds(zone: pl.Series) -> pl.Series:
    hours = zone.str.extract(r"^[+-]([0-9]{2})", 1).fill_null("0").cast(pl.Int64)
    minutes = zone.str.extract(r"^[+-][0-9]{2}:?([0-9]{2})$", 1).fill_null("0").cast(pl.Int64)
    west = zone.str.starts_with("-").fill_null(False)
    seconds = hours * 3_600 + minutes * 60
    return seconds.zip_with(~west, -seconds)


def _unnamed(pattern: str) -> str:
    return pattern.replace("?<first>", "?:").replace("?<then>", "?:").replace("?<year>", "?:")
