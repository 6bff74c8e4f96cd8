"""Reader of the lake: the Parquet parts that one manifest lists."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars
from polars import col

from deadreckon.projections.columns import TableRow
from deadreckon.projections.digest import TableDigest
from deadreckon.projections.sinks import manifest, parts
from deadreckon.projections.sinks.manifest import LakeManifest, LakePart
from deadreckon.projections.sinks.sink import DamagedError, StateShapeError
from deadreckon.projections.table import Key, Table, shape
from deadreckon.projections.tables import TABLES

SEQUENCE_COLUMNS = ("sequence", "event_index")


class Lake:
    """The lake in a folder as one manifest lists it, read-only.

    Raises NewerFormatError, StateShapeError or DamagedError for a lake it cannot trust.
    """

    name = "lake"

    def __init__(self, folder: Path) -> None:
        found = manifest.read(folder)
        if found is None:
            raise DamagedError(f"{folder} holds no lake: `dr rebuild` makes it from the log")
        if found.shape != shape(TABLES):
            raise StateShapeError(f"{folder} has other columns: `dr rebuild` makes it anew")
        self.folder = folder
        self.manifest: LakeManifest = found
        self._check()

    @property
    def sequence(self) -> int:
        """The last sequence whose events are stored; 0 for none."""
        return self.manifest.sequence

    def digests(self) -> dict[str, TableDigest]:
        """Return row count and digest of the current rows of every table."""
        return {
            name: TableDigest(totals.rows, int(totals.digest, 16))
            for name, totals in self.manifest.tables.items()
        }

    def changes(self) -> dict[str, TableDigest]:
        """Return row count and digest of every change ever written, by updating table."""
        changing = {table.name for table in TABLES if table.updates}
        return {
            name: TableDigest(totals.change_rows, int(totals.change_digest, 16))
            for name, totals in self.manifest.tables.items()
            if name in changing
        }

    def load(self, table: Table, key: Key) -> TableRow | None:
        """Load the current version of one row. Reads the whole column, so only for rare cases."""
        files = self._files(table)
        if not files:
            return None
        same = [col(name) == value for name, value in zip(table.identity, key, strict=True)]
        found = parts.scan(files).filter(same).sort(SEQUENCE_COLUMNS).tail(1).collect()
        rows = parts.plain(table, found)
        return table.read(rows[0]) if rows else None

    def unfinished(self, table: Table) -> Iterable[TableRow]:
        """Return the rows of an updating table that further events may still change."""
        updates = table.updates
        if updates is None or updates.column is None:
            return [table.read(values) for values in self.lines(table)]
        ended = sorted(updates.ended)
        return [
            table.read(values)
            for values in self._lines(table, ~col(updates.column).is_in(ended), [updates.column])
        ]

    def recent(self, table: Table, columns: Sequence[str], window: int) -> Iterable[Sequence[Any]]:
        """Return some columns of the latest rows of an appending table, in log order."""
        files = self._files(table)
        if not files:
            return []
        rows = (
            parts.scan(files).filter(col("at") >= col("at").max() - window).sort(SEQUENCE_COLUMNS)
        )
        return rows.select(columns).collect().rows()

    def lines(self, table: Table) -> Iterator[list[Any]]:
        """Yield the values of every current row, without the sequence columns."""
        if table.updates is None:
            return self.every_line(table)
        return self._lines(table, polars.lit(True), [])

    def every_line(self, table: Table) -> Iterator[list[Any]]:
        """Yield the values of every row version ever written, in log order."""
        for file in self._files(table):
            yield from parts.plain(table, parts.read([file]))

    def damage(self) -> str | None:
        """Check the bytes of every current part against its digest; returns the first damaged part,
        or None.

        Parquet has no checksum of its own here: a flipped bit would change an amount unnoticed.
        """
        for part in (part for table in TABLES for part in self.manifest.live(table.name)):
            with (self.folder / part.file).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != part.digest:
                    return (
                        f"lake part {part.file} holds other bytes than were written: "
                        "`dr rebuild` makes the lake anew"
                    )
        return None

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _lines(self, table: Table, wanted: polars.Expr, more: list[str]) -> Iterator[list[Any]]:
        """Read the latest row versions that match: found by a few columns first, then read by
        part."""
        files = self._files(table)
        if not files:
            return
        few = (
            parts.scan(files)
            .select([*table.identity, *SEQUENCE_COLUMNS, *more])
            .sort(SEQUENCE_COLUMNS)
        )
        latest = few.unique(subset=table.identity, keep="last").filter(wanted)
        # By key too: one event may change several rows.
        version = [*table.identity, *SEQUENCE_COLUMNS]
        latest_versions = latest.select(version).collect()
        for file in files:
            data = parts.read([file]).join(
                latest_versions, on=version, how="semi", maintain_order="left"
            )
            yield from parts.plain(table, data)

    def _files(self, table: Table) -> list[Path]:
        return [self.folder / part.file for part in self.manifest.live(table.name)]

    def _check(self) -> None:
        """Refuse parts that are shorter than the manifest says, as a power cut may leave them."""
        for part in self.manifest.parts:
            if part.retired == manifest.FOREVER and not _whole(self.folder / part.file, part):
                raise DamagedError(
                    f"{self.folder / part.file} is missing or cut short: "
                    "`dr rebuild` makes the lake anew"
                )


def _whole(file: Path, part: LakePart) -> bool:
    return file.exists() and file.stat().st_size == part.bytes
