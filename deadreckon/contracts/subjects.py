"""Which subject a fact is filed under: few, fixed in form, without ids and versions.

log.<book>.<service>.events|progress   commits of a domain, written by that service alone
log.<book>.in.<producer>               signals, written by that producer
log.<book>.op.<name>                   operators' facts, written by that operator
"""

import re
from typing import Literal

from msgspec import Struct

STREAM = "LOG"
ALL = "log.>"
SHARED = "shared"  # the book of facts that concern every book: the market

TOKEN = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
DOORS = ("in", "op")


class Subject(Struct, frozen=True):
    """A subject of the log, taken apart: `leaf` is a producer's or operator's name at a door."""

    book: str
    service: str
    leaf: str

    @property
    def is_door(self) -> bool:
        """Whether single facts come in here, rather than a service's commits."""
        return self.service in DOORS


def token(text: str, what: str) -> str:
    """The text, if it may stand in a subject; raises ValueError naming `what` otherwise."""
    if not TOKEN.match(text):
        raise ValueError(f"{what} {text!r}: use letters, digits, _ and -, at most 64 of them")
    return text


def domain(book: str, service: str) -> str:
    """The fence filter of a domain; every writer must use exactly this string."""
    return f"log.{token(book, 'book')}.{token(service, 'service')}.>"


def commit_subject(book: str, service: str, kind: Literal["events", "progress"]) -> str:
    """Where a service's commit is stored."""
    return f"log.{book}.{service}.{kind}"


def producer_subject(book: str, producer: str) -> str:
    """Where a producer publishes its signals."""
    return f"log.{token(book, 'book')}.in.{token(producer, 'producer')}"


def operator_subject(book: str, name: str) -> str:
    """Where an operator publishes facts."""
    return f"log.{token(book, 'book')}.op.{token(name, 'operator')}"


def verdict_subject(book: str, producer: str) -> str:
    """Where a producer hears its verdicts (a notice; the truth is in the log)."""
    return f"verdict.{token(book, 'book')}.{token(producer, 'producer')}"


def turn_subject(book: str, service: str) -> str:
    """Where a service of another process is asked to take its turn on a tape."""
    return f"turn.{token(book, 'book')}.{token(service, 'service')}"


def parse(subject: str) -> Subject:
    """Take a subject of the log apart; raises ValueError when it is not of its form."""
    parts = subject.split(".")
    if len(parts) != 4 or parts[0] != "log":
        raise ValueError(f"{subject!r} is not log.<book>.<service>.<kind>")
    return Subject(book=parts[1], service=parts[2], leaf=parts[3])
