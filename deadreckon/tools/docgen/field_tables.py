"""Table rows for the fields of a shape: name, type, default and description."""

import inspect
import re
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Raw, Struct, UnsetType

from deadreckon.contracts.units import descriptions


class FieldRow(Struct, frozen=True):
    """Table row of one field: name, readable type, default and description."""

    name: str
    kind: str
    default: str
    description: str


def field_rows(shape: type[Struct]) -> list[FieldRow]:
    """Return a row for every field of a shape, in order."""
    hints = get_type_hints(shape)
    texts = descriptions(shape)
    return [
        FieldRow(
            name=field.name,
            kind=kind_in_words(hints[field.name]),
            default=_default_in_words(field),
            description=texts[field.name],
        )
        for field in msgspec.structs.fields(shape)
    ]


def docstring(shape: type[Struct]) -> str:
    """Return the docstring of a shape, the lines of each paragraph joined."""
    text = inspect.cleandoc(shape.__doc__ or "")
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text))


def caption(shape: type[Struct]) -> str:
    """Return the docstring of a shape as one paragraph."""
    return docstring(shape).replace("\n\n", " ")


PLAIN = {
    str: "text",
    int: "integer",
    bool: "true or false",
    Decimal: "amount",
    NoneType: "null",
    Raw: "JSON",
    Any: "any",
}


def kind_in_words(kind: Any) -> str:
    """Describe a field's type in terms of JSON; an amount is decimal text.

    >>> kind_in_words(dict[str, Decimal] | None)
    'amount by key, or null'
    """
    if kind in PLAIN:
        return PLAIN[kind]
    parts = get_args(kind)
    match get_origin(kind):
        case None:
            return f"[{kind.__name__}](#{kind.__name__.lower()})"
        case origin if origin is Literal:
            return " \\| ".join(f"`{part}`" if part else "empty" for part in parts)
        case origin if origin in (Union, UnionType):
            return ", or ".join(kind_in_words(part) for part in parts if part is not UnsetType)
        case origin if origin is dict and parts[1] is Any:
            return "object"
        case origin if origin is dict:
            return f"{kind_in_words(parts[1])} by key"
        case origin if origin is tuple and parts[-1] is not Ellipsis:
            return f"[{', '.join(kind_in_words(part) for part in parts)}]"
    return f"list of {kind_in_words(parts[0])}"


def _default_in_words(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not NODEFAULT:
        default = field.default_factory()
    elif field.required or isinstance(field.default, UnsetType):
        return ""
    else:
        default = field.default
    return f"`{msgspec.json.encode(default).decode()}`"
