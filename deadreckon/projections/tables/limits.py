"""Every set of limits that was put in force, by whom and why; a column for each limit."""

from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, get_origin, get_type_hints

import msgspec

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.limits import LimitsSet
from deadreckon.projections.columns import TableRow, origin
from deadreckon.projections.tables.derived import document

READS = (LimitsSet,)

_PLAIN = (str, int, bool, Decimal, int | None, Decimal | None)
_HINTS = {
    name: hint
    for name, hint in get_type_hints(LimitsSet).items()
    if name in LimitsSet.__struct_fields__
}
_WORDS = frozenset(name for name, hint in _HINTS.items() if get_origin(hint) is Literal)
_DOCUMENTS = frozenset(_HINTS) - _WORDS - {n for n, hint in _HINTS.items() if hint in _PLAIN}


def _fields() -> list[tuple[str, Any, Any]]:
    """Derive the columns from `LimitsSet`, so that a new limit is a column without further code."""
    fields = []
    for name, hint in _HINTS.items():
        kind = hint if hint in _PLAIN else str
        note = f"as `LimitsSet.{name}`" + (", JSON" if name in _DOCUMENTS else "")
        fields.append(
            (name, Annotated[kind, note], None if isinstance(kind, UnionType) else kind())
        )
    return fields


LimitsRow: Any = msgspec.defstruct(
    "LimitsRow",
    _fields(),
    bases=(TableRow,),
    frozen=True,
    array_like=True,
    gc=False,
    module=__name__,
)
_BLANK = LimitsRow()


def initial() -> Any:
    """Return the blank row."""
    return _BLANK


def evolve(row: Any, record: Recorded[Any]) -> Any:
    """Return the row of a set of limits."""
    limits = {name: getattr(record.event, name) for name in _HINTS}
    documents = {name: document(limits[name]) for name in _DOCUMENTS}
    return LimitsRow(*origin(record), **(limits | documents))
