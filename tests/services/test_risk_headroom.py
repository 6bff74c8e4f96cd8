"""Headroom: what is promised to orders in flight, and that every end of an order gives it back."""

from collections.abc import Callable
from typing import Any

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import OrderApproved, OrderCancelling, OrderReplaced
from deadreckon.contracts.signals import SignalRefused
from deadreckon.contracts.timestamps import DAY
from deadreckon.services.risk.state import Exposure, InFlight
from tests.stories import INSTRUMENT, MINUTE, exact, filled, limits, signal
from tests.support.risk_driver import (
    OTHER,
    RiskDriver,
    accepted,
    cancelled,
    expired,
    leg,
    rejected,
    unknown,
    unroutable,
)

CAP = limits(exposure_instrument_max=1_000)  # ten at the price of 100


def promised(driver: RiskDriver) -> Any:
    """Entries in flight: buys and sells, to be compared with plain numbers."""
    exposure = driver.exposure()
    return exposure.buys.entries, exposure.sells.entries


def test_concurrent_wishes_cannot_share_the_same_headroom() -> None:
    """The predecessor let every one of them see the whole of it."""
    driver = RiskDriver(CAP)
    answers = driver.tell(*(signal("buy", 3, id=f"s{number}") for number in range(6)))
    assert [type(answer) for answer in answers] == [OrderApproved] * 3 + [SignalRefused] * 3
    assert promised(driver) == (9, 0)


@pytest.mark.parametrize(
    "end",
    [
        lambda order: cancelled(order.order_id),
        lambda order: expired(order.order_id),
        lambda order: rejected(order.order_id),
    ],
)
def test_every_end_of_a_routed_order_gives_its_headroom_back(
    end: Callable[[OrderApproved], Event],
) -> None:
    driver = RiskDriver(CAP)
    order = driver.approved("buy", 10)
    driver.route(order)
    assert not driver.passes("buy", 1)
    driver.tell(accepted(order.order_id), end(order))
    assert driver.state.exposures == {}
    assert driver.passes("buy", 10)
    assert driver.restarted().exposure() == driver.exposure()


def test_an_order_that_found_no_venue_gives_its_headroom_back() -> None:
    driver = RiskDriver(CAP)
    driver.tell(unroutable(driver.approved("buy", 10)))
    assert (driver.state.exposures, driver.state.orders) == ({}, {})
    assert driver.passes("buy", 10)


def test_an_order_nobody_knows_of_keeps_its_headroom() -> None:
    driver = RiskDriver(CAP)
    order = driver.approved("buy", 10)
    driver.route(order)
    driver.tell(unknown(order.order_id))
    assert promised(driver) == (10, 0)
    assert not driver.restarted().passes("buy", 1)
    driver.tell(filled("buy", 10, 100, order=order.order_id))  # it was filled, as it turns out
    assert (driver.held(), promised(driver)) == (10, (0, 0))


def test_an_order_that_its_venue_is_asked_to_cancel_keeps_its_headroom_until_it_has_ended() -> None:
    driver = RiskDriver(CAP)
    (child,) = driver.route(driver.approved("buy", 10))
    driver.tell(OrderCancelling(child.order_id, "c", "PAPER", "requested", "story"))
    assert promised(driver) == (10, 0)
    driver.fill(child, 4, leaves=6)
    assert (driver.held(), promised(driver)) == (4, (6, 0))
    assert not driver.restarted().passes("buy", 1)
    driver.tell(cancelled(child.order_id, 6))
    assert (driver.held(), promised(driver)) == (4, (0, 0))


def test_fills_move_headroom_from_promised_to_held() -> None:
    driver = RiskDriver(CAP)
    (child,) = driver.route(driver.approved("buy", 10))
    driver.fill(child, 4, leaves=6)
    assert (driver.held(), promised(driver)) == (4, (6, 0))
    driver.fill(child, 6, leaves=0)
    assert (driver.held(), promised(driver), driver.state.orders) == (10, (0, 0), {})
    assert not driver.passes("buy", 1)


def test_a_fill_that_comes_twice_moves_nothing_twice() -> None:
    driver = RiskDriver(CAP)
    (child,) = driver.route(driver.approved("buy", 10))
    for _ in range(3):
        driver.fill(child, 4, leaves=6, id="once")
    assert (driver.held(), promised(driver)) == (4, (6, 0))


