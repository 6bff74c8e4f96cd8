"""Rebuild of projections from the log in a separate folder, swapped in when complete."""

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deadreckon.contracts.event import Recorded
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks import lake_writer, sqlite
from deadreckon.projections.store import NAMES, open_projector, paths, refuse_newer
from deadreckon.runtime.process import durable
from deadreckon.runtime.process.file_lock import file_lock

Message = tuple[int, Sequence[Recorded[Any]], int | None]  # sequence, facts, stored_at

_FOLDER = "rebuilding"


@contextmanager
def building(data: Path, names: Collection[str] = NAMES) -> Iterator[Projector]:
    """Yield an empty projector next to the projections in `data`; when the block ends without an
    exception, its contents replace them atomically. Killed or failed before that, they stay as they
    were.

    A process that writes the old projections meanwhile gets SupersededError at its next flush, and
    reopens them. Raises LockedError when another rebuild runs, NewerFormatError.
    """
    unknown = set(names) - set(NAMES)
    if unknown:
        raise ValueError(f"no projection is called {', '.join(sorted(unknown))}: {NAMES}")
    refuse_newer(paths(data))
    folder = data / _FOLDER
    with file_lock(data / f"{_FOLDER}.lock"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            projector = open_projector(paths(folder), names, queried=False)
            yield projector
            projector.close()
            _swap(data, folder, names)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def rebuild(
    data: Path,
    log: Iterable[Message],
    names: Collection[str] = NAMES,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Rebuild projections from a whole log; returns the sequence reached. `progress` is called
    with each sequence."""
    with building(data, names) as projector:
        for sequence, facts, stored_at in log:
            projector.fold(sequence, facts, stored_at)
            if progress:
                progress(sequence)
        return projector.sequence


def _swap(data: Path, folder: Path, names: Collection[str]) -> None:
    old, new = paths(data), paths(folder)
    if "audit" in names:
        sqlite.adopt(old.audit, new.audit)
    if "lake" in names:
        lake_writer.adopt(old.lake, new.lake)
        lake_writer.LakeSink(old.lake, old.analytics).close()  # creates the views anew
    if "metrics" in names and new.metrics.exists():
        durable.move(new.metrics, old.metrics)
