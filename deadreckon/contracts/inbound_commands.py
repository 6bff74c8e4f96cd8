"""Operators' messages: strict parsing of the events that operators may publish."""

import hashlib
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from deadreckon.contracts.amounts import SCALE_MAX, decimals, is_sane
from deadreckon.contracts.catalogue import EVENTS, OPERATOR_EVENTS, VERSIONS
from deadreckon.contracts.codec import UndecodableError, canonical_event, decode_event, plain_body
from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import OperatorMalformed
from deadreckon.contracts.history import RETIRED
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import MarkUpdated
from deadreckon.contracts.parsing import (
    EVIDENCE_MAX,
    TEXT_MAX,
    WireError,
    body_digest,
    check_amount_text,
    evidence,
    is_name,
    parse,
)
from deadreckon.contracts.units import described

# Every rule by which an operator's message is refused, with what to correct.
FACT_RULES = {
    "not_json": "the message is no JSON in UTF-8",
    "too_deep": "arrays and objects are nested deeper than 16",
    "duplicate_field": "an object names a field more than once",
    "not_a_fact": "the message is not {id, type, v, data}",
    "bad_text": (
        f"`id` is empty, longer than {TEXT_MAX} characters or not printable, `actor` or `reason` is"
        f" empty, or a text is longer than {EVIDENCE_MAX}"
    ),
    "not_allowed": "operators may not say events of this type",
    "unknown_field": "the type has no such field",
    "wrong_type": "an amount is a JSON number; amounts are text",
    "wrong_body": "the data does not fit the type, or the version is unknown",
    "bad_number": "an amount is no decimal number, has the wrong sign, or is too large or too fine",
    "id_reused": "the fact's id was used for another body",
}

INTEGER_MAX = 2**63 - 1  # what readers in SQL can hold
ENTRIES_MAX = 2_000  # names and values of an object, or items of an array


class WireFact(Struct, forbid_unknown_fields=True):
    """An operator's fact on the wire: an event's body, with an id that makes a resend harmless."""

    id: Annotated[
        str, described("the operator's own id; the same id with the same fact is the same fact")
    ]
    type: Annotated[str, described("name of the event, such as governance.halt_requested")]
    v: Annotated[int, described("version of the event's shape")]
    data: Annotated[dict[str, Any], described("the fields of the event")]


_encode = msgspec.json.Encoder(order="deterministic").encode


def read_fact(door: str, payload: bytes) -> tuple[str, str, Event]:
    """Parse an operator's message into (id, body digest, event), or an OperatorMalformed.

    Unknown fields, types that operators may not write, and insane amounts are all refused.
    """
    try:
        content = parse(payload)
        wire = _wire_fact(content)
        event = decode_event(wire.type, wire.v, msgspec.json.encode(wire.data))
        _check_numbers(event)
        return wire.id, body_digest(content), canonical_event(event)
    except WireError as refusal:
        return _bad_fact(door, payload, refusal.rule, refusal.reason)
    except UndecodableError as error:
        return _bad_fact(door, payload, "wrong_body", str(error))


def _bad_fact(door: str, payload: bytes, rule: str, reason: str) -> tuple[str, str, Event]:
    digest = hashlib.sha256(payload).hexdigest()
    malformed = OperatorMalformed(door, rule, reason[:EVIDENCE_MAX], evidence(payload))
    return digest, digest, malformed


def _wire_fact(content: Any) -> WireFact:
    try:
        wire = msgspec.convert(content, WireFact, strict=True)
    except msgspec.ValidationError as error:
        raise WireError("not_a_fact", str(error)) from error
    if not is_name(wire.id):
        raise WireError("bad_text", f"id: 1 to {TEXT_MAX} printable characters")
    if wire.type not in OPERATOR_EVENTS:
        raise WireError("not_allowed", f"{wire.type} is not for operators to say")
    shape = EVENTS[wire.type] if wire.v == VERSIONS[wire.type] else RETIRED.get((wire.type, wire.v))
    if shape is not None:
        _check_body(wire, shape)
    return wire


def _check_body(wire: WireFact, shape: type[Struct]) -> None:
    unknown = sorted(set(wire.data) - set(shape.__struct_fields__))
    if unknown:
        raise WireError("unknown_field", f"{wire.type} has no field {', '.join(unknown)}")
    for name in _amounts(shape):
        value = wire.data.get(name)
        for item in value.values() if isinstance(value, dict) else [value]:
            check_amount_text(name, item)


