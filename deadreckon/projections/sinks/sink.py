"""What keeps the rows of the tables, and how it may refuse: SQLite and the lake are two of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from msgspec import Struct

from deadreckon.projections.columns import TableRow
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.table import Key, Table

FORMAT = 1  # of the files of every sink; an older program refuses a newer one


class SinkError(Exception):
    """Base of what a sink refuses; the message says what to do."""


class NewerFormatError(SinkError):
    """You opened files that a newer program wrote; use that program, or rebuild in a new folder."""


class StateShapeError(SinkError):
    """You opened rows written with other columns than this program's: `dr rebuild` them."""


class DamagedError(SinkError):
    """You opened files that are cut short or contradict each other: `dr rebuild` them."""


class BusyError(SinkError):
    """You tried to write while another process does; it goes on, you wait or stop it."""


class SupersededError(SinkError):
    """You wrote into a generation that a rebuild has replaced: open the sink anew and go on from
    the place it has."""


class DoesNotFitError(SinkError, ValueError):
    """You met an amount beyond 20 integer digits or 18 decimals; the message names its row."""


class TableBatch(Struct, gc=False):
    """What a batch adds to one table.

    `lines` holds the values of each new version of a row, with its place, in log order;
    `changed` is the sum of their hashes. `last` are the indexes of the versions that stand at the
    end of the batch (null for a table that only appends: all of them).
    """

    table: Table
    lines: list[tuple[Any, ...]]
    changed: int
    last: list[int] | None


class Batch(Struct, frozen=True):
    """Everything between two places of the log, to become visible together or not at all."""

    before: int
    place: int
    tables: list[TableBatch]
    standings: dict[str, TableDigest]  # of every table, after the batch


class Sink(Protocol):
    """Keeps the tables as they stand at one place of the log."""

    @property
    def name(self) -> str:
        """What people call it: audit, lake."""
        ...

    @property
    def place(self) -> int:
        """The last sequence whose facts are in it; 0 for none."""
        ...

    def standings(self) -> dict[str, TableDigest]:
        """Rows and digest of every table, as stored."""
        ...

    def load(self, table: Table, key: Key) -> TableRow | None:
        """One row of a table that changes, as it stands."""
        ...

    def unfinished(self, table: Table) -> Iterable[TableRow]:
        """The rows of a table that changes to which more is expected to happen."""
        ...

    def recent(self, table: Table, columns: Sequence[str], window: int) -> Iterable[Sequence[Any]]:
        """Some columns of the rows of a table that appends, in log order: those at most `window`
        nanoseconds older than its latest."""
        ...

    def write(self, batch: Batch) -> None:
        """Make a batch visible, whole. Raises SupersededError, BusyError, DoesNotFitError."""
        ...

    def lines(self, table: Table) -> Iterator[list[Any]]:
        """The values of every row as it stands, place left out, amounts as canonical text."""
        ...

    def close(self) -> None:
        """Give everything back; what was written stays."""
        ...
