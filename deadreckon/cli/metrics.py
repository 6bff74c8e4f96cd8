"""`dr replay metrics`: the metrics of a past day for a Prometheus that did not see it."""

import sys

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions, OutputFile, checked_day

STEP_MAX = 3_600  # seconds; further apart, Prometheus sees gaps


def metrics(
    day: str,
    /,
    *,
    output: OutputFile,
    step: int = 60,
    options: LogOptions = LogOptions(),
) -> None:
    """Write every metric of a past day as OpenMetrics with timestamps, from the log alone.

    The times are the log's own. Load the file with
    `promtool tsdb create-blocks-from openmetrics FILE PROMETHEUS_DATA`.

    Example: dr replay metrics 2022-01-15 -o day.om --data run1

    Parameters
    ----------
    day
        A UTC day, YYYY-MM-DD.
    step
        Seconds of log time between two samples.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.metrics.job import write_metrics

    day = checked_day(day)
    if not 1 <= step <= STEP_MAX:
        fail(f"--step {step}: 1 to {STEP_MAX} seconds", EXIT_USAGE)
    shows = sys.stderr.isatty()
    try:
        written = run(
            lambda: write_metrics(
                options.data, day, output, options.nats, step_seconds=step, shows=shows
            )
        )
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror or error}")
    if options.json:
        print_document(written)
    elif written.samples:
        print(f"{output}: {written.samples:,} samples at {written.steps:,} moments of {day}")
    if not written.samples:
        fail(f"the log has nothing of {day}; no file is written", EXIT_DIFFERENCE)
