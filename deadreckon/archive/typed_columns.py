"""The families of events that have columns of their own in an archive, and what their rows hold.

Amounts are text, exact as they were published. The bytes of the messages are the truth; a row is
there for reading it with SQL, and an event that no shape can decode has none.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
import polars
from msgspec import NODEFAULT, Struct, structs

from deadreckon.contracts.amounts import EXACT, text
from deadreckon.contracts.catalogue import EVENTS, VERSIONS
from deadreckon.contracts.codec import UndecodableError, decode_event, plain_body
from deadreckon.contracts.envelope import Commit, Envelope
from deadreckon.contracts.event import ArchiveTable

MESSAGES = "messages"
MESSAGE_COLUMNS: dict[str, Any] = {
    "sequence": polars.Int64,
    "stored_at": polars.Int64,
    "subject": polars.String,
    "payload": polars.Binary,
}

FILLED = "orders.order_filled"
TABLES: tuple[ArchiveTable, ...] = get_args(ArchiveTable)
FAMILIES: dict[str, tuple[str, ...]] = {
    table: tuple(name for name, shape in EVENTS.items() if table in shape.declared.archive)
    for table in TABLES
}
FAMILIES_OF = {
    name: tuple(family for family, names in FAMILIES.items() if name in names) for name in EVENTS
}

LOG_COLUMNS: dict[str, Any] = {
    "sequence": polars.Int64,
    "index": polars.Int32,
    "id": polars.String,
    "at": polars.Int64,
    "cause": polars.String,
    "root": polars.String,
    "mode": polars.String,
    "source": polars.String,
    "type": polars.String,
}
UNITS = ("quantity", "price", "fee")  # amounts of a fill that are integers of a scale as well
INTEGER_MAX = (1 << 63) - 1
HALF = Decimal("0.5")

Row = dict[str, Any]


def frame(family: str, rows: list[Any]) -> polars.DataFrame:
    """Convert rows to columns: tuples of messages, or what `row` made of events of a family."""
    if family == MESSAGES:
        return polars.DataFrame(rows, schema=MESSAGE_COLUMNS, orient="row")
    shape = columns(family)
    return polars.DataFrame(
        {name: _column(rows, name, dtype) for name, dtype in shape.items()}, schema=shape
    )


def _column(rows: list[Row], name: str, dtype: Any) -> list[Any]:
    found = [line.get(name) for line in rows]
    if dtype != polars.String:
        return found
    return [str(value) if type(value) is int else value for value in found]


class TypedColumn(Struct, frozen=True):
    """A field of an event as a column: its stored type, and its value where the event leaves it
    out."""

    dtype: Any
    default: Any


@cache
def columns(family: str) -> dict[str, Any]:
    """Return the columns of a family by name, with their polars types; one that is a number in one
    type of event and text in another is text."""
    found = dict(LOG_COLUMNS)
    for name in FAMILIES[family]:
        for field, shape in fields_of(name).items():
            if found.setdefault(field, shape.dtype) != shape.dtype:
                found[field] = polars.String
    if family == "fills":
        for name in UNITS:
            found |= {f"{name}_units": polars.Int64, f"{name}_scale": polars.Int16}
    if family == "marks":
        found["mark"] = polars.String
    return found


@cache
def fields_of(name: str) -> dict[str, TypedColumn]:
    """Return the columns for the fields of a type of event."""
    hints = get_type_hints(EVENTS[name])
    return {
        field.name: TypedColumn(_dtype(hints[field.name]), _default(field))
        for field in structs.fields(EVENTS[name])
    }


def _dtype(hint: Any) -> Any:
    """Return the column type: text for names and amounts, JSON text for nested values."""
    kinds = {option for option in (get_args(hint) or (hint,)) if option is not type(None)}
    if kinds == {int}:
        return polars.Int64
    return polars.Boolean if kinds == {bool} else polars.String


def _default(field: structs.FieldInfo) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return None if field.default is NODEFAULT else field.default


def rows_of(commit: Commit, sequence: int) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a commit, each with its family; none for one that cannot be decoded."""
    for index, envelope in enumerate(commit.events):
        for family in FAMILIES_OF.get(envelope.type, ()):
            try:
                yield family, row(envelope, sequence, index)
            except UndecodableError:
                continue


def row(envelope: Envelope, sequence: int, index: int) -> Row:
    """Make the row of an event: its sequence and index, its envelope, its body; a field it never
    had is null.

    Raises UndecodableError for an event of an unknown version.
    """
    body = _body(envelope)
    found = {
        "sequence": sequence,
        "index": index,
        "id": envelope.id,
        "at": envelope.at,
        "cause": envelope.cause,
        "root": envelope.root,
        "mode": envelope.mode,
        "source": envelope.source,
        "type": envelope.type,
    }
    for name, field in fields_of(envelope.type).items():
        found[name] = _cell(body.get(name, field.default))
    if envelope.type in _FIGURED:
        _FIGURED[envelope.type](found)
    return found


def _body(envelope: Envelope) -> dict[str, Any]:
    if envelope.v == VERSIONS[envelope.type]:
        found: dict[str, Any] = msgspec.json.decode(envelope.data)
        return found
    return plain_body(decode_event(envelope.type, envelope.v, envelope.data))


def _cell(value: Any) -> Any:
    """Convert a value for its column; an integer beyond int64 becomes null, never wrapped."""
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if type(value) is int and not -INTEGER_MAX <= value <= INTEGER_MAX:
        return None
    return value


def _with_units(found: Row) -> None:
    """Add quantity, price and fee of a fill as integers of a scale; null beyond int64."""
    for name in UNITS:
        whole, _, decimals = found[name].partition(".")
        units = int(whole + decimals)
        fits = abs(units) <= INTEGER_MAX
        found[f"{name}_units"] = units if fits else None
        found[f"{name}_scale"] = len(decimals) if fits else None


def _with_middle(found: Row) -> None:
    both = EXACT.add(Decimal(found["bid"]), Decimal(found["ask"]))
    found["mark"] = text(EXACT.multiply(both, HALF))


def _mark_from(name: str) -> Callable[[Row], None]:
    def figure(found: Row) -> None:
        found["mark"] = found[name]

    return figure


# What is worked out for a row: exact, and the same as the ledger takes it.
_FIGURED: dict[str, Callable[[Row], None]] = {
    FILLED: _with_units,
    "market.bar_closed": _mark_from("close"),
    "market.quote_updated": _with_middle,
    "market.trade_printed": _mark_from("price"),
    "market.mark_updated": _mark_from("price"),
}
