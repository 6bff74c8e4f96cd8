"""The lake's manifest: its list of parts, swapped whole, so that a reader sees one sequence of the
log.

A query lists the files first and reads the manifest later, and the writer may move on between. So
the manifest says *when* each part was added and retired, and every view shows the lake as it was
`DELAY` before its query began: the parts of that time existed when the query listed them, and stay
on disk for `GRACE` after they are retired.
"""

import time
from pathlib import Path

import msgspec
from msgspec import Struct, field

from deadreckon.projections.digest import TableDigest
from deadreckon.projections.sinks.atomic_files import replace_bytes
from deadreckon.projections.sinks.sink import DamagedError, NewerFormatError

NAME = "manifest.json"
FORMAT = 2  # in format 1 the parts, current or merged, ended in `.parquet` themselves
FOREVER = (1 << 63) - 1
DELAY = 500_000_000  # nanoseconds; covers the time between planning a query and running it
GRACE = 60_000_000_000  # nanoseconds; a query that runs longer may find its files gone


class LakePart(Struct):
    """One Parquet file of a table: log sequences `first`..`last`.

    Visible to queries whose time lies in [`born`, `retired`) (wall time, nanoseconds UTC). `level`
    counts the merges that made it, `bytes` is its length on disk and `digest` the SHA-256 (hex) of
    its bytes.
    """

    table: str
    file: str
    rows: int
    first: int
    last: int
    bytes: int
    level: int = 0
    born: int = 0
    retired: int = FOREVER
    digest: str = ""


class TableTotals(Struct):
    """Row count and digest of a table's current rows, and of all its changes."""

    rows: int = 0
    digest: str = TableDigest().text
    change_rows: int = 0
    change_digest: str = TableDigest().text


class LakeMoment(Struct):
    """Extent of the lake at a time: from `born` on (wall time, nanoseconds UTC) it was at
    `sequence`."""

    sequence: int = field(name="place")
    born: int


class LakeManifest(Struct):
    """The current contents of the lake, and those within `GRACE`.

    `horizon` is the wall time before which retired parts are forgotten; `views` is the version of
    the statements that made `analytics.duckdb`; `sequence` is the last sequence stored.
    """

    shape: str
    format: int = FORMAT
    generation: int = 1
    sequence: int = field(name="place", default=0)
    horizon: int = 0
    views: str = ""
    tables: dict[str, TableTotals] = {}
    moments: list[LakeMoment] = []
    parts: list[LakePart] = []

    def live(self, table: str) -> list[LakePart]:
        """Return the parts that hold a table now, in log order."""
        return [part for part in self.parts if part.table == table and part.retired == FOREVER]

    def stamp(self) -> int:
        """Return the wall time for a change, later than every earlier stamp.

        A clock that was set back would hide new parts until it caught up; in that case all stamps
        move to the past.
        """
        now = time.time_ns()
        if now <= self._latest():
            self.settle(now)
        return now

    def settle(self, now: int) -> None:
        """Make everything visible at once, as if the last change had been made `DELAY` ago."""
        then = now - DELAY
        before = [moment for moment in self.moments if moment.born < then]
        self.moments = before + [LakeMoment(moment.sequence, then) for moment in self.moments[-1:]]
        for part in self.parts:
            part.born = min(part.born, then)
            if part.retired != FOREVER:
                part.retired = min(part.retired, then)
        self.horizon = min(self.horizon, then)

    def forget(self, now: int) -> list[LakePart]:
        """Drop the history that no query may read any more; returns the parts to delete."""
        before = now - GRACE
        gone = [part for part in self.parts if part.retired <= before]
        if gone:
            self.horizon = max(self.horizon, max(part.retired for part in gone))
            self.parts = [part for part in self.parts if part.retired > before]
        recent = [moment for moment in self.moments if moment.born > before]
        self.moments = self.moments[-len(recent) - 1 :]
        return gone

    def _latest(self) -> int:
        stamps = [part.born for part in self.parts]
        stamps += [part.retired for part in self.parts if part.retired != FOREVER]
        return max(stamps + [moment.born for moment in self.moments], default=0)


class _Stamped(Struct):
    format: int


def read(folder: Path) -> LakeManifest | None:
    """Read the manifest of a lake; None when there is none. Raises NewerFormatError,
    DamagedError."""
    path = folder / NAME
    try:
        content = path.read_bytes()
        stamp = msgspec.json.decode(content, type=_Stamped)
        if stamp.format > FORMAT:
            raise NewerFormatError(
                f"{path} has format {stamp.format}, this program knows up to {FORMAT}: "
                "use the newer program"
            )
        return msgspec.json.decode(content, type=LakeManifest)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise DamagedError(f"{path}: {error}; `dr rebuild` makes the lake anew") from error


def swap(folder: Path, manifest: LakeManifest) -> None:
    """Replace the manifest that readers find."""
    replace_bytes(folder / NAME, msgspec.json.encode(manifest))
