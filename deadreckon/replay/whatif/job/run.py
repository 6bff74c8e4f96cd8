"""One variant lived through: the recorded world, today's deciders, and what came of it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.archive.location import FOLDER
from deadreckon.archive.segments import write_log
from deadreckon.contracts.event import Mode
from deadreckon.contracts.subjects import operator_subject, parse
from deadreckon.replay.audit.audit import Audit
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

Document = dict[str, Any]
Progress = Callable[[int], None]  # told how many messages of the day's world are behind us

TOLD_EVERY = 200  # messages between two words on how far it is


class WhatIfTask(Struct, frozen=True):
    """What all runs share: the log up to the day's end, and what was found in it."""

    book: str
    mode: Mode
    survey: LogScan

    @property
    def day(self) -> str | None:
        """The day asked for; null for everything."""
        return self.survey.day


class RunResult(Struct):
    """What came of a run: its statement (that of `dr replay audit`), its deeds, and the ledger
    with which the day began. `anew` are the strategies whose models were fitted anew."""

    document: Document
    deeds: RunOutcome
    opening: Ledger
    overlaid: list[ChangedFact] = []
    left_out: int = 0
    anew: list[str] = []
    folder: Path | None = None


def run_recorded(task: WhatIfTask, log: list[Stored], progress: Progress) -> RunResult:
    """The record itself, taken as it is."""
    return _judged(task, log[: task.survey.last], task.survey.first - 1, progress)


def run_variant(
    task: WhatIfTask, log: list[Stored], variant: Variant, progress: Progress, folder: Path | None
) -> RunResult:
    """Recall what came before the day, live through its world anew, and judge the result.

    With a `folder` the run's log is written there, as an archive that every verb reads.
    """
    found = task.survey
    overlay = Overlay(variant)
    anew = [name for name in found.trained() if name in variant.strategies]
    trainer = RecordedTrainer(found.fits, anew, variant.without)
    desk = MemoryStack(log[: found.first - 1], task.book, task.mode, trainer)
    desk.replay()
    beginning = len(desk.log.messages)
    _open(task, overlay, desk, log)
    for done, stored in enumerate(_world(task, overlay, log)):
        if stored is not None:
            desk.hear([stored])
        if done % TOLD_EVERY == 0:
            progress(done)
    ran = _judged(task, desk.log.messages, beginning, lambda _: None)
    ran.overlaid, ran.left_out, ran.anew = overlay.overlaid, overlay.left_out, anew
    if folder is not None:
        made = Folder(folder).create()
        write_log(made.root / FOLDER, desk.log.messages)
        ran.folder = folder
    return ran


def _open(task: WhatIfTask, overlay: Overlay, desk: MemoryStack, log: list[Stored]) -> None:
    """Say at the beginning of the day what is to hold in place of what was in force."""
    first = task.survey.first
    opening = enumerate(task.survey.opening)
    record = [overlay.opening(f"{first}-{number}", event) for number, event in opening]
    stored_at = log[first - 1].stored_at
    subject = operator_subject(task.book, ACTOR)
    facts = [Stored(0, subject, payload, stored_at) for payload in record if payload]
    if facts:
        desk.hear(facts)


def _world(task: WhatIfTask, overlay: Overlay, log: list[Stored]) -> Iterator[Stored | None]:
    """What the world said that day, as the variant has it; null for what it leaves out."""
    for stored in external_messages(task, log):
        subject = parse(stored.subject)
        payload: bytes | None = stored.payload
        if subject.service == "op":
            payload = overlay.fact(stored.sequence, subject.leaf, stored.payload)
        elif subject.service == "in":
            payload = overlay.signals(subject.leaf, stored.payload)
        yield None if payload is None else replace(stored, payload=payload)


def external_messages(task: WhatIfTask, log: list[Stored]) -> Iterable[Stored]:
    """The day's messages that no decider wrote."""
    day = log[task.survey.first - 1 : task.survey.last]
    return (stored for stored in day if is_external(stored, task.book))


def _judged(task: WhatIfTask, log: list[Stored], beginning: int, progress: Progress) -> RunResult:
    """Audit a log, and tell what was done in it after message `beginning`."""
    audit = Audit(task.book, task.mode, task.day)
    intake = Ingress(task.book, task.mode, reads_signals=False)
    opening, deeds, decoding = ledger.initial(), RunOutcome(), Decoding()
    for done, stored in enumerate(log):
        message = decoding.decode(stored)
        audit.fold(message)
        for record in intake.records_of(message):
            if stored.sequence > beginning:
                deeds.fold(record)
            else:
                deeds.remember(record)
                opening = ledger.evolve(opening, record)
        if done % TOLD_EVERY == 0:
            progress(done)
    document = statement(audit, task.book, task.day)
    return RunResult(document, deeds, opening)
