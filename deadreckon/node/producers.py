"""Producers' credentials: added, listed and removed, while a stack runs or not."""

import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from deadreckon.contracts.errors import DifferenceError, UsageError
from deadreckon.contracts.subjects import producer_subject, token, verdict_subject
from deadreckon.formatting.nearest import nearest_name
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import inbox_prefix, producer_role
from deadreckon.runtime.server.known_roles import Producer, read_known_roles
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.runtime.server.reloading import (
    change_served_roles,
    check_served,
    wait_until_cut_off,
)
from deadreckon.runtime.server.rights import OWN_PRODUCER
from deadreckon.runtime.server.server_files import ServerFiles


class ProducerError(UsageError):
    """You named a producer that exists already, or does not exist; the message says which."""


class UnknownProducerError(DifferenceError):
    """You asked what a producer sends that the folder does not know; the message suggests one."""


class ProducerAccess(Struct, frozen=True):
    """The access of a producer: the file of its seed (never the seed), its subjects, its inbox.

    `running` tells whether a server took it at once; `url` is that server's, else empty.
    """

    name: str
    book: str
    seed_file: str
    public_key: str
    signals: str
    verdicts: str
    inbox_prefix: str
    may_read: bool
    url: str


def add_producer(data: Path, name: str, book: str, *, may_read: bool) -> ProducerAccess:
    """Make a credential, and let the server know.

    Raises ProducerError, ValueError, or ServerFailedError when the server that runs refuses it:
    then nothing has changed.
    """
    folder, files = _opened(data, name)
    token(book, "book")
    if name in _names(files):
        raise ProducerError(
            f"there is a producer {name} already: `dr producer remove {name}` takes its "
            "credential back, so that it can be given another"
        )
    role = producer_role(name)
    files.credentials.forget(role)  # of one that was taken back while its file lay elsewhere
    producer = Producer(name, book, files.credentials.kept(role).key.public, may_read)
    added = False
    try:
        change_served_roles(folder.root, lambda known: known.with_producer(producer))
        added = True
    finally:
        if not added:
            files.credentials.forget(role)
    return _given(folder, files, producer)


def remove_producer(data: Path, name: str) -> None:
    """Take a producer's credential back, and see that it is disconnected.

    Raises ProducerError, or ServerFailedError when the server that runs refuses it: then nothing
    has changed.
    """
    folder, files = _opened(data, name)
    known = {producer.name: producer for producer in read_known_roles(files.registry).producers}
    if name not in known:
        raise ProducerError(f"there is no producer {name}; {nearest_name(name, known)}")
    change_served_roles(folder.root, lambda roles: roles.without_producer(name))
    files.credentials.forget(producer_role(name))
    wait_until_cut_off(folder.root, known[name].public)


def producers(data: Path) -> list[ProducerAccess]:
    """List every producer that may send.

    Raises ServerFailedError when the server that runs lets others in than are registered.
    """
    folder = Folder(data).check()
    files = ServerFiles(folder.root)
    known = read_known_roles(files.registry).producers
    check_served(folder.root, {producer.name: producer.public for producer in known})
    return [_given(folder, files, producer) for producer in known]


def check_sender(folder: Folder, name: str) -> None:
    """Refuse a name under which nobody may send. Raises UnknownProducerError."""
    known = [OWN_PRODUCER, *_names(ServerFiles(folder.root))]
    if name not in known:
        near = nearest_name(name, known)
        raise UnknownProducerError(f"nothing was sent: there is no producer {name}; {near}")


def _opened(data: Path, name: str) -> tuple[Folder, ServerFiles]:
    token(name, "producer")
    if name == OWN_PRODUCER:
        raise ProducerError(f"{name} is whom `dr signal send` speaks as; take another name")
    folder = Folder(data).check()
    return folder, ServerFiles(folder.root)


def _names(files: ServerFiles) -> list[str]:
    return [producer.name for producer in read_known_roles(files.registry).producers]


def _given(folder: Folder, files: ServerFiles, producer: Producer) -> ProducerAccess:
    role = producer_role(producer.name)
    found = running_server(folder.root)
    return ProducerAccess(
        name=producer.name,
        book=producer.book,
        seed_file=os.path.abspath(files.credentials.file(role)),
        public_key=producer.public,
        signals=producer_subject(producer.book, producer.name),
        verdicts=verdict_subject(producer.book, producer.name),
        inbox_prefix=inbox_prefix(role),
        may_read=producer.may_read,
        url=found.url if found else "",
    )


def as_document(given: ProducerAccess) -> dict[str, Any]:
    """Return the document for `--json`."""
    return {name: getattr(given, name) for name in given.__struct_fields__}
