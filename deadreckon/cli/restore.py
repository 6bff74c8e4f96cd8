"""`dr restore`: a data folder from a backup."""

import sys
from pathlib import Path

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.backup import print_summary


def restore(file: Path, *, data: Path, json: bool = False) -> None:
    """Make a folder from a backup: the log as it was, its views built anew. Nothing is started.

    Every part is checked against the backup's own digests, and the log that results against the
    log that was backed up. Without credentials in the backup new ones are made.

    Example: dr restore 2026-11-21.backup --data run2

    Parameters
    ----------
    file
        What `dr backup` wrote.
    data
        The folder to make; it must not exist, or be empty.
    json
        Print one JSON object.
    """
    if not file.is_file():
        fail(f"{file} is not there; `dr backup {file}` would write it", EXIT_USAGE)
    from deadreckon.archive.jobs.backup import restore_backup as job
    from deadreckon.cli.running import run
    from deadreckon.projections.store import NAMES
    from deadreckon.replay.opening import progress_bar
    from deadreckon.replay.verify.job import rebuild

    shows = sys.stderr.isatty()
    with progress_bar(shows) as progress:
        found = run(
            lambda: job(
                file,
                data,
                progress=progress,
                rebuild=lambda made: rebuild(made, NAMES, None, shows=shows),
            )
        )
    print_summary(f"{data} has", found, json)
