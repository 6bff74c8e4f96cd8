"""Runs one variant: the recorded external messages, answered by today's deciders."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.archive.location import FOLDER
from deadreckon.archive.segments import write_log
from deadreckon.contracts.event import Mode
from deadreckon.contracts.subjects import operator_subject, parse
from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.audit.document import AuditDocument
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.whatif.changes import Variant
from deadreckon.replay.whatif.job.simulation import MemoryStack, RecordedTrainer
from deadreckon.replay.whatif.log_scan import LogScan, is_external
from deadreckon.replay.whatif.outcome import RunOutcome
from deadreckon.replay.whatif.overlay import ACTOR, ChangedFact, Overlay
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.ingress import Ingress

Progress = Callable[[int], None]  # called with the external messages of the day that are done

PROGRESS_EVERY = 200  # messages between two calls


class WhatIfTask(Struct, frozen=True):
    """Common input of all runs: book, mode, and the scan of the log up to the day's end."""

    book: str
    mode: Mode
    scan: LogScan

    @property
    def day(self) -> str | None:
        """Return the UTC day, null for everything."""
        return self.scan.day


class RunResult(Struct):
    """The result of a run: its statement (that of `dr replay audit`), its outcome, and the ledger
    at the start of the day. `refitted` are the strategies whose models were fitted again."""

    statement: AuditDocument
    outcome: RunOutcome
    opening: Ledger
    overlaid: list[ChangedFact] = []
    left_out: int = 0
    refitted: list[str] = []
    folder: Path | None = None


def run_recorded(task: WhatIfTask, log: list[Stored], progress: Progress) -> RunResult:
    """Audit the record as it is."""
    return _audited(task, log[: task.scan.last], task.scan.first - 1, progress)


def run_variant(
    task: WhatIfTask, log: list[Stored], variant: Variant, progress: Progress, folder: Path | None
) -> RunResult:
    """Replay the log before the day, play the day's external messages, and audit the result.

    With a `folder` the run's log is written there, as an archive that every verb reads.
    """
    found = task.scan
    overlay = Overlay(variant)
    refitted = [name for name in found.trained() if name in variant.strategies]
    trainer = RecordedTrainer(found.fits, refitted, variant.without)
    stack = MemoryStack(log[: found.first - 1], task.book, task.mode, trainer)
    stack.replay()
    beginning = len(stack.log.messages)
    _open(task, overlay, stack, log)
    for done, stored in enumerate(_changed_messages(task, overlay, log)):
        if stored is not None:
            stack.take([stored])
        if done % PROGRESS_EVERY == 0:
            progress(done)
    run = _audited(task, stack.log.messages, beginning, lambda _: None)
    run.overlaid, run.left_out, run.refitted = overlay.overlaid, overlay.left_out, refitted
    if folder is not None:
        made = Folder(folder).create()
        write_log(made.root / FOLDER, stack.log.messages)
        run.folder = folder
    return run


def _open(task: WhatIfTask, overlay: Overlay, stack: MemoryStack, log: list[Stored]) -> None:
    """Publish at the start of the day the settings that replace those in force."""
    first = task.scan.first
    opening = enumerate(task.scan.opening)
    payloads = [overlay.opening(f"{first}-{number}", event) for number, event in opening]
    stored_at = log[first - 1].stored_at
    subject = operator_subject(task.book, ACTOR)
    facts = [Stored(0, subject, payload, stored_at) for payload in payloads if payload]
    if facts:
        stack.take(facts)


def _changed_messages(
    task: WhatIfTask, overlay: Overlay, log: list[Stored]
) -> Iterator[Stored | None]:
    """Apply the variant to the day's external messages; null for one that it leaves out."""
    for stored in external_messages(task, log):
        subject = parse(stored.subject)
        payload: bytes | None = stored.payload
        if subject.service == "op":
            payload = overlay.fact(stored.sequence, subject.leaf, stored.payload)
        elif subject.service == "in":
            payload = overlay.signals(subject.leaf, stored.payload)
        yield None if payload is None else replace(stored, payload=payload)


def external_messages(task: WhatIfTask, log: list[Stored]) -> Iterable[Stored]:
    """Select the day's messages that no decider wrote."""
    day = log[task.scan.first - 1 : task.scan.last]
    return (stored for stored in day if is_external(stored, task.book))


def _audited(task: WhatIfTask, log: list[Stored], beginning: int, progress: Progress) -> RunResult:
    """Audit a log, and collect what happened in it after message `beginning`."""
    audit = Audit(task.book, task.mode, task.day)
    intake = Ingress(task.book, task.mode, reads_signals=False)
    opening, outcome, decoding = ledger.initial(), RunOutcome(), Decoding()
    for done, stored in enumerate(log):
        message = decoding.decode(stored)
        audit.fold(message)
        for record in intake.records_of(message):
            if stored.sequence > beginning:
                outcome.fold(record)
            else:
                outcome.remember(record)
                opening = ledger.evolve(opening, record)
        if done % PROGRESS_EVERY == 0:
            progress(done)
    return RunResult(statement(audit, task.book, task.day), outcome, opening)
