"""Bars that say when they open: what fills then, what waits, and what the close still fills."""

from typing import Any

from deadreckon.contracts.event import Event
from deadreckon.contracts.market import BarOpened
from deadreckon.contracts.orders import BarSettled
from deadreckon.contracts.signals import DecisionDeferred
from deadreckon.services.fill.decider import awaits_price
from tests.stories import INSTRUMENT, MINUTE, bar, exact, routed
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import end_rules, fill_driver, fills


def opening(price: Any) -> BarOpened:
    return BarOpened(INSTRUMENT, MINUTE, exact(price))


def at_open(story: DeciderDriver, price: Any) -> list[Event]:
    """What an opening price brings; it comes at the instant of the close before it."""
    return story.tell(opening(price))


def at_close(story: DeciderDriver, *args: Any, **changes: Any) -> list[Event]:
    return story.tell(bar(*args, **changes), after=MINUTE)


def test_a_market_order_fills_at_the_open_and_nothing_is_left_for_the_close() -> None:
    story = fill_driver(bar(100), routed("buy", 1))
    assert fills(at_open(story, 101)) == [("o1", "1", "101", "taker")]
    assert at_close(story, 105, open=101) == []


def test_an_open_fills_by_the_volume_of_the_bar_before_and_the_rest_waits_for_the_next() -> None:
    story = fill_driver(bar(100, volume=2), routed("buy", 5))
    assert fills(at_open(story, 101)) == [("o1", "2", "101", "taker")]
    assert fills(at_close(story, 102, open=101, volume=1000)) == []
    assert fills(at_open(story, 103)) == [("o1", "3", "103", "taker")]


def test_what_traded_at_the_open_is_no_volume_of_the_close() -> None:
    story = fill_driver(
        bar(100, volume=2), routed("buy", 2), routed("buy", 4, id="o2", limit_price=95)
    )
    assert fills(at_open(story, 101)) == [("o1", "2", "101", "taker")]
    assert fills(at_close(story, 101, low=90, volume=3)) == [("o2", "1", "95", "maker")]


def test_without_a_bar_before_nobody_knows_a_volume() -> None:
    story = fill_driver(routed("buy", 1))
    assert fills(at_open(story, 101)) == []
    assert fills(at_close(story, 101)) == []
    assert fills(at_open(story, 102)) == [("o1", "1", "102", "taker")]


def test_without_limits_of_volume_all_of_an_order_trades() -> None:
    story = fill_driver(bar(100, volume=0), routed("buy", 5), participation=0)
    assert fills(at_open(story, 101)) == [("o1", "5", "101", "taker")]


def test_a_limit_over_which_the_market_opens_takes_at_the_open() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99))
    assert fills(at_open(story, 95)) == [("o1", "1", "95", "taker")]


def test_a_target_that_finds_no_volume_trades_at_the_market_later_and_never_below_it() -> None:
    """The market jumps from 100 to 150; what is left of a target at 105 is sold at 150."""
    story = fill_driver(bar(100, volume=1), routed("sell", 3, limit_price=105))
    assert fills(at_open(story, 150)) == [("o1", "1", "150", "taker")]
    assert at_close(story, 150, high="150.5", low="149.5", volume=1) == []
    assert fills(at_open(story, "149.9")) == [("o1", "1", "149.9", "taker")]
    assert at_close(story, 150, high="150.5", low="149.5", volume=10) == []
    assert fills(at_open(story, 150)) == [("o1", "1", "150", "taker")]


def test_a_stop_beyond_which_the_market_opens_trades_at_the_open() -> None:
    story = fill_driver(bar(100), routed("sell", 1, stop_price=95))
    assert fills(at_open(story, 90)) == [("o1", "1", "90", "taker")]


def test_a_stop_within_the_bar_trades_at_its_price_at_the_close() -> None:
    story = fill_driver(bar(100), routed("sell", 1, stop_price=95))
    assert at_open(story, 99) == []
    assert fills(at_close(story, 96, open=99, low=94)) == [("o1", "1", "95", "taker")]


def test_a_stop_without_volume_is_triggered_and_sells_at_the_next_open() -> None:
    story = fill_driver(bar(100, volume=0), routed("sell", 1, stop_price=95))
    assert fills(at_open(story, 90)) == []
    assert at_close(story, 92, open=90) == []
    assert fills(at_open(story, 93)) == [("o1", "1", "93", "taker")]


def test_an_immediate_order_ends_at_the_open() -> None:
    story = fill_driver(bar(100, volume=1), routed("buy", 3, time_in_force="ioc"))
    answers = at_open(story, 101)
    assert fills(answers) == [("o1", "1", "101", "taker")]
    assert end_rules(answers) == {"o1": "immediate_or_cancel"}


def test_an_order_that_arrives_within_the_bar_meets_its_close_alone() -> None:
    story = fill_driver(bar(100), latency=1)
    story.tell(opening(101))
    story.tell(routed("buy", 1))
    assert fills(at_close(story, 105, open=101)) == [("o1", "1", "105", "taker")]


def test_a_bar_that_does_not_say_when_it_opened_fills_at_its_open_when_it_closes() -> None:
    story = fill_driver(bar(100), routed("buy", 1))
    assert fills(at_close(story, 105, open=101)) == [("o1", "1", "101", "taker")]


def test_a_bar_is_settled_when_somebody_waits_for_it() -> None:
    story = fill_driver(bar(100))
    asked = DecisionDeferred("bar-7", INSTRUMENT, ["cross"])
    assert story.tell(asked) == [BarSettled("bar-7", INSTRUMENT, ["cross"])]


def test_an_order_at_work_awaits_a_price_until_it_has_ended() -> None:
    story = fill_driver(bar(100))
    assert not awaits_price(story.state)
    story.tell(routed("buy", 1))
    assert awaits_price(story.state)
    at_open(story, 101)
    assert not awaits_price(story.state)
