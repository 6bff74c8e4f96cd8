"""Messages of the log: commits of services, each with the envelopes of its events."""

import hashlib
from typing import Annotated

from msgspec import Raw, Struct

from deadreckon.contracts.event import Mode
from deadreckon.contracts.units import described


class Envelope(Struct, frozen=True, gc=False):
    """One event on the wire."""

    id: Annotated[str, described("id of the event, unique in the book; derived from its cause")]
    type: Annotated[str, described("name of the event, such as orders.order_filled")]
    v: Annotated[int, described("version of the shape of `data`")]
    at: Annotated[int, described("decision time, nanoseconds UTC", "timestamp")]
    book: Annotated[str, described("book that the event belongs to")]
    mode: Annotated[Mode, described("whether the money was real")]
    source: Annotated[str, described("service, producer or operator that published the event")]
    cause: Annotated[
        str | None, described("id of the event that this one answers; null for an input")
    ]
    root: Annotated[str, described("id of the first cause of the chain")]
    data: Annotated[Raw, described("the event itself, as canonical JSON")]


class Commit(Struct, frozen=True, gc=False):
    """One message of a domain: the events with which a service answers a range of inputs."""

    id: Annotated[
        str, described("id of the commit; differs from that of a rival with the same number")
    ]
    n: Annotated[int, described("number of the commit in its domain, from 1", "count")]
    first: Annotated[int, described("sequence of the first message that is answered")]
    to: Annotated[int, described("sequence up to which every message is answered")]
    part: Annotated[
        int,
        described(
            "number of events of message `to` + 1 that are answered as well; 0 unless a message "
            "needs more than one commit",
            "count",
        ),
    ]
    previous: Annotated[
        str, described("SHA-256 (hex) of the bytes of the domain's previous commit; empty at first")
    ]
    code: Annotated[str, described("version of the program that decided")]
    answers: Annotated[
        list[tuple[int, int, int]],
        described(
            "[sequence, index, count] for each question: the next `count` of `events` answer the "
            "event there"
        ),
    ]
    events: Annotated[list[Envelope], described("the events, in the order of their questions")]


def digest(payload: bytes) -> str:
    """Return the SHA-256 (hex) of stored bytes: the link of a domain's chain."""
    return hashlib.sha256(payload).hexdigest()


def derive_id(cause: str, service: str, ordinal: int) -> str:
    """Return the id of a service's answer: 32 hex characters, derived from its cause.

    It never depends on a sequence or a clock, so that every run of a tape gives the same ids.

    >>> derive_id("a", "risk", 0) == derive_id("a", "risk", 0)
    True
    """
    return hashlib.sha256(f"{cause}|{service}|{ordinal}".encode()).hexdigest()[:32]
