"""Descriptions and units of fields, declared on the field for documents, schemas and formatting."""

from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

# base: base units or contracts. quote, reporting: amounts of that currency. currency: amounts of
# the currency that the event names. price: quote currency per base unit. share: a fraction of one.
# timestamp: nanoseconds since 1970 UTC. nano: integers of 1e-9.
Unit = Literal[
    "base",
    "quote",
    "reporting",
    "currency",
    "price",
    "share",
    "ratio",
    "basis_points",
    "count",
    "nanoseconds",
    "seconds",
    "timestamp",
    "nano",
]


def described(description: str, unit: Unit | None = None) -> Meta:
    """Return the annotation of a field: its description, and the unit of its number."""
    return Meta(description=description, extra={"unit": unit} if unit else None)


@cache
def descriptions(shape: type[Struct]) -> dict[str, str]:
    """Return the description of each field of a shape, empty where it has none."""
    return {name: meta.description or "" for name, meta in _annotations(shape).items()}


@cache
def units(shape: type[Struct]) -> dict[str, Unit]:
    """Return the unit of each field of a shape that has one."""
    return {name: meta.extra["unit"] for name, meta in _annotations(shape).items() if meta.extra}


def _annotations(shape: type[Struct]) -> dict[str, Meta]:
    hints = get_type_hints(shape, include_extras=True)
    return {name: _annotation(hints[name]) for name in shape.__struct_fields__}


def _annotation(hint: Any) -> Meta:
    """Return what stands on a field; the outermost of several annotations counts, as in msgspec."""
    if get_origin(hint) is Annotated:
        metas = [part for part in get_args(hint)[1:] if isinstance(part, Meta)]
        if metas:
            return metas[-1]
    return Meta()
