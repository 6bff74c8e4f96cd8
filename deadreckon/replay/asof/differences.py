"""Differences between two documents of a book, value by value."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts.amounts import EXACT, text
from deadreckon.replay.asof.document import BookDocument, DifferenceDocument

NAMES = ("order_id", "id", "model_id")
PARTS = ("strategy", "instrument")


def differences(then: BookDocument, now: BookDocument) -> list[DifferenceDocument]:
    """List the values that differ, by path; list entries are matched by name, or else by index."""
    return list(_differences("", msgspec.to_builtins(then), msgspec.to_builtins(now)))


def _differences(path: str, then: Any, now: Any) -> Iterator[DifferenceDocument]:
    if then == now or path == "digest":
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for name in [*then, *(name for name in now if name not in then)]:
            inner = f"{path}.{name}" if path else name
            yield from _differences(inner, then.get(name), now.get(name))
    elif isinstance(then, list) and isinstance(now, list):
        yield from _differences(path, _by_name(then), _by_name(now))
    else:
        yield DifferenceDocument(path, then, now, _difference(then, now))


def _by_name(entries: list[Any]) -> dict[str, Any]:
    return {_name(entry, number): entry for number, entry in enumerate(entries)}


def _name(entry: Any, number: int) -> str:
    if not isinstance(entry, dict):
        return str(number)
    named = [entry[key] for key in NAMES if key in entry]
    if named:
        return str(named[0])
    parts = [entry[key] for key in PARTS if key in entry]
    return "/".join(map(str, parts)) or str(number)


def _difference(then: Any, now: Any) -> str | None:
    """Return now - then of two amounts as text; None for other values."""
    try:
        return text(EXACT.subtract(Decimal(now), Decimal(then)))
    except (ArithmeticError, TypeError, ValueError):
        return None
