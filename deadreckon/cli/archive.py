"""`dr archive`: closed days of the log in sealed files, and the proof that they are unchanged."""

import re
import sys
from typing import TYPE_CHECKING

from cyclopts import App

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, Verb, VerbEnd, add, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import Everything, Flag, FolderOptions, LogOptions, checked_day

if TYPE_CHECKING:
    from deadreckon.archive.sealer import SealResult
    from deadreckon.archive.verification import ArchiveVerdict

archive = App(
    name="archive",
    help="Closed days of the log, sealed in files. Example: dr archive seal --data run1",
)


@archive.command(name="seal")
def seal(
    day: str | None = None,
    /,
    *,
    everything: Everything = False,
    again: Flag = False,
    options: LogOptions = LogOptions(),
) -> None:
    """Put days of the log that are over into the archive, each hashed, signed and linked.

    A range follows the one before it, so earlier days that are not sealed yet are sealed as well.
    Sealing again changes nothing; one that was interrupted goes on. The log stays as it is, but
    for a line about each range. Exits 1 for a day that is not over.

    Example: dr archive seal 2022-01-15 --data run1

    Parameters
    ----------
    day
        Seal up to this UTC day of decision time, YYYY-MM-DD; without one, every day that is over.
    everything
        All there is, the day that is not over as far as it goes.
    again
        The archive, or its end, was lost: write first, from what the log still has, the ranges
        that the log says were sealed. They must have the roots that they had.
    """
    if day is not None and everything:
        fail("name a day such as 2022-01-15, or --all, or neither", EXIT_USAGE)
    from deadreckon.archive.jobs.verbs import seal_archive as job
    from deadreckon.cli.running import run
    from deadreckon.replay.opening import progress_bar

    if day is not None:
        day = checked_day(day)
    with progress_bar(sys.stderr.isatty()) as progress:
        found = run(
            lambda: job(
                options.data,
                options.nats,
                day,
                everything=everything,
                again=again,
                progress=lambda done, end: progress("sealing", done, end),
            )
        )
    _tell_sealing(found, options.json)


def _tell_sealing(found: "SealResult", as_json: bool) -> None:
    from deadreckon.archive.jobs.verbs import plain

    if as_json:
        print_document(plain(found), found.end)
        return
    for each in found.sealed:
        print(
            f"{each.day}  range {each.number}: messages {each.first:,} to {each.last:,}, "
            f"{each.events:,} events, root {each.root[:16]}"
        )
    if found.restored:
        print(f"wrote {found.restored} ranges again, as the log says they were sealed")
    if found.caught_up:
        print(f"recorded in the log that {found.caught_up} ranges, sealed before, are sealed")
    if not found.sealed:
        print(f"nothing new to seal: the archive goes up to message {found.last:,}")
    open_messages = found.end - found.last
    print(f"the log is at {found.day or 'no day yet'}; messages not sealed yet: {open_messages:,}")


@archive.command(name="verify")
def verify(
    *,
    options: LogOptions = LogOptions(),
    key: str | None = None,
    alone: Flag = False,
    columns: Flag = False,
) -> None:
    """Prove the archive: chain, signatures, files, counts, Merkle roots, and what the log says.

    Where the log still has what is sealed, every message is compared with it byte for byte. Names
    the first message or file that is not as it was sealed, and exits 1 then.

    Example: dr archive verify --data run1

    Parameters
    ----------
    key
        The sealer's public key (hex) as you know it from elsewhere; without it the archive's own
        sealer.pub is believed.
    alone
        Look at the files alone, not at the log.
    columns
        Work out anew, from the messages' bytes, what the files of fills, orders and so on say.
    """
    if key is not None and not _is_public_key(key):
        fail(f"--key {key}: give the sealer's public key, 64 hex digits", EXIT_USAGE)
    from deadreckon.archive.jobs.verbs import verify_archive as job
    from deadreckon.cli.running import run
    from deadreckon.replay.opening import progress_bar

    with progress_bar(sys.stderr.isatty()) as progress:
        found = run(
            lambda: job(
                options.data,
                options.nats,
                key=key and key.lower(),
                alone=alone,
                columns=columns,
                progress=lambda done, end: progress("verifying", done, end),
            )
        )
    if not found.ranges and not found.faults and not options.json:
        fail(f"nothing is sealed in {options.data}; `dr archive seal` does it", EXIT_DIFFERENCE)
    _tell_verdict(found, options.json)
    if not found.sound:
        raise VerbEnd(EXIT_DIFFERENCE, "; ".join(fault.reason for fault in found.faults))


