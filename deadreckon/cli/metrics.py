"""`dr replay metrics`: the metrics of a past day for a Prometheus that did not see it."""

import json as codec
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, fail

STEP_MAX = 3_600  # seconds; further apart, Prometheus sees gaps


def metrics(
    day: str,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    step: int = 60,
    data: Path = Path("var"),
    nats: str | None = None,
    json: bool = False,
) -> None:
    """Write every metric of a past day as OpenMetrics with timestamps, from the log alone.

    The times are the log's own. Load the file with
    `promtool tsdb create-blocks-from openmetrics FILE PROMETHEUS_DATA`.

    Example: dr replay metrics 2022-01-15 -o day.om --data run1

    Parameters
    ----------
    day
        A UTC day, YYYY-MM-DD.
    output
        The file to write.
    step
        Seconds of log time between two samples.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    json
        Print one JSON object.
    """
    from msgspec import to_builtins

    from deadreckon.cli.audit import checked_day
    from deadreckon.cli.running import run
    from deadreckon.replay.metrics.job import write_metrics

    checked_day(day)
    if not 1 <= step <= STEP_MAX:
        fail(f"--step {step}: 1 to {STEP_MAX} seconds", EXIT_USAGE)
    shows = sys.stderr.isatty()
    try:
        written = run(
            lambda: write_metrics(data, day, output, nats, step_seconds=step, shows=shows)
        )
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror or error}")
    if json:
        print(codec.dumps(to_builtins(written)))
    elif written.samples:
        print(f"{output}: {written.samples:,} samples at {written.steps:,} moments of {day}")
    if not written.samples:
        fail(f"the log has nothing of {day}; no file is written", EXIT_DIFFERENCE)
