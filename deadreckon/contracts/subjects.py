"""Subjects under which facts are filed: few, fixed in form, without ids and versions.

log.<book>.<service>.events|progress   commits of a domain, written by that service alone
log.<book>.in.<producer>               signals, written by that producer
log.<book>.op.<name>                   operators' facts, written by that operator
"""

import re
from typing import Literal

from msgspec import Struct

STREAM = "LOG"
ALL = "log.*.*.*"  # what the stream takes; the server refuses every other form
VERDICT = "verdict"  # before book and producer: notices that nothing stores
ALL_VERDICTS = f"{VERDICT}.*.*"
SHARED = "shared"  # the book of facts that concern every book: the market

VENUE_PREFIX = "venue-"  # of a venue edge: one service for each configured account at a venue
VENUE_EDGES = f"{VENUE_PREFIX}*"

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
INBOUND = ("in", "op")


class Subject(Struct, frozen=True):
    """Parts of a subject of the log; `leaf` is a producer's or operator's name."""

    book: str
    service: str
    leaf: str

    @property
    def is_inbound(self) -> bool:
        """True when single facts of producers or operators arrive here, not a service's commits."""
        return self.service in INBOUND


def token(text: str, what: str) -> str:
    """Return the text if it may stand in a subject; raises ValueError naming `what` otherwise."""
    if not TOKEN.fullmatch(text):
        raise ValueError(f"{what} {text!r}: use letters, digits, _ and -, at most 64 of them")
    return text


def domain(book: str, service: str) -> str:
    """Return the fence filter of a domain; every writer must use exactly this string."""
    return f"log.{token(book, 'book')}.{token(service, 'service')}.>"


def commit_subject(book: str, service: str, kind: Literal["events", "progress"]) -> str:
    """Return the subject under which a service's commit is stored."""
    return f"log.{book}.{service}.{kind}"


def producer_subject(book: str, producer: str) -> str:
    """Return the subject on which a producer publishes its signals."""
    return f"log.{token(book, 'book')}.in.{token(producer, 'producer')}"


def operator_subject(book: str, name: str) -> str:
    """Return the subject on which an operator publishes facts."""
    return f"log.{token(book, 'book')}.op.{token(name, 'operator')}"


def verdict_subject(book: str, producer: str) -> str:
    """Return the subject of a producer's verdict notices; the stored facts are in the log."""
    return f"{VERDICT}.{token(book, 'book')}.{token(producer, 'producer')}"


def turn_subject(book: str, service: str) -> str:
    """Return the subject of requests to a service in another process to take its turn on a tape."""
    return f"turn.{token(book, 'book')}.{token(service, 'service')}"


def status_subject(book: str, service: str) -> str:
    """Return the subject of requests whether a service is at work, and at which commit."""
    return f"standing.{token(book, 'book')}.{token(service, 'service')}"


def parse(subject: str) -> Subject:
    """Take a subject of the log apart; raises ValueError when it is not of its form."""
    parts = subject.split(".")
    if len(parts) != 4 or parts[0] != "log":
        raise ValueError(f"{subject!r} is not log.<book>.<service>.<kind>")
    return Subject(book=parts[1], service=parts[2], leaf=parts[3])


class SubjectForm(Struct, frozen=True):
    """Form of a subject: who may publish there, who reads it, what it carries.

    `kept` is true for messages that the log stores, false for notices and requests.
    """

    form: str
    kept: bool
    publishers: tuple[str, ...]
    readers: tuple[str, ...]
    carries: str


SUBJECTS = (
    SubjectForm(
        "log.{book}.{service}.events",
        True,
        ("that service of that book",),
        ("every service of the book", "projections", "replay", "audit"),
        "a commit: the events with which the service answers a range of messages",
    ),
    SubjectForm(
        "log.{book}.{service}.progress",
        True,
        ("that service of that book",),
        ("that service when it starts", "whoever checks the chain"),
        "a commit without events: messages up to here have been read, and needed no answer",
    ),
    SubjectForm(
        "log.shared.market.events",
        True,
        ("the market edge: a tape or a venue's data",),
        ("every service of every book", "projections", "replay", "audit"),
        "a commit of market facts; their time is the clock of every decision",
    ),
    SubjectForm(
        "log.shared.clock.events",
        True,
        ("the clock, where no tape plays",),
        ("every service of every book", "projections", "replay", "audit"),
        "a commit that says that time has passed",
    ),
    SubjectForm(
        "log.shared.verifier.events",
        True,
        ("the verifier",),
        ("views", "replay"),
        "a commit that says which view differed from the log, or was made anew",
    ),
    SubjectForm(
        "log.shared.sealer.events",
        True,
        ("the sealer",),
        ("whoever verifies the archive", "replay"),
        "a commit that says which range of the log was sealed, and how",
    ),
    SubjectForm(
        "log.{book}.in.{producer}",
        True,
        ("that producer",),
        ("signal", "replay"),
        "one signal, or an array of 1 to 10,000 of them, as JSON",
    ),
    SubjectForm(
        "log.{book}.op.{operator}",
        True,
        ("that operator",),
        ("every service of the book", "projections", "replay", "audit"),
        "one fact: the body of an event that operators may say, with an id of its own",
    ),
    SubjectForm(
        "verdict.{book}.{producer}",
        False,
        ("the stack, once the verdict is in the log",),
        ("that producer",),
        "a notice of what became of a signal; the truth is in the log",
    ),
    SubjectForm(
        "turn.{book}.{service}",
        False,
        ("whoever plays a tape",),
        ("that service, in another process",),
        "a request to answer everything up to a sequence, and its reply when that is done",
    ),
    SubjectForm(
        "standing.{book}.{service}",
        False,
        ("a standby of that service",),
        ("that service, at work in another process",),
        "a request whether it is there, and its reply: the digest of its state at a commit",
    ),
)

PARAMETERS = {
    "book": "one desk: one account set, one risk budget; `shared` for facts that concern all",
    "service": "risk, fill and the others of a book; market, clock, sealer and verifier of all",
    "producer": "whoever sends signals, by a name of its own",
    "operator": "whoever runs the stack, by a name of their own",
}


def covers(filter: str, subject: str) -> bool:
    """Return True when a subject falls under a filter with the wildcards of NATS.

    >>> covers("log.a.risk.>", "log.a.risk.events"), covers("log.*.in.>", "log.a.op.ann")
    (True, False)
    """
    wanted, found = filter.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted, found = wanted[:-1], found[: len(wanted) - 1] if len(found) >= len(wanted) else []
    return len(wanted) == len(found) and all(
        want in ("*", have) for want, have in zip(wanted, found, strict=True)
    )
