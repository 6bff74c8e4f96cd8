"""A strategy with orders at work decides on a bar once the fills of that bar are recorded."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import (
    BarSettled,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from deadreckon.contracts.signals import DecisionDeferred, SignalRaised, SignalRefused
from deadreckon.services.signal import decider as signal
from tests.stories import INSTRUMENT, MINUTE, at, bar, filled, routed, strategy
from tests.support.driver import DeciderDriver

QUICK: dict[str, Any] = {"fast": 1, "slow": 2, "cooldown_seconds": 0}


def story(*names: str) -> DeciderDriver:
    """Strategies that have seen a fall, so that the next rise is a cross."""
    driver = DeciderDriver(signal, "signal")
    for name in names or ("cross",):
        driver.tell(replace(strategy(**QUICK), strategy=name))
    driver.tell(bar(100), bar(99), after=MINUTE)
    return driver


def at_work(driver: DeciderDriver, name: str = "cross", order: str = "o1") -> None:
    driver.tell(routed("buy", 1, id=order, strategy=name))


def shape(answers: list[Event]) -> list[str]:
    return [type(answer).__name__ for answer in answers]


def test_with_nothing_at_work_it_decides_when_the_bar_closes() -> None:
    assert shape(story().tell(bar(101), after=MINUTE)) == ["SignalRaised"]


def test_with_an_order_at_work_it_waits_and_decides_on_what_the_bar_filled() -> None:
    driver = story()
    at_work(driver)
    (deferred,) = driver.tell(bar(98), after=MINUTE)
    assert deferred == DecisionDeferred("q5", INSTRUMENT, ["cross"])
    driver.tell(replace(filled("buy", 1, 98, strategy="cross"), order_id="o1", leaves=Decimal(0)))
    (signal_,) = driver.tell(BarSettled("q5", INSTRUMENT, ["cross"]))
    assert isinstance(signal_, SignalRaised)
    assert (signal_.side, signal_.reduce_only) == ("sell", True)
    assert signal_.quantity == 1
    assert signal_.claimed_at == driver.now


def test_only_the_strategy_with_orders_waits_and_none_decides_twice() -> None:
    driver = story("one", "two")
    at_work(driver, "two")
    answers = driver.tell(bar(101), after=MINUTE)
    assert shape(answers) == ["SignalRaised", "DecisionDeferred"]
    assert answers[0].strategy == "one"  # type: ignore[attr-defined]
    (raised,) = driver.tell(BarSettled("q6", INSTRUMENT, ["two"]))
    assert isinstance(raised, SignalRaised)
    assert raised.strategy == "two"


def test_bars_that_close_meanwhile_are_seen_in_their_order() -> None:
    driver = story()
    at_work(driver)
    assert shape(driver.tell(bar(101), bar(98), after=MINUTE)) == ["DecisionDeferred"] * 2
    assert [each.side for each in driver.tell(BarSettled("q5", INSTRUMENT, ["cross"]))] == ["buy"]  # type: ignore[attr-defined]
    assert [each.side for each in driver.tell(BarSettled("q6", INSTRUMENT, ["cross"]))] == ["sell"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["live", "shadow"])
def test_live_and_shadow_never_wait(mode: Any) -> None:
    driver = story()
    at_work(driver)
    record = replace(at(bar(101), driver.now + MINUTE, id="b"), mode=mode)
    assert shape(driver.tell(record)) == ["SignalRaised"]


@pytest.mark.parametrize(
    "end",
    [
        replace(filled("buy", 1, 98, strategy="cross"), order_id="o1", leaves=Decimal(0)),
        OrderCancelled("o1", Decimal(1), "by_request", ""),
        OrderRejected("o1", "halted", ""),
        OrderExpired("o1", Decimal(1)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_order_that_has_ended_is_waited_for_no_longer(end: OrderFilled) -> None:
    driver = story()
    at_work(driver)
    driver.tell(end)
    assert "DecisionDeferred" not in shape(driver.tell(bar(101), after=MINUTE))


def test_its_own_signal_is_at_work_until_somebody_has_answered_it() -> None:
    driver = story()
    (raised,) = driver.tell(bar(101), after=MINUTE)
    assert isinstance(raised, SignalRaised)
    assert shape(driver.tell(bar(102), after=MINUTE)) == ["DecisionDeferred"]
    driver.tell(BarSettled("q5", INSTRUMENT, ["cross"]))
    refused = SignalRefused(
        raised.signal_id, "", "cross", INSTRUMENT, "halted", None, None, None, "halted"
    )
    driver.tell(refused)
    assert driver.tell(bar(103), after=MINUTE) == []


def test_a_restart_in_between_decides_the_same() -> None:
    driver = story()
    at_work(driver)
    driver.tell(bar(101), after=MINUTE)
    again = driver.restarted(signal)
    settled = BarSettled("q5", INSTRUMENT, ["cross"])
    assert again.tell(settled) == driver.tell(settled) != []
