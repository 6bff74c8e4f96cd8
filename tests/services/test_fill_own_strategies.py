"""Entries of this stack's own strategies: ended by a newer decision, or by three bars gone by."""

from decimal import Decimal

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import OrderCancelled, OrderCancelling, OrderExpired
from tests.stories import HOUR, MINUTE, START, bar, quote, routed
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import answers_of, end_rules, fill_driver, fills, type_names
from tests.support.venue_samples import accepted, traded, venue_fill_driver

THREE_BARS = START + 3 * MINUTE


def half_filled(producer: str = "", stop_loss: int | None = None) -> DeciderDriver:
    """An entry of 3 that has bought 1."""
    story = fill_driver(routed("buy", 3, producer=producer, stop_loss=stop_loss))
    story.tell(bar(100, volume=1), after=MINUTE)
    return story


def leave(producer: str = "") -> Event:
    return routed("sell", 1, id="exit", reduce_only=True, producer=producer)


def test_an_exit_ends_what_is_left_of_its_strategys_entry() -> None:
    story = half_filled()
    answers = story.tell(leave())
    assert type_names(answers) == ["OrderCancelled", "OrderSubmitting", "OrderAccepted"]
    (cancelled,) = answers_of(OrderCancelled, answers)
    assert cancelled.leaves == 2
    assert (cancelled.order_id, cancelled.rule) == ("o1", "strategy_exit")
    assert fills(story.tell(bar(101), after=MINUTE)) == [("exit", "1", "101", "taker")]
    assert (story.state.positions, story.state.orders) == ({"BTCUSDT.PAPER": {}}, {})


def test_an_entry_on_the_other_side_ends_it_too() -> None:
    story = half_filled()
    answers = story.tell(routed("sell", 3, id="turn", producer=""))
    assert end_rules(answers) == {"o1": "strategy_reversal"}


def test_every_part_of_a_split_entry_ends() -> None:
    parts = [
        routed("buy", 2, id=f"c{n}", parent="o1", child=n, children=2, producer="")
        for n in range(2)
    ]
    story = fill_driver(*parts)
    story.tell(bar(100, volume=1), after=MINUTE)
    assert end_rules(story.tell(leave())) == dict.fromkeys(("c0", "c1"), "strategy_exit")


def test_its_protection_stays_until_the_exit_has_closed_the_position() -> None:
    story = half_filled(stop_loss=95)
    assert end_rules(story.tell(leave())) == {"o1": "strategy_exit"}
    assert fills(story.tell(bar(94, open=94, volume=0), after=MINUTE)) == []
    answers = story.tell(bar(94), after=MINUTE)
    assert fills(answers) == [("exit", "1", "94", "taker")]
    assert list(end_rules(answers).values()) == ["position_closed"]


@pytest.mark.parametrize(
    "other",
    [
        leave("alice"),
        routed("sell", 1, id="exit", strategy="another", producer=""),
        routed("buy", 1, id="more", producer=""),
        routed("sell", 1, id="flat", reduce_only=True, producer="", purpose="flatten"),
    ],
    ids=["a producer's", "another strategy's", "on its side", "a flatten"],
)
def test_no_other_order_ends_it(other: Event) -> None:
    assert end_rules(half_filled().tell(other)) == {}


def test_a_producers_entry_is_its_own() -> None:
    assert end_rules(half_filled("alice").tell(leave("alice"))) == {}
    assert end_rules(half_filled("alice").tell(leave())) == {}


def test_a_real_venue_is_asked_to_cancel_it() -> None:
    story = venue_fill_driver(bar(100), routed("buy", 3, producer=""), accepted())
    story.tell(traded("buy", 1, 100))
    (cancel, _) = story.tell(leave())
    assert isinstance(cancel, OrderCancelling)
    assert (cancel.order_id, cancel.rule) == ("o1", "strategy_exit")


# Expiry.


def test_it_expires_after_three_bars() -> None:
    story = fill_driver(routed("buy", 3, limit_price=90, expires_at=THREE_BARS, producer=""))
    for _ in range(2):
        assert story.tell(bar(100), after=MINUTE) == []
    assert story.tell(bar(100, low=80), after=MINUTE) == [OrderExpired("o1", Decimal(3))]


def test_a_gap_in_the_bars_does_not_expire_it_before_it_has_met_a_price() -> None:
    story = fill_driver(routed("buy", 3, expires_at=THREE_BARS, producer=""))
    assert fills(story.tell(bar(100, volume=1), after=HOUR)) == [("o1", "1", "100", "taker")]
    assert story.tell(bar(100), after=MINUTE) == [OrderExpired("o1", Decimal(2))]


def test_a_producers_time_to_live_is_what_it_says() -> None:
    story = fill_driver(routed("buy", 3, expires_at=THREE_BARS))
    assert story.tell(quote(99, 100), after=HOUR) == [OrderExpired("o1", Decimal(3))]
