"""Paths of a data folder's projections, and how to open them for writing."""

from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import Struct

from deadreckon.projections.metrics import file
from deadreckon.projections.metrics.file import MetricsFile
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks import lake_writer, manifest, sqlite
from deadreckon.projections.sinks.audit_database import AuditDatabase
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.lake_writer import LakeSink
from deadreckon.projections.sinks.sink import (
    NewerFormatError,
    Sink,
    SinkError,
    StateShapeError,
)
from deadreckon.projections.sinks.sqlite import SqliteSink

NAMES = ("audit", "lake", "metrics")


class ProjectionPaths(Struct, frozen=True):
    """Paths of every projection under one data folder."""

    audit: Path
    lake: Path
    analytics: Path
    metrics: Path


def paths(data: Path) -> ProjectionPaths:
    """Return the paths of a data folder's projections."""
    return ProjectionPaths(
        audit=data / "audit.sqlite",
        lake=data / "lake",
        analytics=data / "analytics.duckdb",
        metrics=data / "metrics.json",
    )


def open_projector(
    where: ProjectionPaths, names: Collection[str] = NAMES, *, queried: bool = True
) -> Projector:
    """Open a projector that continues the stored projections, or begins them. Raises SinkError.

    With `queried` false the lake gets no SQL views, because it must not be queried yet.
    """
    sinks: list[Sink] = []
    if "audit" in names:
        sinks.append(SqliteSink(where.audit))
    if "lake" in names:
        sinks.append(LakeSink(where.lake, where.analytics if queried else None))
    return Projector(sinks, MetricsFile(where.metrics) if "metrics" in names else None)


class ProjectionExtent(Struct, frozen=True):
    """Lowest and highest sequence of the projections under a data folder."""

    least: int
    furthest: int


def extent(where: ProjectionPaths) -> ProjectionExtent:
    """Read how far the projections are without opening them for writing, which takes seconds for
    large ones. Raises SinkError."""
    reached = sequences(where).values()
    return ProjectionExtent(min(reached), max(reached))


def sequences(where: ProjectionPaths) -> dict[str, int]:
    """Read the sequence of each projection, 0 for one that is not there, and write nothing.

    Raises SinkError.
    """
    found = dict.fromkeys(NAMES, 0)
    found["metrics"] = file.read_sequence(where.metrics)
    if where.audit.exists():
        book = AuditDatabase(where.audit)
        found["audit"] = book.sequence
        book.close()
    if manifest.read(where.lake) is not None:
        found["lake"] = Lake(where.lake).sequence
    return found


def renew(where: ProjectionPaths) -> list[str]:
    """Begin anew the stores that another version wrote with other columns; returns their names.

    The log has everything: the next fold fills them. Other faults are left for the opening.
    """
    stores: tuple[tuple[str, Callable[[], None], Callable[[], None]], ...] = (
        (
            "audit",
            lambda: AuditDatabase(where.audit).close(),
            lambda: sqlite.begin_anew(where.audit),
        ),
        ("lake", lambda: Lake(where.lake).close(), lambda: lake_writer.begin_anew(where.lake)),
    )
    renewed = []
    for name, look, begin in stores:
        try:
            look()
        except StateShapeError:
            begin()
            renewed.append(name)
        except SinkError:
            continue
    return renewed


def refuse_newer(where: ProjectionPaths) -> None:
    """Raise NewerFormatError if a newer program wrote any projection; ignores other faults."""
    for look in (
        lambda: AuditDatabase(where.audit).close(),
        lambda: manifest.read(where.lake),
        lambda: file.read(where.metrics),
    ):
        try:
            look()
        except NewerFormatError:
            raise
        except SinkError:
            continue
