"""The lake as a reader within the house sees it: Parquet parts, as one manifest lists them."""

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
    """Reads the lake in a folder as one manifest lists it.

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
    def place(self) -> int:
        """The last sequence whose facts are in it; 0 for none."""
        return self.manifest.place

    def standings(self) -> dict[str, TableDigest]:
        """Rows and digest of every table as it stands."""
        return {
            name: TableDigest(totals.rows, int(totals.digest, 16))
            for name, totals in self.manifest.tables.items()
        }

    def changes(self) -> dict[str, TableDigest]:
        """Rows and digest of everything that was ever written to a table that changes."""
        changing = {table.name for table in TABLES if table.updates}
        return {
            name: TableDigest(totals.change_rows, int(totals.change_digest, 16))
            for name, totals in self.manifest.tables.items()
            if name in changing
        }

    def load(self, table: Table, key: Key) -> TableRow | None:
        """One row as it stands; reads the whole column, so only for what is rare."""
        files = self._files(table)
        if not files:
            return None
        same = [col(name) == value for name, value in zip(table.identity, key, strict=True)]
        found = parts.scan(files).filter(same).sort(SEQUENCE_COLUMNS).tail(1).collect()
        rows = parts.plain(table, found)
        return table.read(rows[0]) if rows else None

    def unfinished(self, table: Table) -> Iterable[TableRow]:
        """The rows of a table that changes to which more is expected to happen."""
        updates = table.updates
        if updates is None or updates.column is None:
            return [table.read(values) for values in self.lines(table)]
        ended = sorted(updates.ended)
        return [
            table.read(values)
            for values in self._lines(table, ~col(updates.column).is_in(ended), [updates.column])
        ]

    def recent(self, table: Table, columns: Sequence[str], window: int) -> Iterable[Sequence[Any]]:
        """Some columns of the latest rows of a table that appends, in log order."""
        files = self._files(table)
        if not files:
            return []
        rows = (
            parts.scan(files).filter(col("at") >= col("at").max() - window).sort(SEQUENCE_COLUMNS)
        )
        return rows.select(columns).collect().rows()

    def lines(self, table: Table) -> Iterator[list[Any]]:
        """The values of every row as it stands, place left out."""
        if table.updates is None:
            return self.every_line(table)
        return self._lines(table, polars.lit(True), [])

    def every_line(self, table: Table) -> Iterator[list[Any]]:
        """The values of every row ever written to a table, in log order."""
        for file in self._files(table):
            yield from parts.plain(table, parts.read([file]))

    def damage(self) -> str | None:
        """Read every byte of what it holds now: the part that has other bytes than were written.

        Parquet has no checksum of its own here: a flipped bit would be another amount.
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
        """Nothing stays open."""

    def _lines(self, table: Table, wanted: polars.Expr, more: list[str]) -> Iterator[list[Any]]:
        """The latest versions that are wanted: first found by few columns, then read by part."""
        files = self._files(table)
        if not files:
            return
        few = (
            parts.scan(files)
            .select([*table.identity, *SEQUENCE_COLUMNS, *more])
            .sort(SEQUENCE_COLUMNS)
        )
        latest = few.unique(subset=table.identity, keep="last").filter(wanted)
        places = latest.select(SEQUENCE_COLUMNS).collect()
        for file in files:
            data = parts.read([file]).join(
                places, on=SEQUENCE_COLUMNS, how="semi", maintain_order="left"
            )
            yield from parts.plain(table, data)

    def _files(self, table: Table) -> list[Path]:
        return [self.folder / part.file for part in self.manifest.live(table.name)]

    def _check(self) -> None:
        """A power cut may leave a part shorter than the manifest says: it is not trusted then."""
        for part in self.manifest.parts:
            if part.retired == manifest.FOREVER and not _whole(self.folder / part.file, part):
                raise DamagedError(
                    f"{self.folder / part.file} is missing or cut short: "
                    "`dr rebuild` makes the lake anew"
                )


def _whole(file: Path, part: LakePart) -> bool:
    return file.exists() and file.stat().st_size == part.bytes
