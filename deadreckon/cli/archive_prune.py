"""`dr archive prune`: old history leaves the log, once it is proved to be in the archive."""

import re
import sys
from typing import TYPE_CHECKING, Any

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import Flag, LogOptions, checked_day

if TYPE_CHECKING:
    from deadreckon.archive.jobs.pruning import Pruned, PrunePolicy, PruneProof


def prune(
    *,
    older_than: str | None = None,
    before: str | None = None,
    options: LogOptions = LogOptions(),
    yes: Flag = False,
    dry_run: Flag = False,
) -> None:
    """Drop old history from the log: sealed days, proved message by message to be in the archive.

    The log is rolled on: it goes on with the same sequences and begins later. Every verb reads the
    archive and the log as one. No stack may run meanwhile. Interrupted, call it again: it finishes
    what it began, and until then nothing else starts on the folder.

    Example: dr archive prune --older-than 30d --data run1

    Parameters
    ----------
    older_than
        Whole days, such as 30d, before the end of what is sealed; that is log time.
    before
        Days before this one, YYYY-MM-DD.
    yes
        Do it without asking.
    dry_run
        Prove and show what would leave, and change nothing.
    """
    if options.nats is not None:
        fail(
            "a log on a server or cluster of your own cannot be rolled by this verb: it needs the "
            "server for itself; docs/runbook.md says what to do there",
            EXIT_USAGE,
        )
    policy = _policy(older_than, before)
    from deadreckon.archive.jobs.pruning import prune_log
    from deadreckon.cli.running import run
    from deadreckon.replay.opening import progress_bar

    def agrees(proof: "PruneProof") -> bool:
        if not options.json:
            _tell_proof(proof)
        return not dry_run and (yes or _confirmed())

    with progress_bar(sys.stderr.isatty() and (yes or dry_run)) as progress:
        found = run(
            lambda: prune_log(
                options.data, policy, agrees=agrees, dry_run=dry_run, progress=progress
            )
        )
    if options.json:
        print_document(_document(found))
    else:
        _tell(found, dry_run)
    if not found.done and not dry_run and found.proof and found.proof.ranges:
        fail("nothing was changed; --yes does it without asking", EXIT_DIFFERENCE)


def _policy(older_than: str | None, before: str | None) -> "PrunePolicy | None":
    from deadreckon.archive.jobs.pruning import PrunePolicy

    if older_than is not None and before is not None:
        fail("say --older-than or --before, not both", EXIT_USAGE)
    if older_than is not None:
        days = re.fullmatch(r"(\d{1,6})d", older_than)
        if not days:
            fail(f"{older_than!r} is not a number of days; write it as 30d", EXIT_USAGE)
        return PrunePolicy(days=int(days[1]))
    if before is None:
        return None
    return PrunePolicy(before=checked_day(before))


def _confirmed() -> bool:
    """Ask for confirmation. False when stdin is not a terminal."""
    question = "Drop these messages from the log? [y/N] "
    return sys.stdin.isatty() and input(question).strip().lower() in ("y", "yes")


def _tell_proof(proof: "PruneProof") -> None:
    from deadreckon.cli.terminal.tables import Column, console, plain_table

    print("In the log and in the archive alike, by sequence, time, subject and bytes:")
    right = [Column(name, right=True) for name in ("first", "last", "messages")]
    table = plain_table([Column("range", right=True), Column("day"), *right, Column("root")])
    for each in proof.ranges:
        figures = (f"{each.first:,}", f"{each.last:,}", f"{each.messages:,}")
        table.add_row(str(each.number), each.day, *figures, each.root)
    console().print(table)
    total = sum(each.messages for each in proof.ranges)
    for key in sorted({each.public_key for each in proof.ranges}):
        print(f"sealed with ed25519 key {key}")
    kept = max(proof.log.last - proof.first + 1, 0)
    print(
        f"{len(proof.ranges)} ranges with {total:,} messages leave the log, {kept:,} messages "
        f"stay: it will begin with {proof.first:,}.",
        flush=True,
    )


def _tell(found: "Pruned", dry_run: bool) -> None:
    if found.proof is not None and not found.proof.ranges:
        print("Nothing of the log is sealed and old enough.")
    elif found.done:
        print(
            f"The log begins with {found.first:,}. Its store took {found.bytes_before:,} bytes on "
            f"disk and takes {found.bytes_after:,}; the archive takes {found.bytes_archived:,}."
        )
    elif dry_run:
        print("Nothing was changed.")


def _document(found: "Pruned") -> dict[str, Any]:
    names = ("number", "day", "first", "last", "messages", "events", "root", "public_key")
    ranges = found.proof.ranges if found.proof else []
    return {
        "done": found.done,
        "finished_earlier": found.proof is None,
        "ranges": [{name: getattr(each, name) for name in names} for each in ranges],
        "messages": sum(each.messages for each in ranges),
        "first_sequence": found.first,
        "store_bytes_before": found.bytes_before,
        "store_bytes_after": found.bytes_after,
        "archive_bytes": found.bytes_archived,
    }
