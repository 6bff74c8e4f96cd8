"""The paper venue: which prices fill which orders, at what price, for how much, at what fee."""

from decimal import Decimal
from typing import Any

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.market import BarClosed, QuoteUpdated
from deadreckon.contracts.orders import OrderCancelled, OrderFilled, OrderTriggered
from tests.stories import INSTRUMENT, MINUTE, SECOND, bar, filled, listed, quote, routed, trade
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import answers_of, end_rules, fill_driver, fills, type_names

PERPETUAL = "BTCUSD-PERP.PAPER"
TWICE: list[tuple[Any, str]] = [("sell", "1"), ("buy", "1"), ("sell", "2")]


def after(story: DeciderDriver, *events: Event, wait: int = MINUTE) -> list[Event]:
    """The answers to market events, a bar's length apart."""
    return story.tell(*events, after=wait)


def fill_of(answers: list[Event]) -> OrderFilled:
    (fill,) = answers_of(OrderFilled, answers)
    return fill


# Which price is past.


def test_an_order_is_never_filled_by_the_bar_that_caused_it() -> None:
    story = fill_driver()
    assert after(story, bar(100)) == []
    assert fills(story.tell(routed("buy", 1))) == []
    assert fills(story.tell(bar(200, instrument="ETHUSDT.PAPER"))) == []


def test_a_market_order_fills_at_the_open_of_the_next_bar() -> None:
    story = fill_driver(bar(100), routed("buy", 1))
    assert fills(after(story, bar(105, open=101, high=110, low=90))) == [
        ("o1", "1", "101", "taker")
    ]


def test_an_order_that_arrives_within_a_bar_meets_only_its_close() -> None:
    story = fill_driver(bar(100), latency=1)
    story.tell(routed("buy", 1))
    assert fills(after(story, bar(105, open=101, high=110, low=90))) == [
        ("o1", "1", "105", "taker")
    ]


def test_an_order_that_arrives_within_a_bar_does_not_meet_its_low() -> None:
    story = fill_driver(bar(100), latency=1)
    story.tell(routed("buy", 1, limit_price=95))
    assert fills(after(story, bar(100, low=90))) == []
    assert fills(after(story, bar(100, low=90))) == [("o1", "1", "95", "maker")]


def test_an_order_that_arrives_within_a_bar_does_not_meet_its_high() -> None:
    story = fill_driver(bar(100), latency=1)
    story.tell(routed("buy", 1, stop_price=105))
    assert type_names(after(story, bar(100, high=110))) == ["OrderAccepted"]
    assert type_names(after(story, bar(100, high=110))) == ["OrderTriggered", "OrderFilled"]


def test_a_bar_longer_than_the_wait_shows_only_its_close() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=95))
    assert fills(after(story, bar(100, low=90, interval=5 * MINUTE))) == []
    assert fills(after(story, bar(100, low=90))) == [("o1", "1", "95", "maker")]


def test_an_order_under_way_is_not_filled_before_it_arrives() -> None:
    story = fill_driver(latency=10 * SECOND)
    story.tell(quote(99, 100), routed("buy", 1))
    assert fills(after(story, quote(99, 100), wait=9 * SECOND)) == []
    assert fills(after(story, quote(98, 101), wait=SECOND)) == [("o1", "1", "101", "taker")]


def test_a_quote_that_stood_before_the_order_does_not_fill_it() -> None:
    story = fill_driver(quote(99, 100), routed("buy", 1))
    assert fills(after(story, quote(101, 102), wait=SECOND)) == [("o1", "1", "102", "taker")]


@pytest.mark.parametrize(("side", "price"), [("buy", "100"), ("sell", "99")])
def test_a_market_order_takes_the_other_side_of_a_quote(side: Any, price: str) -> None:
    story = fill_driver(routed(side, 1))
    assert fills(after(story, quote(99, 100))) == [("o1", "1", price, "taker")]


def test_a_market_order_takes_the_price_of_a_print() -> None:
    assert fills(after(fill_driver(routed("buy", 1)), trade(100, 5))) == [
        ("o1", "1", "100", "taker")
    ]


