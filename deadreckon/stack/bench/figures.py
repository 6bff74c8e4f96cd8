"""A figure, the limit it is compared with, and the mark it has to reach."""

from collections.abc import Sequence

from msgspec import Struct


class Figure(Struct, frozen=True):
    """One line of `dr bench`.

    `value` and `limit` are in `unit`; `ratio` is how many times the limit takes less (times) or
    does more (rates). `mark` says what is to be reached, `reached` whether it was; null without.
    """

    name: str
    value: float
    unit: str
    limit_name: str = ""
    limit: float | None = None
    ratio: float | None = None
    mark: str = ""
    reached: bool | None = None


def slower(name: str, value: float, limit: float, limit_name: str, most: float | None) -> Figure:
    """A time in milliseconds beside the time the machine needs at least."""
    ratio = value / limit
    return Figure(
        name=name,
        value=value,
        unit="ms",
        limit_name=limit_name,
        limit=limit,
        ratio=ratio,
        mark=f"at most {most:g}x" if most else "",
        reached=ratio <= most if most else None,
    )


def rate(
    name: str,
    value: float,
    unit: str,
    least: float | None = None,
    limit: float | None = None,
    limit_name: str = "",
) -> Figure:
    """A rate per second, perhaps beside what the machine can do, perhaps with a mark."""
    return Figure(
        name=name,
        value=value,
        unit=unit,
        limit_name=limit_name,
        limit=limit,
        ratio=limit / value if limit else None,
        mark=f"at least {least:,.0f}" if least else "",
        reached=value >= least if least else None,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
