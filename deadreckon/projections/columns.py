"""Base class of projection rows, and the columns derived from its fields."""

import types
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from deadreckon.contracts.event import Mode, Recorded

ColumnKind = Literal["text", "integer", "flag", "amount"]
_KINDS: dict[Any, ColumnKind] = {str: "text", int: "integer", bool: "flag", Decimal: "amount"}


class TableRow(Struct, frozen=True, array_like=True, gc=False):
    """Base of every table's row. Fields hold text, integers, flags and amounts, nothing nested;
    each is annotated with its meaning and unit. Its JSON is an array in column order."""

    event_id: Annotated[str, "id of the event this row was last changed by"] = ""
    at: Annotated[int, "decision time of that event, nanoseconds UTC"] = 0
    book: Annotated[str, "the risk unit"] = ""
    mode: Annotated[Mode, "paper, shadow, live or backtest"] = "paper"


def origin(record: Recorded[Any]) -> tuple[str, int, str, Mode]:
    """Return the values of a row's first columns, which are those of every table."""
    return record.id, record.at, record.book, record.mode


class Column(Struct, frozen=True):
    """One column of a table: `amount` is a Decimal, `integer` an int64."""

    name: str
    kind: ColumnKind
    nullable: bool
    note: str


# Where in the log a row's last event is. Never part of a digest: equal events at other sequences
# give equal rows.
SEQUENCE_COLUMNS = (
    Column("sequence", "integer", False, "sequence of the event's message in the log"),
    Column("event_index", "integer", False, "index of the event in that message, from 0"),
    Column(
        "stored_at",
        "integer",
        True,
        "the log server's own time of that message, nanoseconds UTC; null when unknown",
    ),
)


@cache
def columns_of(row: type[TableRow]) -> tuple[Column, ...]:
    """Return the columns of a row type in order, without the sequence columns. Raises TypeError
    for a field that no column can hold, or without a note on its meaning."""
    hints = get_type_hints(row, include_extras=True)
    return tuple(_column(name, hints[name]) for name in row.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"column {name} has no note on its meaning and unit")
    plain, note = get_args(hint)
    kind, nullable = _kind(plain)
    if kind is None:
        raise TypeError(f"column {name}: no column holds {plain}")
    return Column(name, kind, nullable, str(note))


def _kind(plain: Any) -> tuple[ColumnKind | None, bool]:
    if get_origin(plain) in (Union, types.UnionType):
        inner = [option for option in get_args(plain) if option is not type(None)]
        return _kind(inner[0])[0], True
    if get_origin(plain) is Literal:
        return "text", False
    return _KINDS.get(plain), False
