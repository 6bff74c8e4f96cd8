"""Keys seen in the last seven days of log time, in buckets of a day that are dropped whole."""

from typing import Generic, TypeVar

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.timestamps import DAY

HORIZON_DAYS = 7
HORIZON = HORIZON_DAYS * DAY
# A signal may be claimed this far ahead of the log's clock; keys outlive the horizon by as much,
# or such a signal could come a second time after it was forgotten and before it is too old.
AHEAD_MAX = 300 * NANOSECONDS

V = TypeVar("V")


class RecentKeys(Struct, Generic[V]):
    """Keys with a value each, by the day (counted from 1970) on which they were seen.

    `aside` is what was forgotten in as many days, and last: a clock that was days ahead may have
    made it old, until its time is taken back.
    """

    days: dict[str, dict[str, V]] = {}
    aside: dict[str, dict[str, V]] = {}


def find(recent: RecentKeys[V], key: str) -> V | None:
    """Return the value of a key; None when it was not seen, or longer ago than is remembered."""
    for keys in recent.days.values():
        if key in keys:
            return keys[key]
    return None


def remember(recent: RecentKeys[V], key: str, value: V, at: int) -> None:
    """Keep a key seen at `at` (nanoseconds UTC); the first of a day drops what is too old."""
    if str(at // DAY) not in recent.days:
        forget(recent, at // DAY - HORIZON_DAYS)
    recent.days.setdefault(str(at // DAY), {})[key] = value


def is_repeat(recent: RecentKeys[str], key: str, at: int) -> bool:
    """Tell whether a key was seen; a new one, seen at `at` (nanoseconds UTC), is kept."""
    if find(recent, key) is not None:
        return True
    remember(recent, key, "", at)
    return False


def forget(recent: RecentKeys[V], oldest: int) -> list[str]:
    """Put every day before `oldest` (days since 1970) aside; returns the keys that were."""
    old = {day: recent.days.pop(day) for day in list(recent.days) if int(day) < oldest}
    if old:
        # As far back as a start believes a clock: time that was passed by is put aside day by day.
        kept = {day: it for day, it in recent.aside.items() if int(day) >= oldest - HORIZON_DAYS}
        recent.aside = kept | old
    return [key for keys in old.values() for key in keys]


def let_go(recent: RecentKeys[V], oldest: int) -> list[str]:
    """Forget every day before `oldest`; returns the keys that no reset of time can bring back."""
    before = recent.aside
    forget(recent, oldest)
    gone = (keys for day, keys in before.items() if day not in recent.aside)
    return [key for keys in gone for key in keys if find(recent, key) is None]


def recall(recent: RecentKeys[V]) -> None:
    """Remember what was put aside: decision time was taken back (`ClockReset`)."""
    recent.days = recent.aside | recent.days
    recent.aside = {}


def seen_before(recent: RecentKeys[V], key: str, value: V, at: int) -> V | None:
    """Return the value that a key was seen with; None when it is new, and kept from now on.

    `at` is nanoseconds UTC and never goes back. Keys are kept for `AHEAD_MAX` beyond the horizon.
    """
    forget(recent, (at - HORIZON - AHEAD_MAX) // DAY)
    known = find(recent, key)
    if known is None:
        recent.days.setdefault(str(at // DAY), {})[key] = value
    return known
