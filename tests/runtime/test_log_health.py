"""Whether the log is there is known from what became of writes, and is said once."""

import contextlib

import pytest
from structlog.testing import capture_logs

from deadreckon.runtime.log.addresses import servers
from deadreckon.runtime.log.bus import Fence, FencedError, UnavailableError
from deadreckon.runtime.log.log_health import AWAY_AFTER, LogHealth


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log_health(clock: Clock) -> LogHealth:
    return LogHealth(clock)


def try_in_vain(log_health: LogHealth, clock: Clock, seconds: float = 0.0) -> None:
    """One attempt to which no answer came for so long."""
    with contextlib.suppress(UnavailableError), log_health.write():
        clock.seconds += seconds
        raise UnavailableError("nobody answers")


def test_a_log_that_was_never_tried_is_not_away(log_health: LogHealth) -> None:
    assert log_health.available
    assert log_health.fault() == ""
    assert log_health.seconds_since_acknowledged is None


def test_a_write_that_waits_too_long_makes_the_log_away_before_it_has_failed(
    log_health: LogHealth, clock: Clock
) -> None:
    with log_health.write():
        clock.seconds += AWAY_AFTER
        assert log_health.available
        clock.seconds += 0.1
        assert not log_health.available
        assert log_health.fault() == "the log has taken nothing for 2.1 seconds: no answer yet"
    log_health.acknowledge(7)
    assert log_health.available
    assert log_health.sequence == 7


def test_attempts_that_fail_are_one_wait_until_one_succeeds(
    log_health: LogHealth, clock: Clock
) -> None:
    with capture_logs() as record:
        try_in_vain(log_health, clock)
        assert log_health.available
        for _ in range(3):
            clock.seconds += AWAY_AFTER
            try_in_vain(log_health, clock)
        assert log_health.seconds_waiting == 3 * AWAY_AFTER
        assert "nobody answers" in log_health.fault()
        log_health.acknowledge(8)

    assert [line["event"] for line in record] == ["log_away", "log_back"]
    assert record[1]["seconds_away"] == 3 * AWAY_AFTER
    assert (log_health.available, log_health.missed, log_health.seconds_waiting) == (True, 4, 0.0)


def test_answers_that_come_too_late_once_are_a_busy_machine_and_not_logged(
    log_health: LogHealth, clock: Clock
) -> None:
    with capture_logs() as record:
        with contextlib.suppress(UnavailableError), log_health.write():
            try_in_vain(log_health, clock, AWAY_AFTER + 1)
            raise UnavailableError("nobody answers")
        assert not log_health.available
        log_health.acknowledge(8)
        assert record == []

        try_in_vain(log_health, clock, AWAY_AFTER + 1)
        clock.seconds += 0.05
        try_in_vain(log_health, clock)
        log_health.acknowledge(9)

    assert [line["event"] for line in record] == ["log_away", "log_back"]


def test_a_refusal_is_an_answer(log_health: LogHealth, clock: Clock) -> None:
    try_in_vain(log_health, clock, AWAY_AFTER + 1)
    assert not log_health.available

    with pytest.raises(FencedError), log_health.write():
        raise FencedError(Fence("log.desk.risk.>", 1), None)

    assert log_health.available
    assert log_health.seconds_since_acknowledged == 0.0


def test_who_stands_in_a_url_is_known_at_every_server_of_the_cluster() -> None:
    found = servers("nats://ann:s%40cret@a:4222, nats://b:4223,c:4224")

    assert found.urls == ["nats://a:4222", "nats://b:4223", "nats://c:4224"]
    assert (found.user, found.password) == ("ann", "s@cret")
    assert "s@cret" not in repr(found)


def test_two_users_are_not_one_log() -> None:
    with pytest.raises(ValueError, match="same user"):
        servers("nats://ann:x@a,nats://bob:x@b")
