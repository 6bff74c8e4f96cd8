"""The stored projections of a folder, opened when they are first needed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deadreckon.contracts.errors import OperationalError
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks.sink import SupersededError
from deadreckon.projections.store import extent, open_projector, paths, renew
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder

log = log_lines.Logger()


class ViewAheadError(OperationalError):
    """You opened a view that is ahead of its log: the log was cut, and the view cannot be used."""


class ViewsClosedError(OperationalError):
    """You opened stored views that were closed before: the stack has ended."""


class StoredViews:
    """The stored projections of a folder (audit database, lake, metrics), opened on first use.

    Opening large ones and writing take seconds, which no decision may wait for, so both are done in
    threads. One thread at a time works on them: Python's sqlite3 crashes the process when a
    connection is closed in one thread while another executes a statement. Raises SinkError for
    files that cannot be continued.
    """

    def __init__(self, folder: Folder) -> None:
        self._paths = paths(folder.root)
        self._alone = threading.Lock()
        self._closed = False
        self._projector: Projector | None = None
        self.extent = extent(self._paths)

    @property
    def opened(self) -> bool:
        """True when they have been opened."""
        return self._projector is not None

    @property
    def projector(self) -> Projector:
        """The projector that writes them; opens them on first use, one thread at a time."""
        return self._projector or self._open_first()

    def write(self, *, save: bool = False) -> None:
        """Make what was folded visible; with `save` the next start continues from here."""
        projector = self.projector
        with self._alone:
            if save:
                projector.save()
            else:
                projector.flush()

    def reopen(self) -> None:
        """Open the current files, to continue from their sequence."""
        with self._alone:
            self._projector = self._open()

    def close(self) -> None:
        """Flush and close them, if they are open, once no thread writes or opens them."""
        with self._alone:
            self._closed = True
            if self._projector is not None:
                # By a rebuild; the next start continues with its files.
                with suppress(SupersededError):
                    self._projector.close()

    def _open_first(self) -> Projector:
        with self._alone:
            if self._projector is None:
                self._projector = self._open()
            return self._projector

    def _open(self) -> Projector:
        if self._closed:
            raise ViewsClosedError("the stored views were closed: the stack has ended")
        return open_projector(self._paths)


@contextmanager
def stored_views(folder: Folder) -> Iterator[StoredViews]:
    """Provide the stored views of a folder, closed at the end. Those that an older program wrote
    with other columns begin anew, and are folded from the log again."""
    for name in renew(paths(folder.root)):
        log.info("view_begins_anew", view=name, reason="another version wrote other columns")
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
