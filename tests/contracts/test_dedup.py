"""Keys of the last seven days of log time: what is known again, and when it is forgotten."""

from deadreckon.contracts.dedup import (
    AHEAD_MAX,
    HORIZON,
    RecentKeys,
    find,
    forget,
    remember,
    seen_before,
)
from deadreckon.contracts.timestamps import DAY


def test_a_key_is_found_with_its_value_for_seven_days() -> None:
    recent: RecentKeys[str] = RecentKeys()
    remember(recent, "t1", "first", 10 * DAY)
    remember(recent, "t2", "second", 17 * DAY)
    assert (find(recent, "t1"), find(recent, "t2"), find(recent, "t3")) == ("first", "second", None)
    remember(recent, "t3", "third", 18 * DAY)
    assert (find(recent, "t1"), find(recent, "t2")) == (None, "second")


def test_a_key_seen_before_keeps_its_first_value() -> None:
    recent: RecentKeys[str] = RecentKeys()
    assert seen_before(recent, "s1", "body", 0) is None
    assert seen_before(recent, "s1", "other", DAY) == "body"


def test_a_signal_from_the_future_is_known_for_as_long_as_it_is_not_too_old() -> None:
    """Claimed AHEAD_MAX ahead of the clock, it is too old only that much later."""
    recent: RecentKeys[str] = RecentKeys()
    seen = 10 * DAY - 1
    assert seen_before(recent, "s1", "body", seen) is None
    assert seen_before(recent, "s2", "body", seen + HORIZON + AHEAD_MAX // 2) is None
    assert seen_before(recent, "s1", "body", seen + HORIZON + AHEAD_MAX // 2) == "body"
    assert seen_before(recent, "s1", "body", seen + HORIZON + DAY + AHEAD_MAX) is None


def test_what_is_dropped_is_named() -> None:
    recent: RecentKeys[str] = RecentKeys()
    remember(recent, "t1", "", 0)
    remember(recent, "t2", "", DAY)
    assert forget(recent, 1) == ["t1"]
    assert find(recent, "t2") == ""