def test_a_price_of_another_instrument_fills_nothing() -> None:
    story = fill_driver(listed("ETHUSDT.PAPER"), routed("buy", 1))
    assert after(story, bar(100, instrument="ETHUSDT.PAPER")) == []


# Slippage.


@pytest.mark.parametrize(("side", "price"), [("buy", "100.06"), ("sell", "99.94")])
def test_slippage_worsens_a_taker_and_rounds_to_the_tick_against_him(side: Any, price: str) -> None:
    story = fill_driver(routed(side, 1), slippage="5.5")
    fill = fill_of(after(story, bar(100)))
    assert str(fill.price) == price
    assert fill.reference_price == 100


def test_a_price_between_ticks_is_rounded_against_the_taker_without_slippage_too() -> None:
    assert fill_of(after(fill_driver(routed("buy", 1)), trade("100.001", 5))).price == Decimal(
        "100.01"
    )
    assert fill_of(after(fill_driver(routed("sell", 1)), trade("100.009", 5))).price == Decimal(
        "100"
    )


def test_a_maker_has_no_slippage() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99), slippage=50)
    fill = fill_of(after(story, bar(99, low=98)))
    assert (fill.price, fill.reference_price, fill.liquidity) == (Decimal(99), Decimal(99), "maker")


def test_slippage_never_carries_a_limit_order_beyond_its_limit() -> None:
    story = fill_driver(bar(99), routed("buy", 1, limit_price=100), slippage=50)
    assert fills(after(story, bar("99.9", low="99.9"))) == [("o1", "1", "100", "taker")]


def test_a_sale_that_slippage_leaves_nothing_of_does_not_happen() -> None:
    assert fills(after(fill_driver(routed("sell", 1), slippage=10_000), bar(100))) == []


# Limit orders.


def test_a_limit_within_reach_takes_at_the_open() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=101))
    assert fills(after(story, bar(100, open="99.5"))) == [("o1", "1", "99.5", "taker")]


def test_a_limit_out_of_reach_rests_and_fills_as_a_maker_when_the_bar_trades_through() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99))
    assert fills(after(story, bar(100, low="98.99"))) == [("o1", "1", "99", "maker")]


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [("buy", 99, bar(100, low=99)), ("sell", 101, bar(100, high=101))],
)
def test_touching_a_limit_is_not_enough_for_a_bar(side: Any, limit: int, price: BarClosed) -> None:
    assert fills(after(fill_driver(bar(100), routed(side, 1, limit_price=limit)), price)) == []


def test_a_market_that_jumps_over_a_resting_limit_trades_at_its_own_price_with_a_taker() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99))
    assert fills(after(story, bar(95, open=95))) == [("o1", "1", "95", "taker")]


def test_a_market_that_opens_at_a_resting_limit_may_have_been_anothers() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99))
    assert fills(after(story, bar(100, open=99))) == []
    assert fills(after(story, bar(100, open=99, low=98))) == [("o1", "1", "99", "maker")]


def test_without_a_known_price_the_first_one_tells_whether_a_limit_takes() -> None:
    story = fill_driver(routed("buy", 1, limit_price=99))
    assert fills(after(story, bar(95, open=95))) == [("o1", "1", "95", "taker")]


def test_what_a_taker_leaves_takes_from_the_market_as_long_as_that_is_within_its_limit() -> None:
    story = fill_driver(bar(100), routed("buy", 3, limit_price=100))
    assert fills(after(story, bar(100, open=99, volume=1))) == [("o1", "1", "99", "taker")]
    assert fills(after(story, bar(99, open=99))) == [("o1", "2", "99", "taker")]


def test_what_a_taker_leaves_rests_once_the_market_has_left_its_limit() -> None:
    story = fill_driver(bar(100), routed("buy", 3, limit_price=100))
    assert fills(after(story, bar(101, open=99, volume=1))) == [("o1", "1", "99", "taker")]
    assert fills(after(story, bar(101, low=100))) == []
    assert fills(after(story, bar(101, low=99))) == [("o1", "2", "100", "maker")]


