"""The stored projections of a folder, opened when they are first needed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deadreckon.contracts.errors import OperationalError
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks.sink import SupersededError
from deadreckon.projections.store import extent, open_projector, paths
from deadreckon.runtime.process.folder import Folder


class ViewAheadError(OperationalError):
    """You opened a view that is ahead of its log: the log was cut, and the view cannot be used."""


class StoredViews:
    """The stored projections of a folder (audit database, lake, metrics), opened on first use.

    Raises SinkError for files that cannot be continued. Opening large ones takes seconds, and no
    decision may wait for that.
    """

    def __init__(self, folder: Folder) -> None:
        self._paths = paths(folder.root)
        self._opening = threading.Lock()
        self._projector: Projector | None = None
        self.extent = extent(self._paths)

    @property
    def opened(self) -> bool:
        """True when they have been opened."""
        return self._projector is not None

    @property
    def projector(self) -> Projector:
        """The projector that writes them; opens them on first use, one thread at a time."""
        with self._opening:
            if self._projector is None:
                self._projector = open_projector(self._paths)
            return self._projector

    def reopen(self) -> None:
        """Open the current files, to continue from their sequence."""
        self._projector = open_projector(self._paths)

    def close(self) -> None:
        """Flush and close them, if they are open."""
        with self._opening:
            if self._projector is not None:
                # By a rebuild; the next start continues with its files.
                with suppress(SupersededError):
                    self._projector.close()


@contextmanager
def stored_views(folder: Folder) -> Iterator[StoredViews]:
    """Provide the stored views of a folder, closed at the end."""
    stored = StoredViews(folder)
    try:
        yield stored
    finally:
        stored.close()


def check_sequence(stored: StoredViews, last: int) -> None:
    """Raise ViewAheadError if the views are ahead of the log, whose last message is `last`."""
    furthest = stored.extent.furthest
    if furthest > last:
        raise ViewAheadError(
            f"a view has seen message {furthest}, but the log ends at {last}: the log was cut; "
            "restore it, or rebuild the views with `dr rebuild`"
        )
