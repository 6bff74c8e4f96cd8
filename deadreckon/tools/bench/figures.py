"""Figures of the bench, each with its limit and the mark to reach."""

import time
from collections.abc import Callable, Sequence
from math import ceil

from msgspec import Struct


class Figure(Struct, frozen=True):
    """Measured figure: one line of `dr bench`.

    `value` and `limit` are in `unit`. `ratio` is value / limit for times and limit / value for
    rates; 1 equals the machine's limit. `mark` describes the target, `reached` is true when it was
    met and null without a mark.
    """

    name: str
    value: float
    unit: str
    limit_name: str = ""
    limit: float | None = None
    ratio: float | None = None
    mark: str = ""
    reached: bool | None = None
    measure: str = ""  # name of its case

    @property
    def key(self) -> tuple[str, str]:
        """Key that identifies the same figure of another run."""
        return self.measure, self.name


def slower(
    name: str,
    value: float,
    limit: float,
    limit_name: str,
    most: float | None = None,
    unit: str = "ms",
) -> Figure:
    """Compare a time with the machine's minimum; `most` is the allowed multiple of it."""
    ratio = value / limit
    mark, reached = (f"at most {most:g}x", ratio <= most) if most else ("", None)
    return Figure(name, value, unit, limit_name, limit, ratio, mark, reached)


def rate(
    name: str,
    value: float,
    unit: str,
    least: float | None = None,
    limit: float | None = None,
    limit_name: str = "",
) -> Figure:
    """Return a rate per second, optionally with the machine's limit and a mark."""
    ratio = limit / value if limit and value else None
    mark, reached = (f"at least {least:,.0f}", value >= least) if least else ("", None)
    return Figure(name, value, unit, limit_name, limit, ratio, mark, reached)


def bounded(name: str, value: float, unit: str, most: float) -> Figure:
    """Return an amount that must not exceed a bound."""
    return Figure(name, value, unit, mark=f"at most {most:g}", reached=value <= most)


def missing(name: str, count: int, unit: str) -> Figure:
    """Return a count of what should not have occurred at all."""
    return Figure(name, count, unit, mark="none", reached=False)


def duration(job: Callable[[], object]) -> float:
    """Run a job and return its seconds."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` (above 0, up to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