def test_a_limit_within_reach_that_arrives_within_a_bar_takes_at_its_close() -> None:
    story = fill_driver(bar(100), latency=1)
    story.tell(routed("buy", 1, limit_price=101))
    assert fills(after(story, bar("100.5", low=90))) == [("o1", "1", "100.5", "taker")]


def test_an_order_that_missed_on_its_arrival_rests_from_then_on() -> None:
    story = fill_driver(bar(100), latency=1)
    story.tell(routed("buy", 1, limit_price=101))
    assert fills(after(story, bar(102, open=100))) == []
    assert fills(after(story, bar(102, open=102, low=100))) == [("o1", "1", "101", "maker")]


def test_a_print_at_the_limit_may_have_been_anothers() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99))
    assert fills(after(story, trade(99, 5))) == []
    assert fills(after(story, trade("98.99", 5))) == [("o1", "1", "98.99", "taker")]


def test_a_quote_that_comes_to_the_limit_fills_it() -> None:
    story = fill_driver(quote(99, 101), routed("buy", 1, limit_price=100))
    assert fills(after(story, quote(99, "100.01"))) == []
    assert fills(after(story, quote(99, 100))) == [("o1", "1", "100", "maker")]


def test_a_sellers_limit_mirrors_a_buyers() -> None:
    story = fill_driver(bar(100), routed("sell", 1, limit_price=101))
    assert fills(after(story, bar(100, high="101.01"))) == [("o1", "1", "101", "maker")]


# Stops.


@pytest.mark.parametrize(
    ("side", "stop", "price"),
    [("buy", 105, bar(100, high=105)), ("sell", 95, bar(100, low=95))],
)
def test_a_stop_is_set_off_by_a_touch_and_fills_at_its_price(
    side: Any, stop: int, price: BarClosed
) -> None:
    answers = after(fill_driver(routed(side, 1, stop_price=stop)), price)
    assert answers_of(OrderTriggered, answers) == [OrderTriggered("o1", Decimal(stop))]
    assert fills(answers) == [("o1", "1", str(stop), "taker")]


def test_a_stop_that_is_not_reached_waits() -> None:
    assert after(fill_driver(routed("buy", 1, stop_price=105)), bar(100, high="104.99")) == []


@pytest.mark.parametrize(
    ("side", "stop", "price", "paid"),
    [("buy", 105, bar(107, open=108, low=104), "108"), ("sell", 95, bar(93, open=92), "92")],
)
def test_a_gap_through_the_stop_fills_at_the_open_which_is_worse(
    side: Any, stop: int, price: BarClosed, paid: str
) -> None:
    answers = after(fill_driver(routed(side, 1, stop_price=stop)), price)
    assert answers_of(OrderTriggered, answers) == [OrderTriggered("o1", Decimal(paid))]
    assert fills(answers) == [("o1", "1", paid, "taker")]


def test_slippage_worsens_a_stop_too() -> None:
    story = fill_driver(routed("sell", 1, stop_price=95), slippage=100)
    fill = fill_of(after(story, bar(100, low=90)))
    assert (str(fill.price), str(fill.reference_price)) == ("94.05", "95")


def test_what_a_stop_could_not_fill_goes_on_as_a_market_order() -> None:
    story = fill_driver(routed("sell", 3, stop_price=95))
    assert fills(after(story, bar(100, low=90, volume=1))) == [("o1", "1", "95", "taker")]
    answers = after(story, bar(99, open=99))
    assert type_names(answers) == ["OrderFilled"]
    assert fills(answers) == [("o1", "2", "99", "taker")]


def test_a_stop_is_set_off_by_the_price_it_would_take_from_a_quote() -> None:
    story = fill_driver(routed("sell", 1, stop_price=95))
    assert after(story, quote("95.01", 97)) == []
    assert fills(after(story, quote(94, 97))) == [("o1", "1", "94", "taker")]


