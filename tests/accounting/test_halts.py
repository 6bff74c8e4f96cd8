"""Halts in force: one fold for risk, fill, the venue edges, the views and as-of."""

from deadreckon.accounting import halts
from deadreckon.accounting.halts import Halts
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
)


def recorded(name: str, at: int, event: Event, source: str = "risk") -> Recorded[Event]:
    return Recorded(name, at, "desk", "paper", source, None, name, event)


def breaker(until: int | None) -> HaltImposed:
    return HaltImposed("close_only", "drawdown_max", None, None, "limits", "lost", until)


def test_an_operators_halt_holds_until_it_is_lifted() -> None:
    found: Halts = {}
    halts.impose(found, recorded("h1", 5, HaltRequested("ann", "drill")))
    assert found["h1"].imposed_by == "ann"
    assert halts.strictest_scope(found, 10**18) == "all"


def test_a_breakers_halt_lifts_by_itself_and_is_dropped_with_the_next() -> None:
    found: Halts = {}
    halts.impose(found, recorded("h1", 5, breaker(until=10)))
    assert found["h1"].imposed_by == "drawdown_max"
    assert halts.strictest_scope(found, 9) == "close_only"
    assert halts.strictest_scope(found, 10) is None
    halts.impose(found, recorded("h2", 12, breaker(until=None)))
    assert list(found) == ["h2"]


def test_the_strictest_scope_counts() -> None:
    found: Halts = {}
    halts.impose(found, recorded("h1", 5, LogDamaged("log.desk.fill.>", "broken chain")))
    halts.impose(found, recorded("h2", 6, breaker(until=None)))
    assert halts.strictest_scope(found, 7) == "all"
    assert found["h1"].reason == "log.desk.fill.>: broken chain"
    assert list(halts.in_force(found, 7)) == ["h1", "h2"]


def test_each_service_acknowledges_a_halt_once() -> None:
    found: Halts = {}
    halts.impose(found, recorded("h1", 5, HaltRequested("ann", "drill")))
    for source in ("risk", "fill", "risk"):
        record = Recorded(
            "a", 6, "desk", "paper", source, "h1", "h1", HaltAcknowledged("h1", "all", 0)
        )
        halts.acknowledge(found, record)
    assert found["h1"].acknowledged == ("risk", "fill")
