"""Books, producers and certificates that a folder's server knows besides the stack's roles."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.publishers import is_venue_edge
from deadreckon.contracts.subjects import VENUE_EDGES, token
from deadreckon.runtime.process import durable
from deadreckon.runtime.process.bounds import check_text

DEFAULT_BOOK = "desk"  # of a folder that names no other


class DamagedRegistryError(OperationalError):
    """You have a registry of roles that cannot be read; the message says how to go on."""


class Producer(Struct, frozen=True):
    """A producer, which may send signals to a book; known by the public part of its key.

    With `may_read` it may read the whole log, other producers' signals included.
    """

    name: str
    book: str
    public: str
    may_read: bool = False


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """Files of certificates: the server's own `cert` and `key`, and the `ca` that clients trust,
    empty where they trust whom the system does."""

    cert: str
    key: str
    ca: str = ""

    def __post_init__(self) -> None:
        for name in ("cert", "key", *(["ca"] if self.ca else [])):
            check_text(name, getattr(self, name), "the path of a file")

    def absolute(self) -> "Tls":
        """Return the paths made absolute."""
        found = [os.path.abspath(path) if path else "" for path in (self.cert, self.key, self.ca)]
        return Tls(*found)


class KnownRoles(Struct, frozen=True):
    """Roles that a server knows besides the stack's own.

    None of it is secret; all of it takes effect when the server reads its settings.
    """

    books: tuple[str, ...] = (DEFAULT_BOOK,)
    producers: tuple[Producer, ...] = ()
    tls: Tls | None = None
    venues: tuple[str, ...] = ()  # edges of the configured venues, one service each

    def with_book(self, book: str) -> "KnownRoles":
        """Return the roles with this book too."""
        if book in self.books:
            return self
        return msgspec.structs.replace(self, books=(*self.books, token(book, "book")))

    def with_venue(self, edge: str) -> "KnownRoles":
        """Add the edge of a configured venue. Raises ValueError for a name of another form."""
        if not is_venue_edge(token(edge, "venue edge")):
            raise ValueError(f"a venue edge is called {VENUE_EDGES}, not {edge}")
        if edge in self.venues:
            return self
        return msgspec.structs.replace(self, venues=(*self.venues, edge))

    def with_producer(self, producer: Producer) -> "KnownRoles":
        """Return the roles with this producer, replacing one of the same name."""
        others = self.without_producer(producer.name).with_book(producer.book)
        return msgspec.structs.replace(others, producers=(*others.producers, producer))

    def without_producer(self, name: str) -> "KnownRoles":
        """Return the roles without the producer of this name."""
        left = tuple(each for each in self.producers if each.name != name)
        return msgspec.structs.replace(self, producers=left)


def read_known_roles(path: Path) -> KnownRoles:
    """Read the known roles from a file; the initial ones when there is no file.

    Raises DamagedRegistryError.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=KnownRoles)
    except FileNotFoundError:
        return KnownRoles()
    except msgspec.MsgspecError as error:
        raise DamagedRegistryError(
            f"{path} is damaged ({error}): put a copy of it back, or delete it and give each "
            "producer a credential again (`dr producer add`)"
        ) from None


def lock_of(path: Path) -> Path:
    """Return the path of the lock that is held while the file of known roles is changed."""
    return path.with_suffix(".lock")


def write_known_roles(path: Path, registry: KnownRoles) -> None:
    """Replace the registry, whole."""
    durable.replace(path, msgspec.json.format(msgspec.json.encode(registry)) + b"\n")
