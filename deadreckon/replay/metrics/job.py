"""The metrics of a past day, from a folder's log into a file that Prometheus can be given."""

import os
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.replay.audit.job import progress_bar
from deadreckon.replay.metrics.history import MetricHistory
from deadreckon.replay.verify.job import log_facts
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK


class WrittenMetrics(Struct, frozen=True):
    """What was written: how many samples, at how many moments of the day."""

    day: str
    samples: int
    steps: int
    file: str


async def write_metrics(
    data: Path,
    day: str,
    file: Path,
    nats: str | None,
    *,
    step_seconds: int,
    shows: bool,
    book: str = BOOK,
) -> WrittenMetrics:
    """Fold the log up to the end of a day, and write what a scraper would have seen on it.

    The file appears when it is complete. Raises OSError when it cannot be written.
    """
    folder = Folder(data).check()
    log_lines.configure(folder.logs / "metrics.log")
    history = MetricHistory(day, step_seconds)
    async with open_bus(folder, nats) as bus:
        with progress_bar(shows) as bar:
            task = bar.add_task("folding", total=(await bus.info()).last or 1)
            async for sequence, facts, _ in log_facts(bus, book):
                history.fold(sequence, facts)
                bar.update(task, completed=sequence)
                if history.is_over:
                    break
    history.finish()
    if history.samples:
        _write(history, file)
    return WrittenMetrics(day, history.samples, history.steps, str(file))


def _write(history: MetricHistory, file: Path) -> None:
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as content:
            content.writelines(history.lines())
        os.replace(unfinished, file)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
