"""Wishes from producers: each is raised once, and refused by name when its time or id is wrong."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct, structs

from deadreckon.contracts.amounts import from_units
from deadreckon.contracts.dedup import AHEAD_MAX, HORIZON, RecentKeys, seen_before
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded
from deadreckon.contracts.signals import (
    CancelRaised,
    CancelReceived,
    ReplaceRaised,
    ReplaceReceived,
    SignalMalformed,
    SignalRaised,
    SignalReceived,
    SignalRefused,
)
from deadreckon.contracts.timestamps import format_timestamp

ProducerSignal = SignalReceived | CancelReceived | ReplaceReceived


class SeenSignals(Struct):
    """Which ids producers have used, with the digests of their bodies.

    `latest` says how the wish that was heard last relates to those before it.
    """

    bodies: RecentKeys
    latest: Literal["first", "again", "other_body"] = "first"


def mark_seen(heard: SeenSignals, record: Recorded[ProducerSignal]) -> None:
    """Remember a wish by its producer and id, with the digest of its content."""
    wish = record.event
    key = f"{wish.producer} {wish.signal_id}"  # no blank can stand in a producer's name
    body = seen_before(heard.bodies, key, wish.body, record.at)
    heard.latest = "first" if body is None else "again" if body == wish.body else "other_body"


def answer(heard: SeenSignals, record: Recorded[ProducerSignal]) -> Sequence[Event]:
    """A wish raised for risk to weigh; silence for one heard before; or its refusal."""
    if record.at <= 0:
        return [_refuse(record.event, "no_clock", "the log has no market or clock event yet")]
    if heard.latest == "again":
        return []
    if heard.latest == "other_body":
        return [_refuse(record.event, "id_reused", "this id was used before with another content")]
    ahead = record.event.claimed_at - record.at
    if -ahead > HORIZON:
        return [_refuse_time(record, "too_old", HORIZON, -ahead)]
    if ahead > AHEAD_MAX:
        return [_refuse_time(record, "from_the_future", AHEAD_MAX, ahead)]
    return [_raise(record.event)]


def _raise(wish: ProducerSignal) -> Event:
    if isinstance(wish, CancelReceived):
        return CancelRaised(wish.signal_id, wish.producer, wish.strategy, wish.target)
    if isinstance(wish, ReplaceReceived):
        return ReplaceRaised(**_shared(wish, ReplaceRaised))
    expires_at = None
    if wish.ttl_seconds is not None:
        expires_at = wish.claimed_at + wish.ttl_seconds * NANOSECONDS
    return SignalRaised(**_shared(wish, SignalRaised), expires_at=expires_at)


def _shared(wish: ProducerSignal, shape: type[Event]) -> dict[str, Any]:
    """The fields that a wish and what it is raised as have in common."""
    fields = structs.asdict(wish)
    return {name: fields[name] for name in shape.__struct_fields__ if name in fields}


def refuse_malformed(wish: SignalMalformed) -> SignalRefused:
    """The refusal of what came through the door and is no signal; every time it comes."""
    return _refuse(wish, wish.rule, wish.reason, evidence=wish.evidence)


def _refuse_time(
    record: Recorded[ProducerSignal], rule: str, limit: int, measured: int
) -> SignalRefused:
    claimed, clock = format_timestamp(record.event.claimed_at), format_timestamp(record.at)
    reason = (
        f"claimed for {claimed} while the log's clock stands at {clock}; the log's time is the"
        " market's, so producers on a tape must send the tape's time"
    )
    seconds = from_units(limit, 9), from_units(measured, 9)
    return _refuse(record.event, rule, reason, *seconds)


def _refuse(
    wish: ProducerSignal | SignalMalformed,
    rule: str,
    reason: str,
    limit: Decimal | None = None,
    measured: Decimal | None = None,
    evidence: str = "",
) -> SignalRefused:
    return SignalRefused(
        signal_id=wish.signal_id,
        producer=wish.producer,
        strategy=wish.strategy,
        instrument=getattr(wish, "instrument", ""),
        rule=rule,
        limit=limit,
        measured=measured,
        limit_set_by=None,
        reason=reason,
        evidence=evidence,
    )
