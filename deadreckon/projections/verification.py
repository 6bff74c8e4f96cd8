"""Verification of projections against their own digests and a fresh fold of the log."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from polars.exceptions import PolarsError

from deadreckon.contracts.event import Recorded
from deadreckon.projections.analytics import database
from deadreckon.projections.comparison import (
    TableDifference,
    compare,
    first_change,
    first_origin,
)
from deadreckon.projections.metrics import file as metrics_file
from deadreckon.projections.metrics import fold as metrics
from deadreckon.projections.metrics.file import MetricsFile, Saved
from deadreckon.projections.metrics.series import BETWEEN, Series
from deadreckon.projections.projector import Projector
from deadreckon.projections.rebuild import Message
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.lake_writer import LakeSink
from deadreckon.projections.sinks.sink import DamagedError, Sink, SinkError
from deadreckon.projections.sinks.sqlite import SqliteSink
from deadreckon.projections.store import NAMES, ProjectionPaths, paths
from deadreckon.projections.tables import TABLES

SEQUENCE = "sequence"  # the column of a difference that is about a whole projection: it is behind


class Verifier:
    """Fresh fold of the log in a temporary folder, compared with each projection at the sequence of
    that projection.

    Fold every message from 1 to `last`; then `differences` holds what was found: at most one
    difference for each projection, and one for DuckDB's views over the lake.
    """

    def __init__(self, where: ProjectionPaths, names: Collection[str], scratch: Path) -> None:
        self.differences: list[TableDifference] = []
        self._audit = self._open("audit", names, lambda: _examined(where.audit))
        self._lake = self._open("lake", names, lambda: _pinned(where.lake, scratch / "stored"))
        if self._lake and (fault := database.fault(where.analytics, where.lake)):
            self.differences.append(TableDifference("views", "", (), "", "", "", fault))
        self._metrics = self._open("metrics", names, lambda: metrics_file.read(where.metrics))
        self._fresh = SqliteSink(scratch / "audit.sqlite")
        self._fresh_lake = LakeSink(scratch / "lake", None) if self._lake else None
        self._metrics_file = MetricsFile(scratch / "metrics.json") if self._metrics else None
        sinks: list[Sink] = [self._fresh]
        if self._fresh_lake:
            sinks.append(self._fresh_lake)
        self._projector = Projector(sinks, self._metrics_file)
        if self._audit:
            self._audit.query("BEGIN")  # its writer may continue; the copy stays as it is
            self._audit.query("SELECT count(*) FROM _projection")
        self._meet()

    @property
    def last(self) -> int:
        """The highest sequence of any projection: fold the log up to here."""
        return max(self.reached.values(), default=0)

    @property
    def reached(self) -> dict[str, int]:
        """The sequence of each projection that could be opened; it is compared there."""
        opened = {"audit": self._audit, "lake": self._lake, "metrics": self._metrics}
        return {name: stored.sequence for name, stored in opened.items() if stored}

    def require(self, end: int, names: Collection[str]) -> None:
        """Record as a difference that a projection of these names is behind the log's `end`: what
        it lacks was not compared."""
        for name in names:
            sequence = self.reached.get(name, end)
            if sequence < end:
                self._note([_behind(name, sequence, end)])

    def fold(
        self, sequence: int, facts: Sequence[Recorded[Any]], stored_at: int | None = None
    ) -> None:
        """Fold one message, and compare the projections that are at its sequence."""
        self._projector.fold(sequence, facts, stored_at)
        self._meet()

    def close(self) -> None:
        """Release files and delete the fresh fold."""
        self._projector.close()
        if self._audit:
            self._audit.close()

    def _open(self, name: str, names: Collection[str], opening: Callable[[], Any]) -> Any:
        if name not in names:
            return None
        try:
            return opening()
        except SinkError as error:
            self._note([TableDifference(name, "", (), "", "", "", str(error))])
        except (OSError, sqlite3.Error) as error:
            self._note([_damaged(name, error)])
        return None

    def _meet(self) -> None:
        reached = self._projector.sequence
        if self._audit and self._audit.sequence == reached:
            try:
                self._compare_audit(self._audit)
            except sqlite3.Error as error:  # for example: a table is gone
                self._note([_damaged("audit", error)])
        if self._lake and self._lake.sequence == reached:
            self._compare_lake(self._lake)
        if self._metrics and self._metrics.sequence == reached:
            self._compare_metrics(self._metrics)

    def _compare_audit(self, audit: AuditDatabase) -> None:
        self._projector.flush()
        differences = (compare(table, audit, self._fresh) for table in TABLES)
        self._note(differences)
        if not any(found.projection == audit.name for found in self.differences):
            self._note(
                first_origin(table, audit.name, audit.origins(table), self._fresh.origins(table))
                for table in TABLES
            )

    def _compare_lake(self, lake: Lake) -> None:
        self._projector.flush()
        damage = lake.damage()
        try:
            self._compare_lines(lake)
        except PolarsError:
            if damage is None:
                raise  # a bug: these bytes are what was written
        if damage is not None:
            self._note([TableDifference(lake.name, "", (), "", "", "", damage)])

    def _compare_lines(self, lake: Lake) -> None:
        fresh = self._fresh_lake
        assert fresh is not None
        self._note(compare(table, lake, self._fresh) for table in TABLES)
        changing = [table for table in TABLES if table.updates]
        self._note(
            first_change(table, lake.name, lake.every_line(table), fresh.every_line(table))
            for table in changing
        )

    def _compare_metrics(self, saved: Saved) -> None:
        metrics_file = self._metrics_file
        assert metrics_file is not None
        metrics_file.flush()
        stored = metrics.settled(saved.state, saved.sequence)
        self._note(_differing_series(stored, metrics_file.visible))

    def _note(self, differences: Iterable[TableDifference | None]) -> None:
        """Record the first difference, unless this projection has one already."""
        first = next((found for found in differences if found), None)
        known = {found.projection for found in self.differences}
        if first and first.projection not in known:
            self.differences.append(first)


@contextmanager
def verifying(data: Path, names: Collection[str] = NAMES) -> Iterator[Verifier]:
    """Open a verifier of the projections in `data`, with a temporary folder for the fresh fold."""
    with (
        tempfile.TemporaryDirectory(dir=data, prefix=".verifying-") as scratch,
        closing(Verifier(paths(data), names, Path(scratch))) as verifier,
    ):
        yield verifier


def verify(
    data: Path,
    log: Iterable[Message],
    names: Collection[str] = NAMES,
    progress: Callable[[int], None] | None = None,
) -> list[TableDifference]:
    """Compare projections with a whole log; [] when they agree. `progress` is called with each
    sequence."""
    with verifying(data, names) as verifier:
        for sequence, facts, stored_at in log:
            if sequence > verifier.last:
                break
            verifier.fold(sequence, facts, stored_at)
            if progress:
                progress(sequence)
        return verifier.differences


def _behind(name: str, sequence: int, end: int) -> TableDifference:
    """Make the difference of a projection that lacks the last messages of the log."""
    note = (
        f"behind the log: its last {end - sequence} messages are not in this view, and were not "
        "compared; start the stack, or `dr rebuild`"
    )
    return TableDifference(name, "", (), SEQUENCE, str(sequence), str(end), note)


def _damaged(name: str, error: Exception) -> TableDifference:
    """Make the difference of a projection that cannot be read."""
    return TableDifference(name, "", (), "", "", "", f"{error}; `dr rebuild` makes it anew")


def _examined(path: Path) -> AuditDatabase:
    """Open the audit database and check every page; a damaged index would give wrong answers."""
    book = AuditDatabase(path)
    try:
        book.examine()
    except DamagedError:
        book.close()
        raise
    return book


def _pinned(folder: Path, scratch: Path) -> Lake:
    """Pin the current lake by hard links, so that its writer may merge and delete parts."""
    lake = Lake(folder)
    for table in TABLES:
        for part in lake.manifest.live(table.name):
            pinned = scratch / part.file
            pinned.parent.mkdir(parents=True, exist_ok=True)
            os.link(folder / part.file, pinned)
    lake.folder = scratch
    return lake


def _differing_series(stored: Series, fresh: Series) -> Iterator[TableDifference | None]:
    for kind in ("counters", "gauges", "histograms"):
        mine, theirs = getattr(stored, kind), getattr(fresh, kind)
        for metric in sorted(mine.keys() | theirs.keys()):
            here, there = mine.get(metric, {}), theirs.get(metric, {})
            for key in sorted(here.keys() | there.keys()):
                if here.get(key) != there.get(key):
                    labels = tuple(key.split(BETWEEN))
                    sides = (str(here.get(key)), str(there.get(key)))
                    yield TableDifference("metrics", metric, labels, "", *sides, "value differs")