def test_a_stop_limit_fills_on_its_trigger_bar_only_at_the_close() -> None:
    story = fill_driver(routed("buy", 1, stop_price=105, limit_price=106))
    answers = after(story, bar("105.5", open=100, high=107))
    assert answers_of(OrderTriggered, answers) == [OrderTriggered("o1", Decimal(105))]
    assert fills(answers) == [("o1", "1", "105.5", "taker")]


def test_a_stop_limit_whose_close_is_beyond_the_limit_rests_from_then_on() -> None:
    story = fill_driver(routed("buy", 1, stop_price=105, limit_price=106))
    assert type_names(after(story, bar(107, open=100))) == ["OrderTriggered"]
    assert fills(after(story, bar(107, low=106))) == []
    assert fills(after(story, bar(107, low=105))) == [("o1", "1", "106", "maker")]


def test_slippage_carries_a_stop_limit_no_further_than_its_limit() -> None:
    story = fill_driver(routed("buy", 1, stop_price=105, limit_price=106), slippage=100)
    answers = after(story, bar("105.9", open=100, high=107))
    assert type_names(answers)[:2] == ["OrderTriggered", "OrderFilled"]
    assert fills(answers) == [("o1", "1", "106", "taker")]


def test_an_immediate_stop_limit_that_misses_at_its_trigger_ends_there() -> None:
    story = fill_driver(routed("buy", 1, stop_price=105, limit_price=106, time_in_force="ioc"))
    assert after(story, bar(100)) == []
    answers = after(story, bar(107, open=100))
    assert type_names(answers) == ["OrderTriggered", "OrderCancelled"]
    assert end_rules(answers) == {"o1": "immediate_or_cancel"}


# Volume.


def test_a_partial_fill_leaves_the_rest_open_over_several_bars() -> None:
    story = fill_driver(routed("buy", 5), participation="0.5")
    answers = after(story, *[bar(100, volume=4)] * 3)
    assert [
        (str(fill.quantity), str(fill.leaves)) for fill in answers_of(OrderFilled, answers)
    ] == [
        ("2", "3"),
        ("2", "1"),
        ("1", "0"),
    ]


def test_orders_of_one_bar_share_its_volume_in_order_of_arrival() -> None:
    story = fill_driver(
        routed("buy", 2, id="first"), routed("sell", 2, id="second", strategy="other")
    )
    answers = after(story, bar(100, volume=3))
    assert fills(answers) == [("first", "2", "100", "taker"), ("second", "1", "100", "taker")]


def test_what_trades_at_the_open_takes_its_volume_before_what_trades_later() -> None:
    story = fill_driver(bar(100), routed("buy", 2, id="resting", limit_price=99))
    story.tell(routed("buy", 2, id="market"))
    assert fills(after(story, bar(100, low=98, volume=3))) == [
        ("market", "2", "100", "taker"),
        ("resting", "1", "99", "maker"),
    ]


def test_the_share_of_a_bar_is_rounded_down_to_whole_lots() -> None:
    story = fill_driver(listed(lot="0.1", minimum="0.1"), routed("buy", 5), participation="0.1")
    assert fill_of(after(story, bar(100, volume="12.9"))).quantity == Decimal("1.2")


def test_a_share_below_one_lot_fills_nothing() -> None:
    story = fill_driver(routed("buy", 5), participation="0.1")
    assert after(story, bar(100, volume="0.009")) == []


@pytest.mark.parametrize(
    ("unit", "volume", "contract", "quantity"),
    [
        ("base", 12, 1, 12),
        ("base", 12, 2, 6),
        ("quote", 1_200, 1, 10),  # at the high of 120, where money buys least
        ("quote", 1_200, 2, 5),
        ("contracts", 12, 2, 12),
        ("unknown", 1_200, 1, 10),
        ("unknown", 1_200, 2, 5),
    ],
)
def test_volume_counts_in_the_unit_that_the_tape_declares(
    unit: Any, volume: int, contract: int, quantity: int
) -> None:
    perpetual = listed(PERPETUAL, kind="perpetual", lot=1, minimum=1, contract=contract)
    story = fill_driver(perpetual, routed("buy", 1_000, instrument=PERPETUAL))
    price = bar(100, high=120, volume=volume, unit=unit, instrument=PERPETUAL)
    assert fill_of(after(story, price)).quantity == quantity


