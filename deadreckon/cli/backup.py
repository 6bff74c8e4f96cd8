"""`dr backup`: a data folder in one file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deadreckon.cli.document import print_document
from deadreckon.cli.options import FolderOptions

if TYPE_CHECKING:
    from deadreckon.archive.jobs.backup import BackupManifest


def backup(
    file: Path,
    *,
    options: FolderOptions = FolderOptions(),
    credentials: bool = False,
) -> None:
    """Write a folder's log, archive and other files into one file; a running stack goes on.

    Views and snapshots are left out: `dr restore` makes them from the log. A message that is
    damaged in the store ends the backup with an error.

    Example: dr backup 2026-11-21.backup --data run1

    Parameters
    ----------
    file
        The file to write; it must not exist.
    credentials
        Put the credentials in as well, so that producers need no new ones; keep the file as
        safe as the folder then.
    """
    from deadreckon.archive.jobs.backup import back_up
    from deadreckon.cli.running import run
    from deadreckon.replay.opening import progress_bar

    with progress_bar(sys.stderr.isatty()) as progress:
        found = run(lambda: back_up(options.data, file, credentials=credentials, progress=progress))
    print_summary(f"{file} holds", found, options.json)


def print_summary(where: str, manifest: "BackupManifest", as_json: bool) -> None:
    """Print what a backup or a restored folder holds."""
    from deadreckon.archive.jobs.backup import summary

    facts = summary(manifest)
    if as_json:
        print_document(facts)
        return
    print(
        f"{where} {facts['messages']:,} messages up to sequence {facts['last_sequence']:,}, "
        f"{facts['files']} files, {facts['bytes'] / 1e6:.1f} MB; log {facts['log_digest'][:16]}"
    )
