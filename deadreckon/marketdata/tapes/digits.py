"""Numbers as texts, taken apart into whole digits and decimals without ever becoming floats."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal

import polars as pl

from deadreckon.contracts.amounts import DIGITS_MAX

NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
ABSENT = ["", "-", "nan", "null", "none", "na", "n/a"]
ABSENT += ["inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"]

# As people write numbers: a currency before, thousands apart, K, M or B behind.
DECORATED = r"^[$€£¥]?[+-]?[0-9][0-9.,]*[KMBkmb]?$"
_GROUPED = r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?$"
_THOUSANDS = {"k": "e3", "m": "e6", "b": "e9"}

Comma = Literal["decimal", "thousands"]

# No text can make us write out a number of a million digits.
LENGTH_MAX = 400

# Any decimal of so many digits survives being a double; what comes after them is noise of floats.
FLOAT_DIGITS = 15

_ROUNDING = Context(prec=2_000, rounding=ROUND_HALF_EVEN)
_QUIET = Context(prec=FLOAT_DIGITS, rounding=ROUND_HALF_EVEN)


def split(
    texts: pl.Series,
    decimals_max: int | None = None,
    *,
    as_floats: bool = False,
    comma: Comma | None = None,
) -> pl.DataFrame:
    """Split numbers into columns `missing`, `malformed`, `noisy`, `rounded` (bool), `whole`,
    `fraction`, `decimals`.

    `fraction` is without trailing zeros. `as_floats` takes the noise from printed floats
    (0.30000000000000004 is 0.3) and says so in `noisy`; with `decimals_max`, finer numbers are
    rounded half-even and say so in `rounded`. A number with commas is malformed unless `comma`
    says what they are.
    """
    trimmed = undecorated(texts.str.strip_chars(), comma)
    missing = trimmed.is_null() | trimmed.str.to_lowercase().is_in(ABSENT).fill_null(False)
    sound = trimmed.str.contains(NUMBER) & (trimmed.str.len_bytes() <= LENGTH_MAX)
    sound = sound.fill_null(False)
    plain = plain_notation(trimmed.set(~sound, None))
    noisy = _noisy(plain, as_floats)
    plain = _rewritten(plain, noisy, _QUIET.create_decimal)
    rounded = _finer(plain, decimals_max)
    plain = _rewritten(plain, rounded, lambda text: _to_step(text, decimals_max))
    parts = plain.str.splitn(".", 2)
    fraction = parts.struct[1].fill_null("").str.strip_chars_end("0")
    return pl.DataFrame(
        {
            "missing": missing,
            "malformed": ~(missing | sound),
            "noisy": noisy,
            "rounded": rounded,
            "whole": parts.struct[0].str.strip_prefix("+"),
            "fraction": fraction,
            "decimals": fraction.str.len_bytes(),
        }
    )


def undecorated(trimmed: pl.Series, comma: Comma | None) -> pl.Series:
    """Rewrite numbers as people write them; anything else stays as it is."""
    if trimmed.str.contains(NUMBER).all() and comma != "decimal":
        return trimmed
    people = trimmed.str.contains(DECORATED).fill_null(False)
    texts = trimmed.str.strip_chars_start("$€£¥")
    if comma == "decimal":
        points = texts.str.contains(r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3})*(?:,[0-9]+)?$")
        grouped = points.fill_null(False)
        texts = texts.str.replace_all(".", "", literal=True).zip_with(grouped, texts)
        texts = texts.str.replace(",", ".", literal=True)
    elif comma == "thousands":
        grouped = texts.str.contains(_GROUPED).fill_null(False)
        texts = texts.str.replace_all(",", "", literal=True).zip_with(grouped, texts)
    for letter, exponent in _THOUSANDS.items():
        texts = texts.str.replace(f"(?i)([0-9]){letter}$", f"${{1}}{exponent}")
    return texts.zip_with(people, trimmed)


def comma_in(columns: Iterable[pl.Series], delimiter: str) -> Comma | None:
    """Return "thousands" where commas in numbers can be nothing else; they are never decimals."""
    found = pl.concat([column.filter(column.str.contains(",")) for column in columns])
    plain = found.str.strip_chars(" $€£¥").str.replace(r"[KMBkmb]$", "")
    sure = delimiter not in ("\t", ";", "|") or plain.str.contains(r"\.").any()
    return "thousands" if sure and plain.str.contains(_GROUPED).all() else None


def plain_notation(texts: pl.Series) -> pl.Series:
    """Write numbers with an exponent out in full: `1e-7` becomes `0.0000001`."""
    return _rewritten(texts, texts.str.contains("[eE]").fill_null(False), Decimal)


def mantissas(parts: pl.DataFrame, scale: int) -> pl.Series:
    """Return integers of 10**-scale; null if the number is too large for int64 or for an amount."""
    fraction = parts["fraction"].str.slice(0, scale).str.pad_end(scale, "0")
    integers = (parts["whole"] + fraction).cast(pl.Int64, strict=False)
    limit = min(10 ** (DIGITS_MAX + scale), 2**63 - 1)
    return integers.set(~integers.is_between(-limit, limit).fill_null(False), None)


def _noisy(plain: pl.Series, as_floats: bool) -> pl.Series:
    if not as_floats:
        return pl.repeat(False, plain.len(), eager=True)
    significant = plain.str.replace_all(r"[+.-]", "").str.strip_chars("0").str.len_bytes()
    return (significant > FLOAT_DIGITS).fill_null(False)


def _finer(plain: pl.Series, decimals_max: int | None) -> pl.Series:
    if decimals_max is None:
        return pl.repeat(False, plain.len(), eager=True)
    return plain.str.contains(rf"\.\d{{{decimals_max}}}\d*[1-9]").fill_null(False)


def _to_step(text: str, decimals_max: int | None) -> Decimal:
    return Decimal(text).quantize(Decimal((0, (1,), -(decimals_max or 0))), context=_ROUNDING)


def _rewritten(plain: pl.Series, hits: pl.Series, rewrite: Callable[[str], Decimal]) -> pl.Series:
    if not hits.any():
        return plain
    written = [format(rewrite(text), "f") for text in plain.filter(hits).to_list()]
    return plain.scatter(hits.arg_true(), written)