def test_an_unknown_unit_counts_as_base_where_that_is_less() -> None:
    story = fill_driver(listed(tick="0.0001", lot=1, minimum=1), routed("buy", 1_000))
    assert fill_of(after(story, bar("0.5", volume=12, unit="unknown"))).quantity == 12


def test_a_bar_without_volume_fills_nothing_and_sets_no_stop_off() -> None:
    story = fill_driver(routed("buy", 1, id="m"), routed("buy", 1, id="s", stop_price=90))
    assert after(story, bar(100, volume=0)) == []
    assert [order for order, *_ in fills(after(story, bar(100)))] == ["m", "s"]


def test_a_quote_offers_its_size_once() -> None:
    story = fill_driver(routed("buy", 3), routed("buy", 3, id="o2"), participation="0.5")
    assert fills(after(story, quote(99, 100, size=8))) == [
        ("o1", "3", "100", "taker"),
        ("o2", "1", "100", "taker"),
    ]
    assert fills(after(story, quote(99, 100, size=8))) == [("o2", "2", "100", "taker")]


def test_a_quote_offers_each_side_its_own_size() -> None:
    story = fill_driver(routed("buy", 3), routed("sell", 3, id="o2", strategy="other"))
    assert len(fills(after(story, quote(99, 100, size=3)))) == 2


@pytest.mark.parametrize(("side", "quantity"), [("buy", "3"), ("sell", "2")])
def test_a_buyer_meets_what_is_asked_and_a_seller_what_is_bid(side: Any, quantity: str) -> None:
    market = QuoteUpdated(INSTRUMENT, Decimal(99), Decimal(100), Decimal(2), Decimal(3))
    assert fills(after(fill_driver(routed(side, 5)), market))[0][1] == quantity


def test_a_print_offers_a_share_of_its_quantity() -> None:
    story = fill_driver(routed("buy", 3), participation="0.5")
    assert fill_of(after(story, trade(100, 4))).quantity == 2


# Immediate or cancel, fill or kill.


def test_an_immediate_order_takes_what_there_is_and_the_rest_is_cancelled() -> None:
    answers = after(fill_driver(routed("buy", 3, time_in_force="ioc")), bar(100, volume=1))
    assert fills(answers) == [("o1", "1", "100", "taker")]
    reason = "the rest could not fill at once"
    assert answers_of(OrderCancelled, answers) == [
        OrderCancelled("o1", Decimal(2), "immediate_or_cancel", reason)
    ]


@pytest.mark.parametrize("price", [bar(100, volume=0), bar(101), quote(100, 101), trade(101, 5)])
def test_an_immediate_order_ends_at_its_first_price(price: Event) -> None:
    story = fill_driver(bar(100), routed("buy", 3, limit_price=100, time_in_force="ioc"))
    assert end_rules(after(story, price)) == {"o1": "immediate_or_cancel"}
    assert after(story, bar(99)) == []


def test_an_immediate_order_out_of_reach_when_it_arrives_is_not_filled_by_a_gap() -> None:
    story = fill_driver(bar(101), routed("buy", 3, limit_price=100, time_in_force="ioc"))
    assert end_rules(after(story, bar(99, open=99))) == {"o1": "immediate_or_cancel"}


def test_an_immediate_stop_waits_for_its_trigger_through_prices_of_every_kind() -> None:
    story = fill_driver(routed("sell", 1, stop_price=95, time_in_force="ioc"))
    assert after(story, bar(100, volume=0), bar(100), quote(99, 100), trade(100, 5)) == []
    assert fills(after(story, bar(100, low=90))) == [("o1", "1", "95", "taker")]


