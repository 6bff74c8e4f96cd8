"""Rights on NATS: the one table from which the server's configuration is made.

The stream lives in an account of its own. Only its owners are in that account; all others reach it
through imports: from there, a reply subject in another role's domain stores nothing. Who need not
be trusted (a producer, an analyst) is alone in an account, so that the answers which it has sent
where it likes reach nobody else (decision 0040).
"""

from collections.abc import Sequence

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
from deadreckon.runtime.server.credentials import PRODUCER_PREFIX, inbox_prefix, producer_role
from deadreckon.runtime.server.known_roles import KnownRoles

LOG, SERVICES_ACCOUNT = "LOG", "SVC"  # the stream's own; services and who operates them
VERDICTS = "VERDICTS"  # of notices to producers: nothing comes in but what its one role publishes

API = "$JS.API"  # JetStream's requests in the stream's own account
IMPORTED = "jslog"  # the few of them that others see, under this prefix

STACK, READER, ANALYST, OPERATOR = "stack", "reader", "analyst", "operator"
NOTIFIER = "notifier"
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

READERS_MAX = 64  # at once, of one role in an account of its own; each costs the server 0.3 MB


class Rights(Struct, frozen=True):
    """A role's purpose, and the subjects it may publish and subscribe to; others are denied."""

    role: str
    purpose: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    account: str = SERVICES_ACCOUNT
    reader_names: tuple[str, ...] = ()  # all that its readers may have; empty: whatever they like


def table(registry: KnownRoles) -> list[Rights]:
    """List the rights of every role that a server knows."""
    books = registry.books
    return [
        *(_service(name, name, books) for name in SERVICES if name != VENUE_EDGES),
        *(_service(name, VENUE_EDGES, books) for name in registry.venues),
        _stack(books),
        _notifier(books),
        Rights(
            role=READER,
            purpose="reads the log for the services of one process, and for projections",
            publish=READING,
            subscribe=(f"{inbox_prefix(READER)}.>",),
        ),
        _operator(books),
        _analyst(),
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
        account=LOG,
    )


def reader_names(role: str) -> tuple[str, ...]:
    """List the names that the readers of a role may have; empty where they choose any.

    >>> reader_names("analyst")[:2], reader_names("risk")
    (('analyst-0', 'analyst-1'), ())
    """
    if role == ANALYST or role.startswith(PRODUCER_PREFIX):
        return tuple(f"{role}-{number}" for number in range(READERS_MAX))
    return ()


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
        purpose="starts, stops and asks services, gives them turns",
        publish=(
            *(operator_subject(book, door) for book in books for door in STACK_DOORS),
            *(f"{turn_subject(book, 'x')[:-1]}*" for book in books),
            *(f"{status_subject(book, 'x')[:-1]}*" for book in books),
            *READING,
        ),
        subscribe=(f"{inbox_prefix(STACK)}.>",),
    )


def _notifier(books: Sequence[str]) -> Rights:
    return Rights(
        role=NOTIFIER,
        purpose="tells producers their verdicts",
        publish=tuple(f"{verdict_subject(book, 'x')[:-1]}*" for book in books),
        subscribe=(f"{inbox_prefix(NOTIFIER)}.>",),
        account=VERDICTS,
    )


def _analyst() -> Rights:
    return Rights(
        role=ANALYST,
        purpose="reads the log: audits, verifies, follows",
        publish=_bounded_reading(ANALYST),
        subscribe=(f"{inbox_prefix(ANALYST)}.>",),
        account=ANALYST,
        reader_names=reader_names(ANALYST),
    )


def _bounded_reading(role: str) -> tuple[str, ...]:
    """List what reading takes where readers have given names, of which there are only so many."""
    return tuple(
        request.replace("*", name)
        for request in READING
        for name in (reader_names(role) if request.endswith("*") else ("",))
    )


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
            *(_bounded_reading(role) if may_read else ()),
        ),
        subscribe=(f"{inbox_prefix(role)}.>", *(verdict_subject(book, name) for book in books)),
        account=role,
        reader_names=reader_names(role) if may_read else (),
    )


def _owners() -> list[Rights]:
    def owner(role: str, purpose: str, *publish: str) -> Rights:
        return Rights(role, purpose, publish, (f"{inbox_prefix(role)}.>",), account=LOG)

    stream = (f"{API}.STREAM.{verb}.{STREAM}" for verb in ("CREATE", "UPDATE", "INFO"))
    copies = (f"{API}.STREAM.{verb}.{STREAM}" for verb in ("SNAPSHOT", "RESTORE"))
    return [
        owner(
            PROVISIONER,
            "makes the stream, sets its limits, deletes readers that outlast them",
            *stream,
            f"{API}.CONSUMER.LIST.{STREAM}",
            f"{API}.CONSUMER.DELETE.{STREAM}.*",
        ),
        owner(
            COPIER,
            "copies the stream for a backup, and fills an empty store with one",
            *copies,
            *(f"{API}.{request}" for request in READS),
            f"$JS.SNAPSHOT.ACK.{STREAM}.>",  # three tokens more, once a copy exceeds 8 MiB
            f"$JS.SNAPSHOT.RESTORE.{STREAM}.*",
        ),
    ]