def _is_public_key(text: str) -> bool:
    return re.fullmatch("[0-9a-fA-F]{64}", text) is not None


def _tell_verdict(found: "ArchiveVerdict", as_json: bool) -> None:
    from deadreckon.archive.jobs.verbs import plain

    if as_json:
        more = {"sound": found.sound, "first_bad_sequence": found.first_bad_sequence}
        print_document(more | plain(found), found.last)
        return
    for fault in found.faults:
        position = "" if fault.sequence is None else f" from message {fault.sequence:,} on"
        print(f"{fault.where}{position}: {fault.reason}")
    print(
        f"{'sound' if found.sound else 'NOT SOUND'}: {found.ranges} ranges up to message "
        f"{found.last:,}, {found.messages:,} messages ({found.events:,} events) proved in "
        f"{found.files} files"
    )
    if found.first_bad_sequence is not None:
        print(f"the first message that is not as it was sealed: {found.first_bad_sequence:,}")
    if found.compared:
        recorded = f"it records {found.recorded} ranges"
        print(f"{found.compared:,} messages are in the log as well; {recorded}")
    if found.unsaid:
        print(f"{len(found.unsaid)} ranges are not recorded in the log yet: `dr archive seal`")
    print(f"signed by {', '.join(found.keys) or 'nobody: a log that was made, not recorded'}")


@archive.command(name="prove")
def prove(
    sequence: int,
    /,
    *,
    options: FolderOptions = FolderOptions(),
) -> None:
    """Prove that one message is in a sealed range, to readers with only its manifest.

    Example: dr archive prove 1234 --data run1

    Parameters
    ----------
    sequence
        The message's sequence in the log.
    """
    from deadreckon.archive.jobs.verbs import plain
    from deadreckon.archive.jobs.verbs import prove_message as job
    from deadreckon.cli.running import run

    found = run(lambda: job(options.data, sequence))
    if options.json:
        print_document(plain(found))
        return
    print(f"message {found.sequence:,} on {found.subject}, leaf {found.index:,} of {found.size:,}")
    print(f"leaf  {found.leaf}")
    for sibling in found.path:
        print(f"      {sibling}")
    print(f"root  {found.root}")
    print(f"of range {found.number}, manifest {found.manifest}, signed by {found.public_key}")


@archive.command(name="list")
def list_(*, options: FolderOptions = FolderOptions()) -> None:
    """List the sealed ranges: day, messages, events, bytes, and what a day and an event take.

    Example: dr archive list --data run1
    """
    from deadreckon.archive.jobs.verbs import list_ranges, plain
    from deadreckon.cli.running import run
    from deadreckon.cli.terminal.tables import console, ruled_table

    ranges, growth = run(lambda: list_ranges(options.data))
    if options.json:
        last = ranges[-1].last if ranges else None
        print_document({"ranges": [plain(each) for each in ranges], "growth": plain(growth)}, last)
        return
    if not ranges:
        print(f"nothing is sealed in {options.data}; `dr archive seal` does it")
        return
    table = ruled_table()
    for name in ("range", "day", "messages", "sequences", "events", "bytes", "an event"):
        table.add_column(name, justify="left" if name in ("day", "sequences") else "right")
    for each in ranges:
        table.add_row(
            f"{each.number}",
            each.day,
            f"{each.messages:,}",
            f"{each.first:,} to {each.last:,}",
            f"{each.events:,}",
            f"{each.bytes:,}",
            f"{each.bytes_per_event:,}",
        )
    console().print(table)
    print(
        f"{growth.days} days: {growth.bytes:,} bytes for {growth.events:,} events; a day is "
        f"{growth.bytes_per_day:,} bytes and {growth.events_per_day:,} events, "
        f"{growth.bytes_per_event:,} bytes an event"
    )


add(
    archive,
    {"prune": Verb("deadreckon.cli.archive_prune:prune", "Drop sealed history from the log.")},
)
