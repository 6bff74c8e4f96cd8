"""Signals from producers: each is raised once, or refused by rule when its time or id is wrong."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from deadreckon.contracts.amounts import from_units
from deadreckon.contracts.dedup import (
    AHEAD_MAX,
    HORIZON,
    RecentKeys,
    find,
    forget,
    remember,
    seen_before,
)
from deadreckon.contracts.event import NANOSECONDS, Event, Recorded, carried
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
from deadreckon.contracts.timestamps import DAY, format_timestamp

ProducerSignal = SignalReceived | CancelReceived | ReplaceReceived


class SeenSignals(Struct):
    """Ids that producers have used, with the digests of their bodies.

    `latest` says how the newest signal relates to those before it, `answered` how many answers a
    signal of the same content was given today: its question has the same id.
    """

    bodies: RecentKeys[str]
    latest: Literal["first", "again", "other_body"] = "first"
    answered: int = 0
    refusals: RecentKeys[int] = field(default_factory=RecentKeys)


def mark_seen(seen: SeenSignals, record: Recorded[ProducerSignal]) -> None:
    """Remember a signal by its producer and id, with the digest of its content."""
    signal = record.event
    key = f"{signal.producer} {signal.signal_id}"  # a producer's name has no blank
    body = seen_before(seen.bodies, key, signal.body, record.at)
    seen.latest = "first" if body is None else "again" if body == signal.body else "other_body"
    seen.answered = find(seen.refusals, record.id) or 0
    if seen.latest == "other_body" or record.at <= 0:  # these are refused each time
        forget(seen.refusals, record.at // DAY)  # tomorrow the question has another id
        remember(seen.refusals, record.id, seen.answered + 1, record.at)


def answer(seen: SeenSignals, record: Recorded[ProducerSignal]) -> Sequence[Event]:
    """Raise a signal for risk to check, refuse it, or return nothing for one seen before."""
    if record.at <= 0:
        return [_refuse(record.event, "no_clock", "the log has no market or clock event yet")]
    if seen.latest == "again":
        return []
    if seen.latest == "other_body":
        return [_refuse(record.event, "id_reused", "this id was used before with another content")]
    ahead = _claimed_at(record) - record.at
    if -ahead > HORIZON:
        return [_refuse_time(record, "too_old", HORIZON, -ahead)]
    if ahead > AHEAD_MAX:
        return [_refuse_time(record, "from_the_future", AHEAD_MAX, ahead)]
    return [_raise(record)]


def _claimed_at(record: Recorded[ProducerSignal]) -> int:
    """Return the producer's own time; the log's, where it gave none."""
    claimed_at = record.event.claimed_at
    return record.at if claimed_at is None else claimed_at


def _raise(record: Recorded[ProducerSignal]) -> Event:
    signal = record.event
    if isinstance(signal, CancelReceived):
        return CancelRaised(signal.signal_id, signal.producer, signal.strategy, signal.target)
    if isinstance(signal, ReplaceReceived):
        return carried(ReplaceRaised, signal)
    expires_at = None
    if signal.ttl_seconds is not None:
        expires_at = _claimed_at(record) + signal.ttl_seconds * NANOSECONDS
    return carried(SignalRaised, signal, claimed_at=_claimed_at(record), expires_at=expires_at)


def refuse_malformed(signal: SignalMalformed) -> SignalRefused:
    """Refuse a message that is not a signal, every time it comes."""
    return _refuse(signal, signal.rule, signal.reason, evidence=signal.evidence)


def _refuse_time(
    record: Recorded[ProducerSignal], rule: str, limit: int, measured: int
) -> SignalRefused:
    claimed, clock = format_timestamp(_claimed_at(record)), format_timestamp(record.at)
    reason = (
        f"claimed for {claimed} while the log's clock stands at {clock}; the log's time is the"
        " market's, so producers on a tape must send the tape's time"
    )
    seconds = from_units(limit, 9), from_units(measured, 9)
    return _refuse(record.event, rule, reason, *seconds)


def _refuse(
    signal: ProducerSignal | SignalMalformed,
    rule: str,
    reason: str,
    limit: Decimal | None = None,
    measured: Decimal | None = None,
    evidence: str = "",
) -> SignalRefused:
    return SignalRefused(
        signal_id=signal.signal_id,
        producer=signal.producer,
        strategy=signal.strategy,
        instrument=getattr(signal, "instrument", ""),
        rule=rule,
        limit=limit,
        measured=measured,
        limit_set_by=None,
        reason=reason,
        evidence=evidence,
    )
