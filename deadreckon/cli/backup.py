"""`dr backup` and `dr restore`: a data folder in one file, and back."""

import json as codec
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deadreckon.cli.app import EXIT_USAGE, fail

if TYPE_CHECKING:
    from deadreckon.archive.jobs.backup import BackupManifest


def backup(
    file: Path, *, data: Path = Path("var"), credentials: bool = False, json: bool = False
) -> None:
    """Write a folder's log, archive and what lies beside into one file; a running stack goes on.

    Views and snapshots are left out: `dr restore` makes them from the log. A message that is
    damaged in the store ends the backup with an error.

    Example: dr backup desk-2026-11-21.backup --data run1

    Parameters
    ----------
    file
        The file to write; it must not exist.
    data
        The folder of the stack, running or not.
    credentials
        Put the credentials in as well, so that producers need no new ones; keep the file as
        safe as the folder then.
    json
        Print one JSON object.
    """
    from deadreckon.archive.jobs.backup import BackupError, back_up
    from deadreckon.cli.running import run
    from deadreckon.replay.audit.job import progress_reporter

    try:
        with progress_reporter(sys.stderr.isatty()) as progress:
            found = run(lambda: back_up(data, file, credentials=credentials, progress=progress))
    except BackupError as error:
        fail(str(error))
    _tell(f"{file} holds", found, json)


def restore(file: Path, *, data: Path, json: bool = False) -> None:
    """Make a folder from a backup: the log as it was, its views built anew. Nothing is started.

    Every part is checked against the backup's own digests, and the log that results against the
    log that was backed up. Without credentials in the backup new ones are made.

    Example: dr restore desk-2026-11-21.backup --data run2

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
    from deadreckon.archive.jobs.backup import BackupError
    from deadreckon.archive.jobs.backup import restore_backup as job
    from deadreckon.cli.running import run
    from deadreckon.projections.store import NAMES
    from deadreckon.replay.audit.job import progress_reporter
    from deadreckon.replay.verify.job import rebuild

    shows = sys.stderr.isatty()
    try:
        with progress_reporter(shows) as progress:
            found = run(
                lambda: job(
                    file,
                    data,
                    progress=progress,
                    rebuild=lambda made: rebuild(made, NAMES, None, shows=shows),
                )
            )
    except BackupError as error:
        fail(str(error))
    _tell(f"{data} has", found, json)


def _tell(where: str, manifest: "BackupManifest", as_json: bool) -> None:
    from deadreckon.archive.jobs.backup import summary

    facts = summary(manifest)
    if as_json:
        print(codec.dumps(facts))
        return
    print(
        f"{where} {facts['messages']:,} messages up to sequence {facts['last_sequence']:,}, "
        f"{facts['files']} files, {facts['bytes'] / 1e6:.1f} MB; log {facts['log_digest'][:16]}"
    )