def test_an_immediate_order_that_fills_wholly_is_not_cancelled_as_well() -> None:
    assert type_names(after(fill_driver(routed("buy", 3, time_in_force="ioc")), bar(100))) == [
        "OrderFilled"
    ]


def test_all_or_nothing_fills_whole_or_is_killed_whole() -> None:
    order = routed("buy", 3, time_in_force="fok")
    assert fills(after(fill_driver(order), bar(100, volume=3))) == [("o1", "3", "100", "taker")]
    answers = after(fill_driver(order), bar(100, volume="2.999"))
    assert type_names(answers) == ["OrderCancelled"]
    assert end_rules(answers) == {"o1": "fill_or_kill"}


def test_all_or_nothing_beyond_its_limit_is_killed() -> None:
    story = fill_driver(bar(100), routed("buy", 3, limit_price=100, time_in_force="fok"))
    assert end_rules(after(story, bar(101))) == {"o1": "fill_or_kill"}


# Reduce-only.


def test_reduce_only_never_fills_beyond_the_position() -> None:
    story = fill_driver(filled("buy", 2, 100), routed("sell", 5, reduce_only=True))
    answers = after(story, bar(100))
    assert fills(answers) == [("o1", "2", "100", "taker")]
    assert end_rules(answers) == {"o1": "reduce_only_exceeded"}
    assert story.state.positions["BTCUSDT.PAPER"] == {}


def test_reduce_only_counts_the_other_fills_of_the_same_event() -> None:
    story = fill_driver(filled("buy", 2, 100))
    story.tell(routed("sell", "1.5", id="a", reduce_only=True))
    story.tell(routed("sell", "1.5", id="b", reduce_only=True))
    answers = after(story, bar(100))
    assert fills(answers) == [("a", "1.5", "100", "taker"), ("b", "0.5", "100", "taker")]
    assert end_rules(answers) == {"b": "reduce_only_exceeded"}


def test_reduce_only_ends_when_another_order_closes_the_position() -> None:
    story = fill_driver(filled("buy", 2, 100), bar(100))
    story.tell(routed("sell", 2, id="resting", limit_price=110, reduce_only=True))
    story.tell(routed("sell", 2, id="market"))
    answers = after(story, bar(100))
    assert fills(answers) == [("market", "2", "100", "taker")]
    assert end_rules(answers) == {"resting": "position_closed"}


def test_reduce_only_ends_when_the_position_flips() -> None:
    story = fill_driver(filled("buy", 2, 100), bar(100))
    story.tell(routed("sell", 2, id="resting", limit_price=110, reduce_only=True))
    story.tell(routed("sell", 5, id="market"))
    assert end_rules(after(story, bar(100))) == {"resting": "position_closed"}


