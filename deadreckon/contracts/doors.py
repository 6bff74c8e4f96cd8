"""What comes in from outside: strict reading of producers' signals and operators' facts."""

import hashlib
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from deadreckon.contracts.amounts import canonical, is_sane
from deadreckon.contracts.catalogue import EVENTS, OPERATOR_EVENTS, VERSIONS
from deadreckon.contracts.codec import UndecodableError, canonical_event, decode_event
from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import OperatorMalformed
from deadreckon.contracts.moments import parse_moment
from deadreckon.contracts.signals import (
    CancelReceived,
    OrderType,
    ReplaceReceived,
    Side,
    SignalMalformed,
    SignalReceived,
    TimeInForce,
)

BATCH_MAX = 10_000  # signals in one message
TEXT_MAX = 128  # characters of an id, a strategy, an instrument
META_MAX = 32  # entries of `meta`
EVIDENCE_MAX = 512  # characters of a bad message kept in its refusal


class WireSignal(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A signal as a producer writes it; docs/producers.md shows every field with its unit."""

    id: str
    strategy: str
    at: str
    instrument: str | UnsetType = UNSET
    side: Side | UnsetType = UNSET
    quantity: Decimal | None = None
    notional: Decimal | None = None
    order_type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = "gtc"
    post_only: bool = False
    reduce_only: bool = False
    confidence: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    ttl_seconds: int | None = None
    meta: dict[str, str] = {}
    cancel: str | None = None
    replace: str | None = None


# Fields that are exact amounts: decimal text, never a JSON number (a float in most languages).
AMOUNTS = (
    "quantity",
    "notional",
    "limit_price",
    "stop_price",
    "confidence",
    "stop_loss",
    "take_profit",
)


class WireFact(Struct, forbid_unknown_fields=True):
    """An operator's fact on the wire: `data` is the body of an event of `type` in version `v`."""

    id: str
    type: str
    v: int
    data: dict[str, Any]


class _Refusal(Exception):
    """You sent something that cannot be read; carries the rule's name and the reason."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


Wish = SignalReceived | CancelReceived | ReplaceReceived | SignalMalformed

_encode = msgspec.json.Encoder(order="deterministic").encode


def body_digest(body: Any) -> str:
    """SHA-256 (hex) of a parsed JSON value in canonical form: what "same body" means."""
    return hashlib.sha256(_encode(body)).hexdigest()


def read_signals(producer: str, payload: bytes) -> list[Wish]:
    """Every wish in a producer's message, in order; what cannot be read becomes SignalMalformed."""
    try:
        content = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [_malformed(producer, {}, _Refusal("not_json", str(error)), _evidence(payload), 0)]
    if not isinstance(content, list):
        return [_read_signal(producer, content, 0)]
    if not 0 < len(content) <= BATCH_MAX:
        refusal = _Refusal("batch_size", f"{len(content)} signals; 1 to {BATCH_MAX} are taken")
        return [_malformed(producer, {}, refusal, _evidence(payload), 0)]
    return [_read_signal(producer, item, position) for position, item in enumerate(content)]


def _read_signal(producer: str, content: Any, position: int) -> Wish:
    try:
        wire = _wire_signal(content)
        claimed_at = _moment(wire.at)
        _check_texts(wire)
        digest = body_digest(content)
        if wire.cancel is not None or wire.replace is not None:
            return _change(wire, producer, digest, claimed_at)
        return _wish(wire, producer, digest, claimed_at)
    except _Refusal as refusal:
        return _malformed(producer, content, refusal, _evidence(_encode(content)), position)


def _wire_signal(content: Any) -> WireSignal:
    if not isinstance(content, dict):
        raise _Refusal("not_an_object", f"expected an object, found {type(content).__name__}")
    for name in AMOUNTS:
        if isinstance(content.get(name), (int, float)):
            raise _Refusal("wrong_type", f'{name}: amounts are text, such as "0.01"')
    try:
        return msgspec.convert(content, WireSignal, strict=True, str_keys=True)
    except (msgspec.ValidationError, ArithmeticError) as error:
        raise _Refusal(_rule_of(str(error)), str(error)) from error


def _rule_of(message: str) -> str:
    if "unknown field" in message:
        return "unknown_field"
    if "missing required field" in message:
        return "missing_field"
    return "wrong_value" if "Invalid" in message else "wrong_type"


def _moment(text: str) -> int:
    try:
        at = parse_moment(text)
    except (ValueError, OverflowError) as error:
        raise _Refusal("bad_time", str(error)) from error
    if not 0 <= at < 2**63:
        raise _Refusal("bad_time", f"{text} is outside 1970..2262")
    return at


def _check_texts(wire: WireSignal) -> None:
    for name in ("id", "strategy", "instrument", "cancel", "replace"):
        text = getattr(wire, name)
        if isinstance(text, str) and not (0 < len(text) <= TEXT_MAX and text.isprintable()):
            raise _Refusal("bad_text", f"{name}: 1 to {TEXT_MAX} printable characters")
    if len(wire.meta) > META_MAX or any(
        len(text) > TEXT_MAX for item in wire.meta.items() for text in item
    ):
        raise _Refusal("bad_text", f"meta: at most {META_MAX} texts of {TEXT_MAX} characters")


def _positive(wire: WireSignal, name: str) -> Decimal | None:
    amount: Decimal | None = getattr(wire, name)
    if amount is None:
        return None
    if not is_sane(amount) or amount <= 0:
        raise _Refusal("bad_number", f"{name}: expected a positive amount, found {amount}")
    return canonical(amount)


def _wish(wire: WireSignal, producer: str, digest: str, claimed_at: int) -> SignalReceived:
    if isinstance(wire.instrument, UnsetType) or isinstance(wire.side, UnsetType):
        raise _Refusal("missing_field", "a signal needs instrument and side")
    if (wire.quantity is None) == (wire.notional is None):
        raise _Refusal("one_size", "exactly one of quantity and notional must be given")
    if wire.confidence is not None and not (is_sane(wire.confidence) and 0 <= wire.confidence <= 1):
        raise _Refusal("bad_number", f"confidence: expected 0 to 1, found {wire.confidence}")
    if wire.ttl_seconds is not None and not 0 < wire.ttl_seconds <= 31_536_000:
        raise _Refusal("bad_number", f"ttl_seconds: expected 1 to a year, found {wire.ttl_seconds}")
    _check_prices(wire)
    return SignalReceived(
        signal_id=wire.id,
        producer=producer,
        body=digest,
        claimed_at=claimed_at,
        strategy=wire.strategy,
        instrument=wire.instrument,
        side=wire.side,
        quantity=_positive(wire, "quantity"),
        notional=_positive(wire, "notional"),
        order_type=wire.order_type,
        limit_price=_positive(wire, "limit_price"),
        stop_price=_positive(wire, "stop_price"),
        time_in_force=wire.time_in_force,
        post_only=wire.post_only,
        reduce_only=wire.reduce_only,
        confidence=None if wire.confidence is None else canonical(wire.confidence),
        stop_loss=_positive(wire, "stop_loss"),
        take_profit=_positive(wire, "take_profit"),
        ttl_seconds=wire.ttl_seconds,
        meta=wire.meta,
    )


def _check_prices(wire: WireSignal) -> None:
    needs_limit = wire.order_type in ("limit", "stop_limit")
    needs_stop = wire.order_type in ("stop", "stop_limit")
    if needs_limit != (wire.limit_price is not None):
        raise _Refusal("order_shape", f"{wire.order_type}: limit_price missing or not its own")
    if needs_stop != (wire.stop_price is not None):
        raise _Refusal("order_shape", f"{wire.order_type}: stop_price missing or not its own")
    if wire.post_only and (wire.order_type != "limit" or wire.time_in_force != "gtc"):
        raise _Refusal("order_shape", "post_only is for gtc limit orders")


def _change(
    wire: WireSignal, producer: str, digest: str, claimed_at: int
) -> CancelReceived | ReplaceReceived:
    if wire.cancel is not None and wire.replace is not None:
        raise _Refusal("order_shape", "cancel and replace exclude each other")
    if wire.cancel is not None:
        return CancelReceived(wire.id, producer, digest, claimed_at, wire.strategy, wire.cancel)
    assert wire.replace is not None
    if wire.quantity is None and wire.limit_price is None and wire.stop_price is None:
        raise _Refusal("order_shape", "replace changes quantity, limit_price or stop_price")
    return ReplaceReceived(
        signal_id=wire.id,
        producer=producer,
        body=digest,
        claimed_at=claimed_at,
        strategy=wire.strategy,
        target=wire.replace,
        quantity=_positive(wire, "quantity"),
        limit_price=_positive(wire, "limit_price"),
        stop_price=_positive(wire, "stop_price"),
    )


def _evidence(payload: bytes) -> str:
    return payload[:EVIDENCE_MAX].decode("utf-8", "backslashreplace")[:EVIDENCE_MAX]


def _malformed(
    producer: str, content: Any, refusal: _Refusal, evidence: str, position: int
) -> SignalMalformed:
    fields = content if isinstance(content, dict) else {}

    def text(name: str) -> str:
        value = fields.get(name)
        return value[:TEXT_MAX] if isinstance(value, str) else ""

    return SignalMalformed(
        signal_id=text("id"),
        producer=producer,
        strategy=text("strategy"),
        instrument=text("instrument"),
        rule=refusal.rule,
        reason=refusal.reason[:EVIDENCE_MAX],
        evidence=evidence,
        position=position,
    )


def read_fact(door: str, payload: bytes) -> tuple[str, str, Event]:
    """(id, body digest, event) of an operator's message; OperatorMalformed when it cannot be read.

    Unknown fields, types that operators may not write, and insane amounts are all refused.
    """
    try:
        wire = msgspec.json.decode(payload, type=WireFact)
        _check_fact(wire)
        event = decode_event(wire.type, wire.v, msgspec.json.encode(wire.data))
        _check_amounts(event)
        return wire.id, body_digest(msgspec.to_builtins(wire)), canonical_event(event)
    except _Refusal as refusal:
        return _bad_fact(door, payload, refusal.rule, refusal.reason)
    except UndecodableError as error:
        return _bad_fact(door, payload, "wrong_body", str(error))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _bad_fact(door, payload, "not_a_fact", str(error))


def _bad_fact(door: str, payload: bytes, rule: str, reason: str) -> tuple[str, str, Event]:
    digest = hashlib.sha256(payload).hexdigest()
    return (
        digest,
        digest,
        OperatorMalformed(door, rule, reason[:EVIDENCE_MAX], _evidence(payload)),
    )


def _check_fact(wire: WireFact) -> None:
    if not 0 < len(wire.id) <= TEXT_MAX:
        raise _Refusal("bad_text", f"id: 1 to {TEXT_MAX} characters")
    if wire.type not in OPERATOR_EVENTS:
        raise _Refusal("not_allowed", f"{wire.type} is not for operators to say")
    if wire.v == VERSIONS[wire.type]:
        if any(isinstance(value, float) for value in wire.data.values()):
            raise _Refusal("wrong_type", 'amounts are text, such as "0.01"')
        unknown = sorted(set(wire.data) - set(EVENTS[wire.type].__struct_fields__))
        if unknown:
            raise _Refusal("unknown_field", f"{wire.type} has no field {', '.join(unknown)}")


# Amounts that may be negative or zero; every other one an operator sends must be positive.
SIGNED = frozenset({"maker_fee_rate", "rate"})
NON_NEGATIVE = frozenset(
    {"taker_fee_rate", "slippage_bps", "minimum_quantity", "minimum_notional", "limits"}
)


def _check_amounts(event: Event) -> None:
    for name in event.__struct_fields__:
        value = getattr(event, name)
        amounts = value.values() if isinstance(value, dict) else [value]
        for amount in amounts:
            if isinstance(amount, Decimal):
                _check_amount(type(event).__name__, name, amount)
            elif type(amount) is int and amount < 0:
                raise _Refusal("bad_number", f"{name}: expected 0 or more, found {amount}")


def _check_amount(owner: str, name: str, amount: Decimal) -> None:
    if not is_sane(amount):
        raise _Refusal("bad_number", f"{name}: {amount} is not a sane amount")
    if owner == "FeeCharged" or name in SIGNED:
        return
    zero_allowed = owner == "LimitsSet" or name in NON_NEGATIVE
    if amount < 0 or (amount == 0 and not zero_allowed):
        raise _Refusal("bad_number", f"{name}: expected a positive amount, found {amount}")


def write_fact(fact_id: str, name: str, event: Event) -> bytes:
    """The bytes an operator publishes to say `event`; `fact_id` makes a resend harmless."""
    body = msgspec.to_builtins(canonical_event(event))
    return _encode(WireFact(id=fact_id, type=name, v=VERSIONS[name], data=body))