def test_a_partly_filled_order_that_is_cancelled_keeps_what_it_holds() -> None:
    driver = RiskDriver(CAP)
    (child,) = driver.route(driver.approved("buy", 10))
    driver.fill(child, 4, leaves=6)
    driver.tell(cancelled(child.order_id, 6))
    assert (driver.held(), promised(driver)) == (4, (0, 0))
    assert driver.passes("buy", 6)


def test_rounding_by_the_router_is_given_back_when_the_last_child_is_routed() -> None:
    driver = RiskDriver(CAP)
    order = driver.approved("buy", 10)
    driver.route(order, "3.3", "3.3", "3.3")
    assert promised(driver) == (exact("9.9"), 0)


def test_a_split_order_ends_with_its_last_child() -> None:
    driver = RiskDriver(CAP)
    first, second, third = driver.route(driver.approved("buy", 9), 3, 3, 3)
    driver.fill(first, 3)
    driver.tell(rejected(second.order_id))
    assert (promised(driver), len(driver.state.orders)) == ((3, 0), 1)
    driver.tell(cancelled(third.order_id, 3))
    assert (promised(driver), driver.state.orders, driver.state.children) == ((0, 0), {}, {})


def test_between_the_children_the_rest_stays_reserved() -> None:
    driver = RiskDriver(CAP)
    order = driver.approved("buy", 9)
    children = driver.route(order, 3, 3, 3)
    half_way = RiskDriver(CAP)
    half_way.approved("buy", 9)
    half_way.tell(children[0])
    assert promised(half_way) == (9, 0)


def test_a_notional_reserves_as_much_as_the_router_can_make_of_it() -> None:
    driver = RiskDriver(CAP)
    driver.approved("buy", None, notional=1_000)
    assert promised(driver) == (10, 0)
    assert not driver.passes("buy", "0.001")


def test_a_notional_that_meets_a_cap_exactly_is_not_refused_for_a_rounding() -> None:
    driver = RiskDriver(CAP)
    driver.price("33.3")
    assert driver.passes("buy", None, notional=1_000)


def test_a_limit_above_the_mark_is_valued_at_its_limit_and_one_below_at_the_mark() -> None:
    for limit_price, fits in ((200, 5), (50, 10)):
        for side in ("buy", "sell"):
            more: dict[str, Any] = {"order_type": "limit", "limit_price": limit_price}
            assert RiskDriver(CAP).passes(side, fits, **more)
            assert not RiskDriver(CAP).passes(side, fits + exact("0.001"), **more)


def test_a_promise_is_worth_what_the_mark_says_now() -> None:
    driver = RiskDriver(CAP)
    driver.approved("buy", 5)
    driver.price(150)
    assert driver.refused("buy", 2).measured == 1_050


# --- The worst case ------------------------------------------------------------------------------


def test_both_sides_in_flight_count_by_the_worse_and_not_by_their_difference() -> None:
    driver = RiskDriver(CAP)
    driver.approved("buy", 8)
    driver.approved("sell", 9)
    assert promised(driver) == (8, 9)
    assert driver.refused("buy", 3).measured == 1_100
    assert driver.refused("sell", 2).measured == 1_100


def test_an_order_may_turn_a_position_around_within_the_cap() -> None:
    driver = RiskDriver(CAP)
    driver.enter("buy", 10)
    assert driver.refused("sell", "20.1").measured == 1_010
    assert driver.passes("sell", 20)


def test_an_entry_against_a_position_counts_from_nothing_where_a_stop_may_close_it_first() -> None:
    driver = RiskDriver(CAP)
    entry = driver.enter("buy", 10, stop_loss=90, take_profit=110)
    driver.tell(
        leg(entry, "stop_loss", 10, order="stop", stop=90),
        leg(entry, "take_profit", 10, order="profit", limit=110),
    )
    assert driver.refused("sell", "10.1").rule == "exposure_instrument_max"
    assert driver.refused("sell", 11).measured == 1_100
    driver.tell(cancelled("stop", 10), cancelled("profit", 10))
    assert driver.passes("sell", 11)
    assert (driver.state.legs, driver.state.brackets) == ({}, {})


def test_the_legs_of_a_bracket_cancel_each_other_and_count_once() -> None:
    driver = RiskDriver(limits(exposure_instrument_max=1_500))
    driver.enter("buy", 10)
    entry = driver.enter("buy", 5, stop_loss=90, take_profit=110)
    driver.tell(
        leg(entry, "stop_loss", 5, order="stop", stop=90),
        leg(entry, "take_profit", 5, order="profit", limit=110),
    )
    assert driver.exposure().sells.protection == 5
    assert driver.passes("sell", 25), "10 are left to turn around when 5 are stopped out"


