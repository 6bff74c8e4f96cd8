"""What was met in the last seven days of log time, in buckets of a day that are dropped whole."""

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.moments import DAY

HORIZON = 7 * DAY
# A wish may be claimed this far ahead of the log's clock; memory outlives the horizon by as much,
# or such a wish could come a second time after it was forgotten and before it is too old.
AHEAD_MAX = 300 * NANOSECONDS


class Memory(Struct):
    """Keys with a value each, filed under the day (days since 1970) on which they were met."""

    days: dict[int, dict[str, str]] = {}


def meet(memory: Memory, key: str, value: str, at: int) -> str | None:
    """The value that a key was met with before; None when it is new, and kept from now on.

    `at` is nanoseconds UTC and never goes back. What was met is forgotten a day late at most.
    """
    first = (at - HORIZON - AHEAD_MAX) // DAY
    if memory.days and next(iter(memory.days)) < first:
        memory.days = {day: kept for day, kept in memory.days.items() if day >= first}
    for kept in memory.days.values():
        if key in kept:
            return kept[key]
    memory.days.setdefault(at // DAY, {})[key] = value
    return None
