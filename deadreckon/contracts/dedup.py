"""What was met in the last seven days of log time, in buckets of a day that are dropped whole."""

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import DAY

HORIZON = 7 * DAY
# A wish may be claimed this far ahead of the log's clock; memory outlives the horizon by as much,
# or such a wish could come a second time after it was forgotten and before it is too old.
AHEAD_MAX = 300 * NANOSECONDS


class KeysOfDay(Struct):
    """The keys met on one day of log time, with a value each; days count from 1970."""

    day: int
    met: dict[str, str] = {}


class RecentKeys(Struct):
    """The days within the horizon on which something was met, oldest first."""

    days: list[KeysOfDay] = []


def seen_before(memory: RecentKeys, key: str, value: str, at: int) -> str | None:
    """The value that a key was met with before; None when it is new, and kept from now on.

    `at` is nanoseconds UTC and never goes back. What was met is forgotten a day late at most.
    """
    first = (at - HORIZON - AHEAD_MAX) // DAY
    while memory.days and memory.days[0].day < first:
        del memory.days[0]
    for day in memory.days:
        if key in day.met:
            return day.met[key]
    if not memory.days or memory.days[-1].day < at // DAY:
        memory.days.append(KeysOfDay(at // DAY))
    memory.days[-1].met[key] = value
    return None
