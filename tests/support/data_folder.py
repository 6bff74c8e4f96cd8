"""A data folder with views in it, made by hand and without a server."""

from pathlib import Path

from deadreckon.projections.store import open_projector, paths
from deadreckon.runtime.process.folder import Folder
from tests.support.handmade_logs import Log, busy_log, tell


def viewed(root: Path, log: Log | None = None) -> Folder:
    """A folder whose views have read a log to its end."""
    folder = Folder(root).create()
    projector = open_projector(paths(root), ["audit", "metrics"])
    tell(projector, log or busy_log(seed=1, orders=60))
    projector.close()
    return folder
