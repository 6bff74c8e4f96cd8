"""Marks that a person states: they fill where nothing else makes a market, and nowhere else."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from deadreckon.contracts.event import Event
from deadreckon.contracts.market import BarOpened
from deadreckon.contracts.orders import OrderFilled
from tests.stories import (
    INSTRUMENT,
    MINUTE,
    SECOND,
    bar,
    exact,
    limits,
    marked,
    quote,
    routed,
    stated,
    trade,
)
from tests.support.fill_samples import answers_of, end_rules, fill_driver, fills
from tests.support.risk_driver import RiskDriver

OTHER = "ETHUSDT.PAPER"
MARKETS = [
    bar(100),
    quote(99, 101),
    trade(100),
    BarOpened(INSTRUMENT, MINUTE, exact(100)),
]


def test_a_market_order_fills_wholly_at_the_mark_with_a_takers_fee_and_no_slippage() -> None:
    story = fill_driver(stated(100), participation="0.1", slippage=50, taker="0.001")
    assert fills(story.tell(routed("buy", 7))) == []  # no order is filled by what came before it
    (fill,) = answers_of(OrderFilled, story.tell(stated("101.5"), after=MINUTE))
    assert (fill.quantity, fill.price, fill.leaves) == (Decimal(7), Decimal("101.5"), Decimal(0))
    assert (fill.liquidity, fill.fee) == ("taker", Decimal("0.7105"))
    assert fill.reference_price == Decimal("101.5")
    assert fills(story.tell(stated(102), after=MINUTE)) == []


@pytest.mark.parametrize("market", MARKETS, ids=lambda each: type(each).__name__)
def test_a_mark_fills_nothing_of_an_instrument_that_ever_had_market_data(market: Event) -> None:
    story = fill_driver(market, routed("buy", 1, limit_price=90), routed("sell", 1, id="o2"))
    assert fills(story.tell(stated(80), after=MINUTE)) == []
    late = fill_driver(stated(100), market, routed("buy", 1), participation=0)
    assert fills(late.tell(stated(100), after=MINUTE)) == []


@pytest.mark.parametrize("market", [*MARKETS[1:3]], ids=lambda each: type(each).__name__)
def test_what_waits_meets_the_market_data_that_comes_after_marks(market: Event) -> None:
    story = fill_driver(stated(100), routed("buy", 1), participation=0)
    assert len(fills(story.tell(market, after=MINUTE))) == 1


def test_a_mark_that_nobody_signs_fills_nothing() -> None:
    story = fill_driver(routed("buy", 1))
    assert fills(story.tell(marked(100), after=MINUTE)) == []


def test_a_mark_of_another_instrument_fills_nothing() -> None:
    story = fill_driver(routed("buy", 1))
    assert fills(story.tell(stated(100, OTHER), after=MINUTE)) == []


def test_a_limit_takes_at_the_mark_when_the_mark_reaches_it_also_one_that_waited() -> None:
    story = fill_driver(stated(100), routed("buy", 1, limit_price=95))
    assert fills(story.tell(stated(96), after=MINUTE)) == []
    assert fills(story.tell(stated(95), after=MINUTE)) == [("o1", "1", "95", "taker")]
    better = fill_driver(stated(100), routed("buy", 1, limit_price=95))
    assert fills(better.tell(stated(90), after=MINUTE)) == [("o1", "1", "90", "taker")]


def test_a_stop_is_triggered_by_a_mark_and_fills_at_it() -> None:
    story = fill_driver(stated(100), routed("sell", 1, stop_price=95))
    assert fills(story.tell(stated(96), after=MINUTE)) == []
    assert fills(story.tell(stated(94), after=MINUTE)) == [("o1", "1", "94", "taker")]


def test_an_order_that_must_trade_at_once_ends_at_a_mark_beyond_its_limit() -> None:
    story = fill_driver(stated(100), routed("buy", 1, limit_price=95, time_in_force="ioc"))
    assert end_rules(story.tell(stated(96), after=MINUTE)) == {"o1": "immediate_or_cancel"}


def test_a_mark_off_the_tick_is_rounded_against_us() -> None:
    story = fill_driver(routed("buy", 1), routed("sell", 1, id="o2"))
    answers = story.tell(stated("100.001"), after=MINUTE)
    assert fills(answers) == [("o1", "1", "100.01", "taker"), ("o2", "1", "100", "taker")]


PRICES = draw.integers(80, 120)
ORDERS = draw.fixed_dictionaries(
    {
        "side": draw.sampled_from(["buy", "sell"]),
        "limit_price": draw.none() | PRICES,
        "stop_price": draw.none() | PRICES,
        "time_in_force": draw.sampled_from(["gtc", "ioc", "fok"]),
    }
)


@given(orders=draw.lists(ORDERS, max_size=6), prices=draw.lists(PRICES, min_size=1, max_size=6))
def test_every_fill_is_at_the_mark_as_a_taker_and_within_its_limit(
    orders: list[dict[str, Any]], prices: list[int]
) -> None:
    story = fill_driver(slippage=30, participation="0.01")
    for number, order in enumerate(orders):
        side = order.pop("side")
        story.tell(routed(side, 1, id=f"o{number}", **order))
    for price in prices:
        story.tell(marked(price + 1), after=MINUTE)  # of the venue: it only passes the time
        for fill in answers_of(OrderFilled, story.tell(stated(price), after=MINUTE)):
            order = orders[int(fill.order_id[1:])]
            assert (fill.price, fill.liquidity) == (Decimal(price), "taker")
            limit = order["limit_price"]
            assert limit is None or (price <= limit if fill.side == "buy" else price >= limit)


def test_risk_sizes_nothing_by_a_mark_beside_a_live_market() -> None:
    driver = RiskDriver(limits(price_age_max=MINUTE))
    driver.price(60_000)
    driver.tell(stated("0.01"), after=SECOND)
    assert driver.approved(quantity=None, notional=600).reference_price == 60_000
    driver.tell(stated("0.01"), after=2 * MINUTE)  # the market is silent: the person is believed
    driver.tell(stated("59000"), after=SECOND)  # and may be wrong once
    assert driver.restarted().approved(quantity=None, notional=600).reference_price == 59_000
    driver.price(60_100)
    driver.tell(stated(1), after=SECOND)
    assert driver.approved(quantity=None, notional=600).reference_price == Decimal(60_100)