@cache
def _amounts(shape: type[Struct]) -> tuple[str, ...]:
    """List the fields of a shape that hold amounts, as a value or in a dict."""
    hints = get_type_hints(shape)
    return tuple(name for name in shape.__struct_fields__ if _holds_decimal(hints[name]))


def _holds_decimal(kind: Any) -> bool:
    return kind is Decimal or any(_holds_decimal(part) for part in get_args(kind))


# Amounts that may be negative, by event and field; no other amount may.
SIGNED = {
    ("FeeCharged", "amount"),
    ("FundingRatePublished", "rate"),
    ("LimitsSet", "sharpe_min"),
    ("VenueConfigured", "maker_fee_rate"),
}
# Amounts that may be 0, as every limit may; no other amount may.
ZERO_ALLOWED = {
    ("InstrumentListed", "minimum_notional"),
    ("InstrumentListed", "minimum_quantity"),
    ("VenueConfigured", "participation"),
    ("VenueConfigured", "slippage_bps"),
    ("VenueConfigured", "taker_fee_rate"),
}
# Fractions of one: writing 20 for 20 % would switch the limit off.
SHARES = {
    ("LimitsSet", "confidence_min"),
    ("LimitsSet", "drawdown_max"),
    ("LimitsSet", "venue_errors_max"),
    ("LimitsSet", "win_rate_min"),
    ("VenueConfigured", "participation"),
}
# Events that a program may publish without saying who and why.
UNSIGNED = (MarkUpdated,)
# Numbers of samples: a rule over no samples could never trip.
SAMPLES = {
    ("LimitsSet", "performance_window"),
    ("LimitsSet", "slippage_samples"),
    ("LimitsSet", "venue_errors_samples"),
}


def _check_numbers(event: Event) -> None:
    owner = type(event).__name__
    for name in event.__struct_fields__:
        value = getattr(event, name)
        for number in value.values() if isinstance(value, dict) else [value]:
            if isinstance(number, Decimal):
                _check_amount(owner, name, number)
            elif type(number) is int:
                _check_integer(owner, name, number)
    for name in event.__struct_fields__:
        _check_texts(name, getattr(event, name))
    signature = {name: getattr(event, name, "unnamed").strip() for name in ("actor", "reason")}
    if any(signature.values()) or not isinstance(event, UNSIGNED):
        for name, value in signature.items():
            if not value:
                raise WireError("bad_text", f"{name}: who does this, and why, must not be empty")
    if isinstance(event, InstrumentListed):
        _check_scale(event)


def _check_texts(name: str, value: Any) -> None:
    """Limit the length and number of texts, because every answer to the operator repeats them."""
    items = [*value, *value.values()] if isinstance(value, dict) else value
    texts = items if isinstance(items, list | tuple) else [items]
    if any(isinstance(text, str) and len(text) > EVIDENCE_MAX for text in texts):
        raise WireError("bad_text", f"{name}: at most {EVIDENCE_MAX} characters")
    if len(texts) > ENTRIES_MAX:
        raise WireError("bad_text", f"{name}: at most {ENTRIES_MAX} entries, found {len(texts)}")


def _check_scale(listing: InstrumentListed) -> None:
    """Check that price x quantity x contract size needs at most SCALE_MAX decimals."""
    fineness = sum(map(decimals, (listing.tick_size, listing.lot_size, listing.contract_size)))
    if fineness > SCALE_MAX:
        raise WireError(
            "bad_number",
            f"tick_size, lot_size and contract_size: {fineness} decimals together, "
            f"at most {SCALE_MAX}",
        )


def _check_integer(owner: str, name: str, number: int) -> None:
    least = 1 if (owner, name) in SAMPLES else 0
    if not least <= number <= INTEGER_MAX:
        raise WireError("bad_number", f"{name}: expected at least {least}, found {number}")


def _check_amount(owner: str, name: str, amount: Decimal) -> None:
    if not is_sane(amount):
        raise WireError("bad_number", f"{name}: {amount} is not a sane amount")
    field = (owner, name)
    if field in SHARES and amount > 1:
        raise WireError("bad_number", f"{name}: expected a share of at most 1, found {amount}")
    if field in SIGNED:
        return
    zero_allowed = owner == "LimitsSet" or field in ZERO_ALLOWED
    if amount < 0 or (amount == 0 and not zero_allowed):
        raise WireError("bad_number", f"{name}: expected a positive amount, found {amount}")


def write_fact(fact_id: str, name: str, event: Event) -> bytes:
    """Encode the message that publishes `event`; `fact_id` makes a resend harmless."""
    return _encode(WireFact(id=fact_id, type=name, v=VERSIONS[name], data=plain_body(event)))
