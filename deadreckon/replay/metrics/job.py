"""Writes the metrics of a past day to a file that Prometheus can load."""

import os
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from deadreckon.replay.metrics.history import MetricHistory
from deadreckon.replay.opening import open_log
from deadreckon.replay.verify.job import log_facts
from deadreckon.services.catalogue import BOOK


class WrittenMetrics(Struct, frozen=True):
    """The result: how many samples were written, at how many moments of the day."""

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
    """Fold the log up to the end of a day, and write the samples a scraper would have taken.

    The file appears when it is complete. Raises OSError when it cannot be written.
    """
    history = MetricHistory(day, step_seconds)
    async with open_log(data, nats, "metrics", shows=shows) as log:
        end = (await log.bus.info()).last
        async for sequence, facts, _ in log_facts(log.bus, book):
            history.fold(sequence, facts)
            log.progress("folding", sequence, end)
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
