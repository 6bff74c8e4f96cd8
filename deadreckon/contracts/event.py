"""Events, their declaration, and an event as it was recorded in the log."""

from functools import cache
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from msgspec import Struct

Mode = Literal["paper", "shadow", "live", "backtest"]

NANOSECONDS = 1_000_000_000  # `at` is int64 nanoseconds UTC everywhere in the log

# Tables of the archive that have columns for the fields of their events.
ArchiveTable = Literal["fills", "orders", "signals", "refusals", "marks"]


class Declaration(Struct, frozen=True):
    """Declaration of a type of event on its class: name, publishers, archive tables.

    `name` is its name on the wire; an event without one is read from inbound messages and never
    written. `publishers` are the services that may write it, by name or by a pattern such as
    `venue-*`; `operators` may send it as well where that is true. `archive` names the tables of the
    archive that hold it. `of_order` says that it belongs to the life of the order in its field
    `order_id`. `timeline` says whether it explains what an instrument, or the whole book, did.
    `late` names the fields that were added after the event had been released: they are left out
    of its bytes while they are at their default, so that no byte of an older event changes.
    """

    name: str = ""
    publishers: tuple[str, ...] = ()
    operators: bool = False
    archive: tuple[ArchiveTable, ...] = ()
    of_order: bool = False
    timeline: Literal["", "instrument", "book"] = ""
    late: tuple[str, ...] = ()


class Event(Struct, frozen=True, gc=False):
    """Base of every event. Decimals are money or sizes; `*_at` is nanoseconds UTC."""

    declared: ClassVar[Declaration] = Declaration()


class Retired(Struct, frozen=True):
    """Base of every shape that is no longer written but must decode for ever."""


class Upcasting(Protocol):
    """A retired shape, which can be turned into the newest one."""

    def upcast(self) -> Any:
        """Return the successor: the newest shape, or the next retired one on the way to it."""
        ...


E = TypeVar("E", bound=Event, covariant=True)


class Recorded(Struct, Generic[E], frozen=True, gc=False):
    """An event with its envelope, as deciders and projections receive it.

    `at` is the decision time (nanoseconds UTC) under which the event entered the log: the latest
    time of any market or clock event before it. `cause` is the id of the event it answers, `root`
    the id of the first cause of the chain. `sequence` and `index` are its position in the log;
    they are for projections and replay, and no decider may look at them.
    """

    id: str
    at: int
    book: str
    mode: Mode
    source: str
    cause: str | None
    root: str
    event: E
    sequence: int = 0
    index: int = 0


S = TypeVar("S", bound=Struct)


def carried(shape: type[S], source: Struct, **stated: Any) -> S:
    """Build a shape from the fields that `source` has by the same names; `stated` ones go first."""
    names = _shared(shape, type(source)) - stated.keys()
    return shape(**{name: getattr(source, name) for name in names}, **stated)


@cache
def _shared(shape: type[Struct], source: type[Struct]) -> frozenset[str]:
    return frozenset(shape.__struct_fields__) & frozenset(source.__struct_fields__)
