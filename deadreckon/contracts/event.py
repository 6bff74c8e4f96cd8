"""An event is a fact in the past tense; `Recorded` is that fact with its place in the log."""

from typing import Any, Generic, Literal, Protocol, TypeVar

from msgspec import Struct

Mode = Literal["paper", "shadow", "live", "backtest"]

NANOSECONDS = 1_000_000_000  # `at` is int64 nanoseconds UTC everywhere in the log


class Event(Struct, frozen=True, gc=False):
    """Base of every fact. Decimals are money or sizes; `*_at` is nanoseconds UTC."""


class Retired(Struct, frozen=True):
    """Base of every shape that is no longer written but must decode for ever."""


class Upcasting(Protocol):
    """What each retired shape can do: say itself in the newest words."""

    def upcast(self) -> Any:
        """Return the successor: the newest shape, or the next retired one on the way to it."""
        ...


E = TypeVar("E", bound=Event, covariant=True)


class Recorded(Struct, Generic[E], frozen=True, gc=False):
    """A fact with its envelope, as deciders and projections receive it.

    `at` is the decision time (nanoseconds UTC) under which the fact entered the log: the latest
    time of any market or clock event before it. `cause` is the id of the event it answers, `root`
    the id of the first cause of the chain. `sequence` and `index` are its place in the log; they
    are for projections and replay, and no decider may look at them.
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
