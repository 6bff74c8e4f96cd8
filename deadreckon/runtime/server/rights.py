"""Rights on NATS: the one table from which the server's configuration is made.

The stream lives in an account of its own. Only its owners are in that account; all others reach it
through imports: from there, a reply subject in another role's domain stores nothing.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.publishers import SERVICES
from deadreckon.contracts.subjects import (
    SHARED,
    STREAM,
    VENUE_EDGES,
    commit_subject,
    operator_subject,
    producer_subject,
    status_subject,
    turn_subject,
    verdict_subject,
)
from deadreckon.runtime.server.credentials import inbox_prefix, producer_role
from deadreckon.runtime.server.known_roles import KnownRoles

NatsAccount = Literal["LOG", "SVC"]  # the stream's own, and everybody else's

API = "$JS.API"  # JetStream's requests in the stream's own account
IMPORTED = "jslog"  # the few of them that others see, under this prefix

STACK, READER, ANALYST, OPERATOR = "stack", "reader", "analyst", "operator"
PROVISIONER, COPIER = "provisioner", "keeper"
OWNERS = (PROVISIONER, COPIER)  # those in the stream's account
ROLLER = "roller"  # likewise, but only on a server that `dr archive prune` has started for itself
OWN_PRODUCER = "cli"  # the producer of `dr signal send` unless another is named

OPERATORS_DOOR = "cli"
STACK_DOORS = ("stack", "demo", "supervisor")  # facts that the stack says as an operator would
SHARED_SERVICES = ("market", "clock", "sealer", "verifier")  # they speak for every book

NEXT = f"{STREAM}_NEXT"  # the copy of a log whose old history leaves, while it does

# What reading takes. A reader makes a consumer, under a name that nobody guesses.
PULLS = f"CONSUMER.MSG.NEXT.{STREAM}.*"
READS = (
    f"STREAM.INFO.{STREAM}",
    f"STREAM.MSG.GET.{STREAM}",
    f"CONSUMER.CREATE.{STREAM}.*",
    PULLS,
    f"CONSUMER.DELETE.{STREAM}.*",
)
READING = tuple(f"{IMPORTED}.{request}" for request in READS)


class Rights(Struct, frozen=True):
    """A role's purpose, and the subjects it may publish and subscribe to; others are denied."""

    role: str
    purpose: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    account: NatsAccount = "SVC"


def table(registry: KnownRoles) -> list[Rights]:
    """List the rights of every role that a server knows."""
    books = registry.books
    return [
        *(_service(name, name, books) for name in SERVICES if name != VENUE_EDGES),
        *(_service(name, VENUE_EDGES, books) for name in registry.venues),
        _stack(books),
        _reading(READER, "reads the log for the services of one process, and for projections"),
        _operator(books),
        _reading(ANALYST, "reads the log: audits, verifies, follows"),
        _producer(OWN_PRODUCER, books, may_read=False),
        *(_producer(each.name, (each.book,), each.may_read) for each in registry.producers),
        *_owners(),
    ]


def roller_rights() -> Rights:
    """Return the rights to put a copy of the log in its place. This credential is not kept: it is
    made for one run, and the servers of stacks do not know it."""
    verbs = ("CREATE", "INFO", "UPDATE", "DELETE", "MSG.GET")
    return Rights(
        role=ROLLER,
        purpose="lets old history leave, from the store that it has for itself",
        publish=(
            *(f"{API}.STREAM.{verb}.{name}" for name in (STREAM, NEXT) for verb in verbs),
            *(f"{API}.CONSUMER.CREATE.{name}.*" for name in (STREAM, NEXT)),
            *(f"{API}.CONSUMER.MSG.NEXT.{name}.*" for name in (STREAM, NEXT)),
            *(f"{API}.CONSUMER.DELETE.{name}.*" for name in (STREAM, NEXT)),
        ),
        subscribe=(f"{inbox_prefix(ROLLER)}.>",),
        account="LOG",
    )


