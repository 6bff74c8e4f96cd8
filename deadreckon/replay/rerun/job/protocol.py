"""The protocol of a rerun process: it is sent a task and messages, and answers in JSON lines.

The other process may be of another revision. It is given the log as stored and reads that with its
own contracts; what it must have in common with this one is in this file alone.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct, field

from deadreckon.replay.rerun.comparison import ServiceTally
from deadreckon.replay.rerun.states import StateEffects
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import ChainLink
from deadreckon.runtime.service.ingress import Ingress

PROTOCOL = 1
MODULE = "deadreckon.replay.rerun.job.child"

_HEAD = struct.Struct("<QqHI")  # sequence, stored at, lengths of subject and payload
_LENGTH = struct.Struct("<I")


class ServiceStart(Struct, frozen=True):
    """Where a service stands before the first message it is given; `state` as snapshots have it."""

    n: int
    sequence: int = field(name="place")
    ingress: Ingress = field(name="intake")
    state: Raw


class RerunTask(Struct, frozen=True):
    """The questions to put, and to which services.

    `begin` and `end` are decision times (nanoseconds UTC). The messages begin after message
    `after`, up to which the chains are as in `links`, by `book.service`. With `explains` only the
    effects of one question are computed, by its service, sequence and index; `whole` asks for the
    whole state before it. With `any_strategy_code` strategies may have other code than the log
    names.
    """

    services: list[str]
    book: str
    mode: str
    begin: int
    end: int
    after: int = field(name="place", default=0)
    links: dict[str, ChainLink] = field(default_factory=dict)
    starts: dict[str, ServiceStart] = field(default_factory=dict)
    explains: tuple[str, int, int] | None = None
    whole: bool = False
    any_strategy_code: bool = False
    protocol: int = PROTOCOL


class Hello(Struct, frozen=True, tag_field="line", tag="hello"):
    """Greeting of a rerun process: its protocol, version, root of its code, and each fold code."""

    protocol: int
    version: str
    root: str
    folds: dict[str, str]


class Ended(Struct, frozen=True, tag_field="line", tag="ended"):
    """Outcome of each service."""

    tallies: list[ServiceTally]


class Explained(Struct, frozen=True, tag_field="line", tag="explained"):
    """Effects of the question; null if it was not met."""

    effects: StateEffects | None


class RefusedTask(Struct, frozen=True, tag_field="line", tag="refused"):
    """Refusal of a task: the reason why the log cannot be rerun."""

    reason: str


Reply = Hello | Ended | Explained | RefusedTask

encode_line = msgspec.json.Encoder(decimal_format="string").encode
decode_line = msgspec.json.Decoder(Reply).decode


def pack_task(task: RerunTask) -> bytes:
    """Encode a task, which is sent first."""
    encoded = encode_line(task)
    return _LENGTH.pack(len(encoded)) + encoded


def pack(stored: Stored) -> bytes:
    """Encode one message as stored."""
    subject = stored.subject.encode()
    head = _HEAD.pack(stored.sequence, stored.stored_at, len(subject), len(stored.payload))
    return head + subject + stored.payload


def unpack_task(source: BinaryIO) -> RerunTask:
    """Decode the task that a stream begins with."""
    (length,) = _LENGTH.unpack(source.read(_LENGTH.size))
    return msgspec.json.decode(source.read(length), type=RerunTask)


def unpack(source: BinaryIO) -> Iterator[Stored]:
    """Decode the messages that follow until the stream ends; one that is cut short is left out."""
    while len(head := source.read(_HEAD.size)) == _HEAD.size:
        sequence, stored_at, subject, payload = _HEAD.unpack(head)
        text, body = source.read(subject), source.read(payload)
        if len(body) < payload:
            return
        yield Stored(sequence, text.decode(), body, stored_at)
