"""One sample of every shape, made from its types: the same shape gives the same sample for ever."""

from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

S = TypeVar("S", bound=Struct)


def sample(shape: type[S]) -> S:
    """Every field filled, each with a value of its own; what may be null is not."""
    hints = get_type_hints(shape)
    return shape(
        **{
            name: _value(hints[name], name, number)
            for number, name in enumerate(shape.__struct_fields__, start=1)
        }
    )


def _value(kind: Any, name: str, number: int) -> Any:
    parts = get_args(kind)
    match get_origin(kind):
        case None:
            return _plain(kind, name, number)
        case origin if origin is Literal:
            return parts[number % len(parts)]
        case origin if origin in (Union, UnionType):
            return _value(next(part for part in parts if part is not NoneType), name, number)
        case origin if origin is dict:
            return {f"{name} {key}": _value(parts[1], name, number + key) for key in (2, 1)}
        case origin if origin is tuple:
            return tuple(_value(parts[0], name, number + item) for item in (0, 1))
    return [_value(parts[0], name, number + item) for item in (0, 1)]


def _plain(kind: Any, name: str, number: int) -> Any:
    if kind is str:
        return f"{name} {number} ü"
    if kind is int:
        return 1_000_000_007 * number
    if kind is bool:
        return number % 2 == 1
    if kind is Decimal:
        return Decimal(f"{number}.{number:03d}5") if number % 3 else Decimal(number * 1_000)
    raise TypeError(f"{name}: no sample of {kind}")
