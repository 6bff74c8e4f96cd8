"""The lake's table of contents: swapped whole, so that a reader sees one moment of the log.

A reader lists the files and reads the manifest at different moments, and the writer moves on
between. So the manifest says *when* each part came and went, and every view shows the lake as it
was `DELAY` before its query began: the parts of that moment were there when it listed them, and
they stay on disk for `GRACE` after they went.
"""

import time
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.projections.digest import TableDigest
from deadreckon.projections.sinks.atomic_files import replace_bytes
from deadreckon.projections.sinks.sink import FORMAT, DamagedError, NewerFormatError

NAME = "manifest.json"
FOREVER = (1 << 63) - 1
DELAY = 500_000_000  # nanoseconds; covers the time between planning a query and running it
GRACE = 60_000_000_000  # nanoseconds; a query that runs longer may find its files gone


class LakePart(Struct):
    """One Parquet file of a table: log sequences `first`..`last`.

    It is to be seen by queries that look at a moment in [`born`, `retired`) (wall time,
    nanoseconds UTC). `level` counts the merges behind it, `bytes` is its length on disk and
    `digest` the SHA-256 (hex) of its bytes.
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
    """Rows and digest of a table as it stands, and the same over all its change rows."""

    rows: int = 0
    digest: str = TableDigest().text
    change_rows: int = 0
    change_digest: str = TableDigest().text


class LakeMoment(Struct):
    """From `born` on (wall time) the lake stood at sequence `place`."""

    place: int
    born: int


class LakeManifest(Struct):
    """The lake as it stands, and as it was within `GRACE`.

    `horizon` is the moment (wall time) before which its history is forgotten; `views` says which
    statements `analytics.duckdb` was made of.
    """

    shape: str
    format: int = FORMAT
    generation: int = 1
    place: int = 0
    horizon: int = 0
    views: str = ""
    tables: dict[str, TableTotals] = {}
    moments: list[LakeMoment] = []
    parts: list[LakePart] = []

    def live(self, table: str) -> list[LakePart]:
        """The parts that hold a table now, in log order."""
        return [part for part in self.parts if part.table == table and part.retired == FOREVER]

    def stamp(self) -> int:
        """The wall time for a change, later than every stamp before.

        A clock that was set back would hide what is new until it has caught up; then all stamps
        move to the past instead.
        """
        now = time.time_ns()
        if now <= self._latest():
            self.settle(now)
        return now

    def settle(self, now: int) -> None:
        """Show everything at once: as if the last change had been made `DELAY` ago."""
        then = now - DELAY
        before = [moment for moment in self.moments if moment.born < then]
        self.moments = before + [LakeMoment(moment.place, then) for moment in self.moments[-1:]]
        for part in self.parts:
            part.born = min(part.born, then)
            if part.retired != FOREVER:
                part.retired = min(part.retired, then)
        self.horizon = min(self.horizon, then)

    def forget(self, now: int) -> list[LakePart]:
        """Drop the history that no query may ask for any more; returns the parts to delete."""
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
    """The manifest of a lake; null when there is none. Raises NewerFormatError, DamagedError."""
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
    """Make a manifest the one that readers find."""
    replace_bytes(folder / NAME, msgspec.json.encode(manifest))
