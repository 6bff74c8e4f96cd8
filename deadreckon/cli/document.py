"""The JSON object of a verb: what it found, and how it ended, printed once that is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from msgspec import Raw, Struct, json, to_builtins

from deadreckon.contracts.outcomes import VerbError, VerbOutcome


class Found(Struct):
    """Document of the verb that runs, and the sequence that it speaks of."""

    document: Any = None
    sequence: int | None = None


_found: ContextVar[Found | None] = ContextVar("found", default=None)


@contextmanager
def collected() -> Iterator[Found]:
    """Keep the document of the verb that the block calls, to be printed when the verb ends."""
    found = Found()
    token = _found.set(found)
    try:
        yield found
    finally:
        _found.reset(token)


def print_document(document: Any, sequence: int | None = None) -> None:
    """Print a document when its verb ends; at once when no verb was called."""
    found = _found.get()
    if found is None:
        _print(document)
    else:
        found.document, found.sequence = document, sequence


def print_now(document: Any, verb: str) -> None:
    """Print the document of a verb that goes on."""
    _print(completed(document, verb))


def print_outcome(found: Found, verb: str, error: VerbError | None = None) -> None:
    """Print what a verb found, with how it ended; a list stays as it is unless the verb failed."""
    if isinstance(found.document, list):
        if error is None:
            _print(found.document)
            return
        found.document = None
    if found.document is not None or error is not None:
        _print(completed(found.document or {}, verb, found.sequence, error))


def completed(
    document: Any, verb: str, sequence: int | None = None, error: VerbError | None = None
) -> dict[str, Any]:
    """Return a document with the keys of every verb behind its own, which stay as they are."""
    own: dict[str, Any] = _builtins(document)
    if sequence is None:
        sequence = own.get("last_sequence") or None
    outcome: dict[str, Any] = _builtins(VerbOutcome(verb, error is None, sequence, error))
    return own | outcome | own


def _builtins(document: Any) -> Any:
    return to_builtins(document, builtin_types=(Raw,))


def _print(document: Any) -> None:
    print(json.encode(_builtins(document)).decode(), flush=True)