def test_reduce_only_under_way_is_not_ended_by_a_fill_that_closes_nothing() -> None:
    story = fill_driver(latency=MINUTE)
    story.tell(routed("buy", 1, id="in"))
    story.tell(trade(100, 5, instrument="ETHUSDT.PAPER"), after=MINUTE // 2)
    story.tell(routed("buy", 1, id="cover", reduce_only=True))
    answers = story.tell(trade(100, 5), after=MINUTE // 2)
    assert fills(answers) == [("in", "1", "100", "taker")]
    assert end_rules(answers) == {}


def test_an_entry_of_the_same_side_stays_when_the_position_closes() -> None:
    story = fill_driver(
        filled("buy", 2, 100), bar(100), routed("sell", 2, id="short", limit_price=110)
    )
    story.tell(routed("sell", 2, id="exit", reduce_only=True))
    assert end_rules(after(story, bar(100))) == {}
    assert list(story.state.instruments) == ["short"]


def test_reduce_only_is_ended_once_where_a_bar_closes_the_position_twice() -> None:
    story = fill_driver(filled("buy", 1, 100), bar(100))
    story.tell(routed("sell", 1, id="resting", limit_price=110, reduce_only=True))
    story.tell(*(routed(side, 1, id=side + name) for side, name in TWICE))
    answers = after(story, bar(100))
    assert len(fills(answers)) == 3
    assert [gone.order_id for gone in answers_of(OrderCancelled, answers)] == ["resting"]


def test_reduce_only_that_lost_its_position_does_not_close_the_next_one_in_the_same_bar() -> None:
    story = fill_driver(filled("buy", 2, 100), bar(100))
    story.tell(routed("sell", 2, id="out", reduce_only=True), routed("buy", 2, id="in"))
    story.tell(routed("sell", 2, id="late", reduce_only=True))
    answers = after(story, bar(100))
    assert [order for order, *_ in fills(answers)] == ["out", "in"]
    assert end_rules(answers) == {"late": "position_closed"}


def test_an_immediate_reduce_only_order_is_cancelled_once() -> None:
    story = fill_driver(filled("buy", 2, 100))
    story.tell(routed("sell", 5, reduce_only=True, time_in_force="ioc"))
    assert type_names(after(story, bar(100))) == ["OrderFilled", "OrderCancelled"]


def test_all_or_nothing_that_would_flip_the_position_is_killed() -> None:
    story = fill_driver(filled("buy", 2, 100))
    story.tell(routed("sell", 5, reduce_only=True, time_in_force="fok"))
    assert end_rules(after(story, bar(100))) == {"o1": "fill_or_kill"}


# Fees.


def test_a_taker_pays_the_takers_rate_in_the_quote_currency() -> None:
    story = fill_driver(routed("buy", 2), taker="0.0005", maker="0.0002")
    fill = fill_of(after(story, bar(100)))
    assert (str(fill.fee), fill.fee_currency) == ("0.1", "USDT")


def test_a_maker_pays_the_makers_rate_and_a_negative_one_is_a_rebate() -> None:
    story = fill_driver(bar(100), routed("buy", 2, limit_price=99), taker="0.0005", maker="-0.0001")
    fill = fill_of(after(story, bar(100, low=98)))
    assert (str(fill.fee), fill.fee_currency) == ("-0.0198", "USDT")


def test_a_spot_venue_may_charge_in_the_base_currency() -> None:
    story = fill_driver(routed("buy", 2), taker="0.001", fee_currency="BTC")
    fill = fill_of(after(story, bar(100)))
    assert (str(fill.fee), fill.fee_currency) == ("0.002", "BTC")


def test_a_fee_currency_without_a_rate_falls_back_to_the_quote_currency() -> None:
    story = fill_driver(routed("buy", 2), taker="0.001", fee_currency="BNB")
    fill = fill_of(after(story, bar(100)))
    assert (str(fill.fee), fill.fee_currency) == ("0.2", "USDT")


def test_a_fee_counts_the_size_of_a_contract_and_a_perpetual_charges_quote() -> None:
    perpetual = listed(PERPETUAL, kind="perpetual", contract="0.1", quote="USD")
    story = fill_driver(perpetual, taker="0.001", fee_currency="BTC")
    story.tell(routed("buy", 2, instrument=PERPETUAL))
    fill = fill_of(after(story, bar(100, instrument=PERPETUAL)))
    assert (str(fill.fee), fill.fee_currency) == ("0.02", "USD")


@pytest.mark.parametrize(
    ("rate", "fee"),
    [
        ("0.000000000000000005", "0"),  # half of the last digit goes to the even neighbour
        ("0.000000000000000015", "0.000000000000000002"),
    ],
)
def test_a_fee_is_rounded_half_even_to_eighteen_decimals(rate: str, fee: str) -> None:
    story = fill_driver(listed(lot="0.1", minimum="0.1"), routed("buy", "0.1"), taker=rate)
    assert format(fill_of(after(story, bar(1))).fee, "f") == fee


def test_trade_ids_derive_from_the_order_and_the_number_of_the_fill() -> None:
    runs = [
        answers_of(OrderFilled, after(fill_driver(routed("buy", 2)), *[bar(100, volume=1)] * 2))
        for _ in range(2)
    ]
    ids = [fill.trade_id for fill in runs[0]]
    assert len(set(ids)) == 2
    assert ids == [fill.trade_id for fill in runs[1]]
