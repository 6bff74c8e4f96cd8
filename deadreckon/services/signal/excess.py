"""Messages of producers beyond their quota: counted until it is refilled, and refused together."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct, structs

from deadreckon.contracts.catalogue import SHAPES
from deadreckon.contracts.clock import TIME_EDGES
from deadreckon.contracts.event import Event
from deadreckon.contracts.signals import MessageOverQuota, MessagesRefused

RULE = "quota_exceeded"

# Decision time moves by these alone, and so a quota is refilled by these alone.
TICKS: frozenset[type[Event]] = frozenset(
    shape
    for shape in SHAPES
    if shape.declared.publishers and set(shape.declared.publishers) <= set(TIME_EDGES)
)


class Excess(Struct, frozen=True):
    """Messages of a producer beyond its quota since `since` (nanoseconds UTC of decision time)."""

    unit: Literal["signals", "bytes"]
    limit: int
    used: int  # before the first of these messages
    limit_set_by: str
    since: int
    until: int  # its quota is refilled by the first market or clock event from then on
    first: int
    last: int
    count: int = 0
    bytes: int = 0


def add(open_: dict[str, Excess], over: MessageOverQuota, at: int) -> None:
    """Count a message that was not read."""
    known = open_.get(over.producer)
    if known is None:
        known = Excess(
            unit=over.unit,
            limit=over.limit,
            used=over.used,
            limit_set_by=over.limit_set_by,
            since=at,
            until=over.refilled_from,
            first=over.message,
            last=over.message,
        )
    open_[over.producer] = structs.replace(
        known, last=over.message, count=known.count + 1, bytes=known.bytes + over.bytes
    )


def due(open_: dict[str, Excess], at: int) -> list[Event]:
    """Refuse what was sent before a quota was refilled, one refusal for each producer."""
    return [
        _refusal(producer, excess)
        for producer, excess in open_.items()
        if not excess.since <= at < excess.until
    ]


def all_refused(open_: dict[str, Excess]) -> list[Event]:
    """Refuse what was sent before a quota was changed: the next message may be read."""
    return [_refusal(producer, excess) for producer, excess in open_.items()]


def _refusal(producer: str, excess: Excess) -> MessagesRefused:
    sent = excess.count if excess.unit == "signals" else excess.bytes
    messages = "1 message" if excess.count == 1 else f"{excess.count} messages"
    return MessagesRefused(
        producer=producer,
        rule=RULE,
        limit=Decimal(excess.limit),
        measured=Decimal(excess.used + sent),
        limit_set_by=excess.limit_set_by,
        reason=(
            f"the quota of {excess.limit} {excess.unit} a second was used up; not read: {messages}"
            f" of {excess.bytes} bytes, from sequence {excess.first} to {excess.last}"
        ),
        count=excess.count,
        bytes=excess.bytes,
        first_sequence=excess.first,
        last_sequence=excess.last,
    )
