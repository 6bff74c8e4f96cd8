"""Producers' messages: strict parsing of signals, cancels and replaces, one or many each."""

from typing import Any

import msgspec
from msgspec import UnsetType

from deadreckon.contracts.amounts import canonical, is_sane
from deadreckon.contracts.parsing import (
    TEXT_MAX,
    WireError,
    body_digest,
    check_amount_text,
    evidence,
    evidence_of,
    is_name,
    parse,
    positive,
)
from deadreckon.contracts.signals import (
    CancelReceived,
    ReplaceReceived,
    SignalMalformed,
    SignalReceived,
)
from deadreckon.contracts.timestamps import parse_timestamp
from deadreckon.contracts.wire_signal import (
    AMOUNTS,
    BATCH_MAX,
    CANCEL_FIELDS,
    META_MAX,
    REPLACE_FIELDS,
    TTL_MAX,
    WireSignal,
)

InboundSignal = SignalReceived | CancelReceived | ReplaceReceived | SignalMalformed

_EMPTY = WireSignal("", "")


def read_signals(producer: str, payload: bytes) -> list[InboundSignal]:
    """Parse every signal of a producer's message, in order; a malformed one: SignalMalformed."""
    try:
        content = parse(payload)
        if not isinstance(content, list):
            return [_read_signal(producer, content, 0)]
        if not 0 < len(content) <= BATCH_MAX:
            raise WireError("batch_size", f"{len(content)} signals; 1 to {BATCH_MAX} are taken")
    except WireError as refusal:
        return [_malformed(producer, {}, refusal, evidence(payload), 0)]
    return [_read_signal(producer, item, position) for position, item in enumerate(content)]


def _read_signal(producer: str, content: Any, position: int) -> InboundSignal:
    try:
        wire = _wire_signal(content)
        claimed_at = None if isinstance(wire.at, UnsetType) else _moment(wire.at)
        _check_texts(wire)
        digest = body_digest(content)
        if wire.cancel is not None:
            return _cancel(wire, producer, digest, claimed_at)
        if wire.replace is not None:
            return _replace(wire, producer, digest, claimed_at)
        return _signal(wire, producer, digest, claimed_at)
    except WireError as refusal:
        return _malformed(producer, content, refusal, evidence_of(content), position)


def _wire_signal(content: Any) -> WireSignal:
    if not isinstance(content, dict):
        raise WireError("not_an_object", f"expected an object, found {type(content).__name__}")
    for name in AMOUNTS:
        check_amount_text(name, content.get(name))
    try:
        return msgspec.convert(content, WireSignal, strict=True, str_keys=True)
    except (msgspec.ValidationError, ArithmeticError) as error:
        raise WireError(_rule_of(str(error)), str(error)) from error


def _rule_of(message: str) -> str:
    if "unknown field" in message:
        return "unknown_field"
    if "missing required field" in message:
        return "missing_field"
    return "wrong_value" if "Invalid" in message else "wrong_type"


def _moment(text: str) -> int:
    try:
        at = parse_timestamp(text)
    except (ValueError, OverflowError) as error:
        raise WireError("bad_time", str(error)) from error
    if not 0 <= at < 2**63:
        raise WireError("bad_time", f"{text} is outside 1970..2262")
    return at


def _check_texts(wire: WireSignal) -> None:
    for name in ("id", "strategy", "instrument", "cancel", "replace"):
        text = getattr(wire, name)
        if isinstance(text, str) and not is_name(text):
            raise WireError("bad_text", f"{name}: 1 to {TEXT_MAX} printable characters")
    if len(wire.meta) > META_MAX or any(
        len(text) > TEXT_MAX for item in wire.meta.items() for text in item
    ):
        raise WireError("bad_text", f"meta: at most {META_MAX} texts of {TEXT_MAX} characters")


def _signal(wire: WireSignal, producer: str, digest: str, claimed_at: int | None) -> SignalReceived:
    if isinstance(wire.instrument, UnsetType) or isinstance(wire.side, UnsetType):
        raise WireError("missing_field", "a signal needs instrument and side")
    if (wire.quantity is None) == (wire.notional is None):
        raise WireError("one_size", "exactly one of quantity and notional must be given")
    if wire.confidence is not None and not (is_sane(wire.confidence) and 0 <= wire.confidence <= 1):
        raise WireError("bad_number", f"confidence: expected 0 to 1, found {wire.confidence}")
    if wire.ttl_seconds is not None and not 0 < wire.ttl_seconds <= TTL_MAX:
        raise WireError("bad_number", f"ttl_seconds: 1 to {TTL_MAX}, found {wire.ttl_seconds}")
    _check_prices(wire)
    return SignalReceived(
        signal_id=wire.id,
        producer=producer,
        body=digest,
        claimed_at=claimed_at,
        strategy=wire.strategy,
        instrument=wire.instrument,
        side=wire.side,
        quantity=positive("quantity", wire.quantity),
        notional=positive("notional", wire.notional),
        order_type=wire.order_type,
        limit_price=positive("limit_price", wire.limit_price),
        stop_price=positive("stop_price", wire.stop_price),
        time_in_force=wire.time_in_force,
        post_only=wire.post_only,
        reduce_only=wire.reduce_only,
        confidence=None if wire.confidence is None else canonical(wire.confidence),
        stop_loss=positive("stop_loss", wire.stop_loss),
        take_profit=positive("take_profit", wire.take_profit),
        ttl_seconds=wire.ttl_seconds,
        meta=wire.meta,
    )


def _check_prices(wire: WireSignal) -> None:
    needs_limit = wire.order_type in ("limit", "stop_limit")
    needs_stop = wire.order_type in ("stop", "stop_limit")
    if needs_limit != (wire.limit_price is not None):
        raise WireError("order_shape", f"{wire.order_type}: limit_price missing or not its own")
    if needs_stop != (wire.stop_price is not None):
        raise WireError("order_shape", f"{wire.order_type}: stop_price missing or not its own")
    if wire.post_only and (wire.order_type != "limit" or wire.time_in_force != "gtc"):
        raise WireError("order_shape", "post_only is for gtc limit orders")


def _cancel(wire: WireSignal, producer: str, digest: str, claimed_at: int | None) -> CancelReceived:
    assert wire.cancel is not None
    _check_nothing_else(wire, "cancel", CANCEL_FIELDS)
    return CancelReceived(wire.id, producer, digest, claimed_at, wire.strategy, wire.cancel)


def _replace(
    wire: WireSignal, producer: str, digest: str, claimed_at: int | None
) -> ReplaceReceived:
    assert wire.replace is not None
    _check_nothing_else(wire, "replace", REPLACE_FIELDS)
    if wire.quantity is None and wire.limit_price is None and wire.stop_price is None:
        raise WireError("order_shape", "replace changes quantity, limit_price or stop_price")
    return ReplaceReceived(
        signal_id=wire.id,
        producer=producer,
        body=digest,
        claimed_at=claimed_at,
        strategy=wire.strategy,
        target=wire.replace,
        quantity=positive("quantity", wire.quantity),
        limit_price=positive("limit_price", wire.limit_price),
        stop_price=positive("stop_price", wire.stop_price),
    )


def _check_nothing_else(wire: WireSignal, kind: str, taken: tuple[str, ...]) -> None:
    for name in WireSignal.__struct_fields__:
        if name not in taken and getattr(wire, name) != getattr(_EMPTY, name):
            raise WireError("order_shape", f"{kind} takes {', '.join(taken)}; not {name}")


def _malformed(
    producer: str, content: Any, refusal: WireError, sent: str, position: int
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
        reason=refusal.reason,
        evidence=sent,
        position=position,
    )
