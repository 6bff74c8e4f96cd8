"""Parsing of input: JSON read within bounds, amounts as text, refusals that name a rule."""

import hashlib
import json
import re
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts.amounts import canonical, is_sane

TEXT_MAX = 128  # characters of an id, a strategy, an instrument
EVIDENCE_MAX = 512  # characters of a bad message kept in its refusal
# A batch of signals with `meta` is 3 deep. The bound is explicit, because a parser's own depends
# on how deep the call stack is: equal bytes would be refused here and read there.
DEPTH_MAX = 16

_AMOUNT = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")

_encode = msgspec.json.Encoder(order="deterministic").encode


class WireError(ValueError):
    """Input that cannot be parsed; carries the rule's name and the reason."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason[:EVIDENCE_MAX]


def parse(payload: bytes) -> Any:
    """Parse a message as JSON; raises WireError (not_json, too_deep, duplicate_field).

    An object that names a field twice is refused: parsers disagree which of the two counts, and
    the sender meant one of them.
    """
    if _depth(payload) > DEPTH_MAX:
        raise WireError("too_deep", f"nested deeper than {DEPTH_MAX}")
    try:
        content = msgspec.json.decode(payload)
        json.loads(payload, object_pairs_hook=_refuse_duplicates, parse_int=str, parse_float=str)
    except (msgspec.DecodeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WireError("not_json", str(error)) from error
    return content


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise WireError("duplicate_field", f"{twice[:TEXT_MAX]}: named more than once")


def _depth(payload: bytes) -> int:
    """Return the nesting depth of a JSON text, or an upper bound that is at most DEPTH_MAX; of a
    deeper one no more than that it is.

    For bytes that are not JSON it is at least the depth that a parser would reach.
    """
    opened = payload.count(b"[") + payload.count(b"{")
    if opened <= DEPTH_MAX:
        return opened
    depth = deepest = 0
    for bracket in _STRING.sub(b"", payload).translate(None, _NO_BRACKET):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
        if depth > DEPTH_MAX:
            break  # a mebibyte of brackets need not be counted
    return deepest


def body_digest(body: Any) -> str:
    """Return the SHA-256 (hex) of a parsed JSON value in canonical form.

    Two messages have the same body when their digests are equal.
    """
    return hashlib.sha256(_encode(body)).hexdigest()


def evidence(payload: bytes) -> str:
    """Return the beginning of a message as printable text of at most EVIDENCE_MAX characters."""
    return payload[:EVIDENCE_MAX].decode("utf-8", "backslashreplace")[:EVIDENCE_MAX]


def evidence_of(content: Any) -> str:
    """Return the beginning of a parsed JSON value, as text."""
    return evidence(_encode(content))


def is_name(text: str) -> bool:
    """Return True when a text is a valid name: 1 to TEXT_MAX printable characters."""
    return 0 < len(text) <= TEXT_MAX and text.isprintable()


def check_amount_text(name: str, value: Any) -> None:
    """Raise WireError when an amount is not decimal text: JSON numbers are mostly floats."""
    if isinstance(value, (int, float)):
        raise WireError("wrong_type", f'{name}: amounts are text, such as "0.01", found {value}')
    if isinstance(value, str) and not _AMOUNT.fullmatch(value):
        raise WireError("bad_number", f'{name}: expected text such as "0.01", found {value[:40]!r}')


def positive(name: str, amount: Decimal | None) -> Decimal | None:
    """Return the canonical amount, or None without one; raises WireError unless sane and > 0."""
    if amount is None:
        return None
    if not is_sane(amount) or amount <= 0:
        raise WireError("bad_number", f"{name}: expected a positive amount, found {amount}")
    return canonical(amount)
