"""The sink port: storage of table rows, and its errors. SQLite and the lake implement it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from msgspec import Struct

from deadreckon.contracts.errors import OperationalError
from deadreckon.projections.columns import TableRow
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.table import Key, Table

FORMAT = 1  # file format of every sink; an older program refuses a newer one


class SinkError(OperationalError):
    """Base of a sink's refusals; the message says what to do."""


class NewerFormatError(SinkError):
    """You opened files that a newer program wrote; use that program, or rebuild in a new folder."""


class StateShapeError(SinkError):
    """You opened rows written with other columns than this program's: `dr rebuild` them."""


class DamagedError(SinkError):
    """You opened files that are cut short or contradict each other: `dr rebuild` them."""


class SupersededError(SinkError):
    """You wrote into a generation that a rebuild has replaced: open the sink anew and continue
    from its sequence."""


class DoesNotFitError(SinkError, ValueError):
    """You stored an amount beyond 20 integer digits or 18 decimals; the message names its row."""


class TableBatch(Struct, gc=False):
    """Rows that a batch adds to one table.

    `lines` holds the values of each new row version with its sequence columns, in log order;
    `changed` is the sum of their hashes. `last` are the indexes of the versions that are current at
    the end of the batch (None for an appending table: all of them).
    """

    table: Table
    lines: list[tuple[Any, ...]]
    changed: int
    last: list[int] | None


class Batch(Struct, frozen=True):
    """All rows between two sequences of the log, made visible together or not at all."""

    before: int
    sequence: int
    tables: list[TableBatch]
    digests: dict[str, TableDigest]  # of every table, after the batch


class Sink(Protocol):
    """Storage of the tables as they are at one sequence of the log."""

    @property
    def name(self) -> str:
        """Name of the projection: audit or lake."""
        ...

    @property
    def sequence(self) -> int:
        """The last sequence whose events are stored; 0 for none."""
        ...

    def digests(self) -> dict[str, TableDigest]:
        """Return row count and digest of every table, as stored."""
        ...

    def load(self, table: Table, key: Key) -> TableRow | None:
        """Load the current version of one row of an updating table; None when there is none."""
        ...

    def unfinished(self, table: Table) -> Iterable[TableRow]:
        """Return the rows of an updating table that further events may still change."""
        ...

    def recent(self, table: Table, columns: Sequence[str], window: int) -> Iterable[Sequence[Any]]:
        """Return some columns of the rows of an appending table, in log order: those at most
        `window` nanoseconds older than its latest."""
        ...

    def write(self, batch: Batch) -> None:
        """Make a batch visible, whole. Raises SupersededError, DoesNotFitError."""
        ...

    def lines(self, table: Table) -> Iterator[list[Any]]:
        """Yield the values of every current row, without the sequence columns, amounts as
        canonical text."""
        ...

    def close(self) -> None:
        """Release files and locks; what was written stays."""
        ...
