"""Text of delimited lines as a table: CSV of any delimiter, with or without a header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from msgspec import Struct
from polars.exceptions import ComputeError

from deadreckon.marketdata.tapes.digits import DECORATED, NUMBER
from deadreckon.marketdata.tapes.tape import TapeError
from deadreckon.marketdata.tapes.unpacking import check_extent

RAGGED = "#ragged"  # the row has another number of fields than its header
ROW = "#row"  # the number of the row, counted from 1 without the header

DELIMITERS = "\t;|,"  # the surest first: a comma may also stand inside numbers
PREAMBLE_LINES_MAX = 5  # some vendors write an address or a licence above the header
HEAD_LINES = 30

# Put behind every line before it is parsed: a row is whole when this is its last field.
_END = "\1"


class Head(Struct, frozen=True):
    """The delimiter and the names of a text of lines, found in its first ones."""

    delimiter: str
    names: list[str]
    named: bool
    header_lines: int


def read_lines(path: Path, content: bytes, *, header: bool | None) -> tuple[Head, pl.DataFrame]:
    """Read the fields of every line that is not blank, numbered, with RAGGED beside."""
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")
    head = _head(path, content, header)
    start = 0
    for _ in range(head.header_lines):
        start = content.find(b"\n", start) + 1 or len(content)
    check_extent(path, len(head.names), content.count(b"\n", start) + 1)
    frame = _parsed(content[start:], head).with_row_index(ROW, 1)
    first, second = (pl.col(name).fill_null("").str.strip_chars() for name in frame.columns[1:3])
    numbered = frame.filter((first != "") | (second != _END))
    texts = pl.exclude(ROW, RAGGED).str.strip_chars(' "')
    return head, numbered.with_columns(pl.col(ROW).cast(pl.Int64), texts)


def _head(path: Path, content: bytes, header: bool | None) -> Head:
    end = -1
    for _ in range(HEAD_LINES):
        end = content.find(b"\n", end + 1)
        if end < 0:
            break
    lines = content[: end if end >= 0 else len(content)].decode(errors="replace").split("\n")
    longest = max((max(line.count(one) for one in DELIMITERS) for line in lines), default=0)
    check_extent(path, longest + 1)
    delimiter, first = _delimiter(lines)
    if not delimiter:
        raise TapeError(f"{path} has no lines of several columns; expected CSV with a header")
    fields, *others = _cut(lines[first:], delimiter)
    fields = [field.strip().strip('"').strip() for field in fields]
    numeric = any(re.match(NUMBER, one) or re.match(DECORATED, one) for one in fields)
    named = not numeric if header is None else header
    if not named:
        return Head(delimiter, [str(n) for n in range(len(fields))], False, first)
    names, more = _names(fields, others)
    return Head(delimiter, distinct(names), True, first + 1 + more)


def _names(fields: list[str], others: Sequence[Sequence[str]]) -> tuple[list[str], int]:
    """Return the names that fit the lines below, and how many of those lines are header as well."""
    if others and fields[0] == "Price" and others[0][:1] == ["Ticker"]:
        return ["Date", *fields[1:]], 2  # yfinance: Price, Ticker and Date begin three lines
    widths = [len(other) for other in others]
    width = max(widths, key=widths.count, default=len(fields))
    if width == len(fields) - 1 and not fields[-1]:
        return fields[:-1], 0
    if width == len(fields) + 1:  # an index without a name, or a delimiter at the end of the line
        return ([*fields, ""] if not others[0][-1] else ["", *fields]), 0
    return fields, 0


def _delimiter(lines: Sequence[str]) -> tuple[str, int]:
    """Return the delimiter that cuts most lines alike, and the first line it cuts so.

    Of several, the one that most lines agree on, then the surest. Three columns at least.
    """
    best, first, agreed = "", 0, 0
    for delimiter in DELIMITERS:
        cut = _cut(lines, delimiter)
        widths = [len(fields) for fields in cut]
        several = [width for width in widths if width > 2]
        usual = max(several, key=several.count, default=0)
        start = next((n for n, fields in enumerate(cut) if sum(map(bool, fields)) > 2), 0)
        if several.count(usual) > agreed and start <= PREAMBLE_LINES_MAX:
            best, first, agreed = delimiter, start, several.count(usual)
    return best, first


def _cut(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    limit = csv.field_size_limit() - 1
    return [next(csv.reader([line[:limit]], delimiter=delimiter), []) for line in lines]


def _parsed(body: bytes, head: Head) -> pl.DataFrame:
    """Parse one row per line; a quote never closed swallows lines: then quotes are text."""
    end = f"{head.delimiter}{_END}\n".encode()
    heading = head.delimiter.join(f"c{position}" for position in range(len(head.names) + 1))
    text = heading.encode() + b"\n" + body.replace(b"\n", end) + end
    try:
        frame = _csv(text, head.delimiter, '"')
    except ComputeError:
        frame = pl.DataFrame()
    if frame.height != body.count(b"\n") + 1:
        frame = _csv(text, head.delimiter, None)
    whole = frame[frame.columns[-1]] == _END
    frame = frame[:, :-1]
    frame.columns = head.names
    return frame.with_columns((~whole.fill_null(False)).alias(RAGGED))


def _csv(text: bytes, delimiter: str, quote: str | None) -> pl.DataFrame:
    return pl.read_csv(
        text,
        separator=delimiter,
        quote_char=quote,
        infer_schema=False,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
    )


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names as `column_name` spells them, each one only once."""
    seen: list[str] = []
    for name in map(column_name, names):
        once, number = name, len(seen)
        while once in seen:
            once, number = f"{name}_{number}", number + 1
        seen.append(once)
    return seen


def column_name(name: str) -> str:
    """Spell names alike: `Open Time`, `openTime` and `open-time` are one name: `open_time`."""
    latin = re.sub(r"/[^/]*[^\x00-\x7f].*$", "", name.strip())  # OKX says everything twice
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", latin)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
