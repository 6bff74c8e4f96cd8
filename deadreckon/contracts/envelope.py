"""What lies in a message of the log: commits of services, each with the envelopes of its events."""

import hashlib

from msgspec import Raw, Struct

from deadreckon.contracts.event import Mode


class Envelope(Struct, frozen=True, gc=False):
    """One event on the wire.

    `id` is unique in the book and derives from the cause. `type` and `v` name the shape of `data`,
    the event's body as canonical JSON. `at` is the decision time (nanoseconds UTC). `book` is
    whose fact it is, `mode` whether money was real, `source` who said it. `cause` is the id of
    the event it answers (null when the world began it), `root` the id of the chain's first.
    """

    id: str
    type: str
    v: int
    at: int
    book: str
    mode: Mode
    source: str
    cause: str | None
    root: str
    data: Raw


class Commit(Struct, frozen=True, gc=False):
    """One message of a domain: the events with which a service answers a range of inputs.

    `id` tells this commit from a rival's of the same number. `n` counts the domain's commits from
    1. `first`..`to` is the range of log sequences answered: every input up to `to` is behind this
    service, and of message `to` + 1 the first `part` facts (0 unless one message asked more than
    one commit can answer). `previous` is the SHA-256 (hex) of the previous commit's bytes, empty
    for the first. `code` is the version of the program that decided. `answers` holds, for each
    question that was answered, [sequence, index, count]: the next `count` of the `events` answer
    the event at that place.
    """

    id: str
    n: int
    first: int
    to: int
    part: int
    previous: str
    code: str
    answers: list[tuple[int, int, int]]
    events: list[Envelope]


def digest(payload: bytes) -> str:
    """SHA-256 of stored bytes as hex: the link of a domain's chain."""
    return hashlib.sha256(payload).hexdigest()


def derive_id(cause: str, service: str, ordinal: int) -> str:
    """The id of a service's answer: 32 hex characters from its cause, never from a place or clock.

    >>> derive_id("a", "risk", 0) == derive_id("a", "risk", 0)
    True
    """
    return hashlib.sha256(f"{cause}|{service}|{ordinal}".encode()).hexdigest()[:32]
