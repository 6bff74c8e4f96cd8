"""Time stamps as texts, of whatever unit and shape, read as nanoseconds UTC."""

from __future__ import annotations

import polars as pl

from deadreckon.marketdata.tapes.digits import NUMBER, plain_notation

# 1989 to 2103 in seconds. A thousandfold apart, the four units cannot be mistaken for each other,
# so each number is read by its own magnitude (Binance went from ms to us in the middle of files).
EARLIEST_SECONDS = 600_000_000
LATEST_SECONDS = 4_200_000_000
UNITS_PER_SECOND = (1, 10**3, 10**6, 10**9)

_ISO = (
    r"^(?<date>[0-9]{4}[-/][0-9]{2}[-/][0-9]{2})"
    r"(?:[T ](?<hour>[0-9]{2}):(?<minute>[0-9]{2})"
    r"(?::(?<second>[0-9]{2})(?:[.,](?<fraction>[0-9]{1,9}))?)?)?"
    r" ?(?<zone>Z|z|UTC|[+-][0-9]{2}:?(?:[0-9]{2})?)?$"
)


def nanoseconds(texts: pl.Series) -> pl.Series:
    """Return int64 nanoseconds UTC; null where the text is not a time between 1989 and 2103.

    Epoch numbers in seconds, ms, us or ns (also with a fraction) and ISO 8601 texts; a text without
    a zone is UTC.
    """
    whole = texts.cast(pl.Int64, strict=False)
    at = _scaled(whole) if not whole.has_nulls() else _read(texts.str.strip_chars())
    sane = at.is_between(EARLIEST_SECONDS * 10**9, LATEST_SECONDS * 10**9, closed="left")
    return at.set(~sane.fill_null(False), None)


def _read(texts: pl.Series) -> pl.Series:
    numeric = texts.str.contains(NUMBER).fill_null(False)
    at = _epoch(texts.set(~numeric, None))
    return at if numeric.all() else at.zip_with(numeric, _iso(texts.set(numeric, None)))


def _epoch(texts: pl.Series) -> pl.Series:
    parts = plain_notation(texts).str.splitn(".", 2)
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


def _iso(texts: pl.Series) -> pl.Series:
    date, hour, minute, second, fraction, zone = texts.str.extract_groups(_ISO).struct.unnest()
    clock = hour.fill_null("00") + ":" + minute.fill_null("00") + ":" + second.fill_null("00")
    written = date.str.replace_all("/", "-", literal=True) + " " + clock
    moment = written.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ns", strict=False)
    billionths = fraction.fill_null("").str.pad_end(9, "0").cast(pl.Int64)
    return moment.cast(pl.Int64) + billionths - _offset_seconds(zone) * 10**9


def _offset_seconds(zone: pl.Series) -> pl.Series:
    hours = zone.str.extract(r"^[+-]([0-9]{2})", 1).fill_null("0").cast(pl.Int64)
    minutes = zone.str.extract(r"^[+-][0-9]{2}:?([0-9]{2})$", 1).fill_null("0").cast(pl.Int64)
    west = zone.str.starts_with("-").fill_null(False)
    seconds = hours * 3_600 + minutes * 60
    return seconds.zip_with(~west, -seconds)
