"""Keys of the last seven days of log time: what is known again, and when it is forgotten."""

from deadreckon.contracts.dedup import (
    AHEAD_MAX,
    HORIZON,
    RecentKeys,
    find,
    forget,
    let_go,
    recall,
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


def test_a_clock_that_stays_days_ahead_over_midnights_loses_no_key_of_the_horizon() -> None:
    recent: RecentKeys[str] = RecentKeys()
    for day in range(10, 17):
        remember(recent, f"t{day}", "", day * DAY)
    for day in (19, 20, 21):  # three days ahead, for three days
        remember(recent, f"ahead{day}", "", day * DAY)
    assert find(recent, "t12") is None
    recall(recent)
    remember(recent, "now", "", 18 * DAY)
    assert all(find(recent, f"t{day}") == "" for day in range(11, 17))


def test_a_key_is_let_go_once_no_reset_can_bring_it_back() -> None:
    recent: RecentKeys[str] = RecentKeys()
    for day in range(20):
        recent.days[f"{day}"] = {f"t{day}": ""}
        assert let_go(recent, day - 6) == ([f"t{day - 14}"] if day >= 14 else [])
    assert len(recent.days) == len(recent.aside) == 7
