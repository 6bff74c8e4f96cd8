"""A data folder with views in it, made by hand and without a server."""

from pathlib import Path

from deadreckon.projections.store import open_projector, paths
from deadreckon.runtime.process.folder import Folder
from tests.support.handmade_logs import FactLog, busy_log, fold_log


def folder_with_views(root: Path, log: FactLog | None = None) -> Folder:
    """A folder whose views have read a log to its end."""
    folder = Folder(root).create()
    projector = open_projector(paths(root), ["audit", "metrics"])
    fold_log(projector, log or busy_log(seed=1, orders=60))
    projector.close()
    return folder