def test_a_bracket_grows_with_its_entry_and_shrinks_with_its_fills() -> None:
    driver = RiskDriver(CAP)
    entry = driver.enter("buy", 10, stop_loss=90)
    driver.tell(leg(entry, "stop_loss", 4, order="stop", stop=90))
    grown = OrderReplaced("stop", exact(10), exact(10), None, exact(90))
    driver.tell(grown)
    assert driver.exposure().sells.protection == 10
    driver.tell(filled("sell", 3, 90, order="stop", leaves=7))
    assert driver.held() == driver.exposure().sells.protection == 7
    driver.tell(filled("sell", 7, 90, order="stop", id="t2"))
    assert driver.state.exposures == {}


def test_protection_does_not_keep_anybody_from_leaving_by_hand() -> None:
    driver = RiskDriver(CAP)
    entry = driver.enter("buy", 10, stop_loss=90)
    driver.tell(leg(entry, "stop_loss", 10, order="stop", stop=90))
    assert driver.approved("sell", 10, reduce_only=True).reduce_only


def test_an_exit_is_weighed_where_an_entry_against_the_position_is_in_flight() -> None:
    """Alone the turn-around ends at 10 short; after an exit it would start from nothing."""
    driver = RiskDriver(CAP)
    driver.enter("buy", 10)
    turn = driver.approved("sell", 20)
    driver.route(turn)
    answer = driver.refused("sell", 10, reduce_only=True)
    assert (answer.rule, answer.measured) == ("exposure_instrument_max", exact(2_000))
    driver.tell(cancelled(turn.order_id, 20))
    assert driver.passes("sell", 10, reduce_only=True)


def test_exits_in_flight_promise_no_more_than_the_position() -> None:
    driver = RiskDriver(CAP)
    driver.enter("buy", 4)
    (child,) = driver.route(driver.approved("sell", 9, reduce_only=True), 9)
    assert driver.exposure().sells == InFlight(exits=exact(4))
    driver.fill(child, 4, leaves=5)
    driver.tell(cancelled(child.order_id, 5))
    assert driver.state.exposures == {}


def test_longs_and_shorts_of_strategies_do_not_hide_each_other() -> None:
    """The predecessor summed them by their sign, so that any size passed in pairs."""
    driver = RiskDriver(limits(exposure_gross_max=1_000))
    driver.enter("buy", 5, strategy="bull")
    driver.enter("sell", 5, strategy="bear")
    assert driver.refused("buy", 1, instrument=OTHER).measured == 1_100


def test_the_predecessors_six_orders_no_longer_pass() -> None:
    """A cap of 2,000 let six buys of 900 and one of 200 through."""
    driver = RiskDriver(limits(exposure_instrument_max=2_000))
    passed = [driver.passes("buy", None, notional=900, id=f"s{number}") for number in range(6)]
    assert passed == [True, True, False, False, False, False]
    assert driver.passes("buy", None, notional=200, id="s6")
    assert not driver.passes("buy", None, notional=1, id="s7")


# --- Memory --------------------------------------------------------------------------------------


def test_what_is_remembered_of_ended_orders_is_forgotten_after_a_week() -> None:
    driver = RiskDriver(limits(price_age_max=100 * DAY))
    for day in range(20):
        driver.price(100, after=DAY)
        (child,) = driver.route(driver.approved("buy", 1, id=f"s{day}"))
        driver.tell(cancelled(child.order_id))
    state = driver.state
    assert len(state.ended.days) == 8, "today and seven days"
    assert (state.orders, state.children, state.signals, state.exposures) == ({}, {}, {}, {})


def test_windows_hold_a_minute_and_no_more() -> None:
    driver = RiskDriver(limits(notional_window_max=1_000_000, quarantine_stops=100))
    for _ in range(50):
        driver.price(100, after=MINUTE // 2)
        driver.enter("buy", 1)
        driver.enter("sell", 1)
    rates = driver.state.rates
    assert [len(rates.entries), len(rates.entries_of[INSTRUMENT]), len(rates.exits)] == [2, 2, 2]
    assert len(rates.notionals.moments) == len(rates.notionals.amounts) == 2
    assert rates.notionals.total == 200


def test_a_stake_that_holds_and_promises_nothing_is_forgotten() -> None:
    driver = RiskDriver(CAP)
    driver.enter("buy", 3)
    assert driver.exposure() == Exposure("ext", INSTRUMENT, "PAPER", held=exact(3))
    driver.enter("sell", 3)
    assert driver.state.exposures == {}