def own_roles(registry: KnownRoles) -> list[str]:
    """List the roles whose seeds a stack keeps itself: all but other people's producers."""
    return [each.role for each in table(replace(registry, producers=()))]


def _service(name: str, pattern: str, books: Sequence[str]) -> Rights:
    """Give a service the right to write its own domain in each book, and no other's."""
    domains = (SHARED,) if name in SHARED_SERVICES else tuple(books)
    asked = () if domains == (SHARED,) else tuple(books)  # the shared ones speak, and are not asked
    turns = tuple(turn_subject(book, name) for book in asked)
    liveness = tuple(status_subject(book, name) for book in asked)
    askers = (name, STACK, OPERATOR)
    answers = tuple(f"{inbox_prefix(asker)}.>" for asker in askers) if asked else ()
    return Rights(
        role=name,
        purpose=SERVICES[pattern],
        publish=(
            *(commit_subject(book, name, "events") for book in domains),
            *(commit_subject(book, name, "progress") for book in domains),
            *READING,
            *liveness,  # a standby asks the other instance, which has the same name
            *answers,  # to it, to who gives turns, and to an operator who waits for an answer
        ),
        subscribe=(f"{inbox_prefix(name)}.>", *turns, *liveness),
    )


def _stack(books: Sequence[str]) -> Rights:
    return Rights(
        role=STACK,
        purpose="starts, stops and asks services, gives them turns, tells producers their verdicts",
        publish=(
            *(operator_subject(book, door) for book in books for door in STACK_DOORS),
            *(f"{verdict_subject(book, 'x')[:-1]}*" for book in books),
            *(f"{turn_subject(book, 'x')[:-1]}*" for book in books),
            *(f"{status_subject(book, 'x')[:-1]}*" for book in books),
            *READING,
        ),
        subscribe=(f"{inbox_prefix(STACK)}.>",),
    )


def _reading(role: str, purpose: str) -> Rights:
    return Rights(role, purpose, READING, (f"{inbox_prefix(role)}.>",))


def _operator(books: Sequence[str]) -> Rights:
    return Rights(
        role=OPERATOR,
        purpose="says operators' facts from the command line, and reads what they lead to",
        publish=(
            *(operator_subject(book, OPERATORS_DOOR) for book in books),
            *(f"{status_subject(book, 'x')[:-1]}*" for book in books),  # how far a service is
            *READING,
        ),
        subscribe=(f"{inbox_prefix(OPERATOR)}.>",),
    )


def _producer(name: str, books: Sequence[str], may_read: bool) -> Rights:
    role = producer_role(name)
    return Rights(
        role=role,
        purpose="sends signals" + (", and reads the log" if may_read else ""),
        publish=(
            *(producer_subject(book, name) for book in books),
            *(READING if may_read else ()),
        ),
        subscribe=(f"{inbox_prefix(role)}.>", *(verdict_subject(book, name) for book in books)),
    )


def _owners() -> list[Rights]:
    def owner(role: str, purpose: str, *publish: str) -> Rights:
        return Rights(role, purpose, publish, (f"{inbox_prefix(role)}.>",), account="LOG")

    stream = (f"{API}.STREAM.{verb}.{STREAM}" for verb in ("CREATE", "UPDATE", "INFO"))
    copies = (f"{API}.STREAM.{verb}.{STREAM}" for verb in ("SNAPSHOT", "RESTORE"))
    return [
        owner(PROVISIONER, "makes the stream, shortens its window for duplicates", *stream),
        owner(
            COPIER,
            "copies the stream for a backup, and fills an empty store with one",
            *copies,
            *(f"{API}.{request}" for request in READS),
            f"$JS.SNAPSHOT.ACK.{STREAM}.>",  # three tokens more, once a copy exceeds 8 MiB
            f"$JS.SNAPSHOT.RESTORE.{STREAM}.*",
        ),
    ]
