"""Cancels and replaces: whose order it is, what a change adds, and how much is held for it."""

from typing import Any

import pytest

from deadreckon.contracts.fields import Side
from deadreckon.contracts.orders import (
    CancelApproved,
    CancelMissed,
    OrderApproved,
    OrderReplaced,
    ReplaceApproved,
)
from deadreckon.contracts.signals import CancelRaised, ReplaceRaised, SignalRefused
from tests.stories import MINUTE, Number, amount, exact, limits
from tests.support.risk_driver import RiskDriver, cancelled


def resting(
    driver: RiskDriver, quantity: Number = 5, price: Number = 90, **more: Any
) -> OrderApproved:
    """A limit order that waits, routed."""
    order = driver.approved(
        more.pop("side", "buy"),
        quantity,
        order_type="limit",
        limit_price=price,
        **({"id": "wait"} | more),
    )
    driver.route(order)
    return order


def cancel(target: str = "wait", producer: str = "", strategy: str = "ext") -> CancelRaised:
    return CancelRaised("c1", producer, strategy, target)


def replace(
    quantity: Number | None = None,
    limit_price: Number | None = None,
    target: str = "wait",
    id: str = "r1",
    strategy: str = "ext",
    stop_price: Number | None = None,
) -> ReplaceRaised:
    prices = amount(limit_price), amount(stop_price)
    return ReplaceRaised(id, "", strategy, target, amount(quantity), *prices)


def promised(driver: RiskDriver) -> Any:
    """Buys in flight, to be compared with plain numbers."""
    return driver.exposure().buys.entries


# --- Cancels -------------------------------------------------------------------------------------


def test_a_cancel_of_an_open_order_passes_with_the_orders_own_id() -> None:
    driver = RiskDriver(limits())
    order = resting(driver)
    answer = driver.ask(cancel())
    assert isinstance(answer, CancelApproved)
    assert (answer.order_id, answer.signal_id, answer.strategy) == (order.order_id, "c1", "ext")
    assert promised(driver) == 5, "until the venue says so, it may still fill"


def test_a_cancel_of_what_has_ended_or_never_was_is_missed() -> None:
    driver = RiskDriver(limits())
    order = resting(driver)
    driver.tell(cancelled(order.order_id, 5))
    ended = driver.ask(cancel())
    assert ended == CancelMissed(order.order_id, "c1", "the order has ended")
    never = driver.ask(cancel("nothing"))
    assert isinstance(never, CancelMissed)
    assert never.order_id == ""
    assert driver.restarted().ask(cancel()) == ended


def test_a_producer_reaches_its_own_orders_alone() -> None:
    driver = RiskDriver(limits())
    resting(driver, producer="ann")
    assert isinstance(driver.ask(cancel(producer="bob")), CancelMissed)
    assert isinstance(driver.ask(cancel(producer="")), CancelMissed)
    assert isinstance(driver.ask(cancel(producer="ann", strategy="any")), CancelApproved)


def test_in_house_strategies_share_a_producer_but_not_their_orders() -> None:
    driver = RiskDriver(limits())
    resting(driver, strategy="cross")
    assert isinstance(driver.ask(cancel(strategy="regime")), CancelMissed)
    assert isinstance(driver.ask(cancel(strategy="cross")), CancelApproved)


def test_cancels_may_reach_their_rate_and_not_pass_it() -> None:
    driver = RiskDriver(limits(cancels_per_minute=2))
    resting(driver)
    driver.tell(cancel(), cancel())
    for each in (driver, driver.restarted()):
        answer = each.ask(cancel())
        assert isinstance(answer, SignalRefused)
        assert (answer.rule, answer.limit, answer.measured, answer.limit_set_by) == (
            "cancels_per_minute",
            exact(2),
            exact(3),
            driver.state.limits_id,
        )
    driver.price(100, after=MINUTE)
    assert isinstance(driver.ask(cancel()), CancelApproved)


def test_cancels_pass_though_trading_is_switched_off() -> None:
    driver = RiskDriver(limits())
    resting(driver)
    driver.tell(limits(trading_enabled=False))
    assert isinstance(driver.ask(cancel()), CancelApproved)


# --- Replaces ------------------------------------------------------------------------------------


def test_a_smaller_or_cheaper_buy_passes_whatever_is_full() -> None:
    driver = RiskDriver(limits())
    resting(driver)
    driver.tell(limits(exposure_instrument_max=1, order_notional_max=1, entries_per_minute=0))
    answer = driver.ask(replace(4, 89))
    assert isinstance(answer, ReplaceApproved)
    assert (answer.quantity, answer.limit_price) == (exact(4), exact(89))
    assert promised(driver) == 5, "the bigger of both, until the venue answers"


def test_no_replace_of_an_entry_passes_once_trading_is_switched_off() -> None:
    driver = RiskDriver(limits())
    resting(driver)
    resting(driver, 5, 150, side="sell", id="ask", strategy="bear")
    driver.tell(limits(trading_enabled=False))
    lower = replace(limit_price=50, target="ask", strategy="bear")
    asks = [replace(4), replace(limit_price=89), lower]
    assert [driver.ask(wanted).rule for wanted in asks] == ["trading_enabled"] * 3


def test_a_replace_leaves_no_entry_on_the_wrong_side_of_its_bracket() -> None:
    driver = RiskDriver(limits())
    resting(driver, 5, 95, stop_loss=90, take_profit=110)
    for each in (driver, driver.restarted()):
        assert each.ask(replace(limit_price=80)).rule == "bracket_side"
        assert each.ask(replace(4, 90)).rule == "bracket_side"
        assert each.ask(replace(limit_price=110)).rule == "bracket_side"
    assert isinstance(driver.ask(replace(limit_price=91)), ReplaceApproved)


def test_a_replace_leaves_no_dust() -> None:
    driver = RiskDriver(limits(order_notional_min=100))
    (child,) = driver.route(
        driver.approved("buy", 5, order_type="limit", limit_price=95, id="wait")
    )
    refused = driver.ask(replace("0.99"))
    assert (refused.rule, refused.measured) == ("order_notional_min", exact(99))
    driver.fill(child, 3, 95, leaves=2)
    assert driver.ask(replace("3.5")).rule == "order_notional_min", "what is left counts"
    assert isinstance(driver.ask(replace(4)), ReplaceApproved)


def test_a_replace_to_what_has_filled_is_a_cancel_and_never_too_small() -> None:
    driver = RiskDriver(limits(order_notional_min=100))
    (child,) = driver.route(
        driver.approved("buy", 5, order_type="limit", limit_price=95, id="wait")
    )
    driver.fill(child, 3, 95, leaves=2)
    driver.tell(limits(order_notional_min=100, trading_enabled=False))
    assert isinstance(driver.ask(replace(3)), ReplaceApproved)


def test_a_sell_comes_closer_by_a_lower_limit_and_is_weighed_for_it() -> None:
    driver = RiskDriver(limits(price_age_max=MINUTE, entries_per_minute=1))
    resting(driver, 5, 150, side="sell")
    assert driver.ask(replace(limit_price=149)).rule == "entries_per_minute"
    (stale,) = driver.tell(replace(limit_price=50), after=2 * MINUTE)
    assert isinstance(stale, SignalRefused)
    assert stale.rule == "price_age_max"
    driver.price(100)
    assert isinstance(driver.ask(replace(limit_price=149)), ReplaceApproved)
    assert driver.refused().rule == "entries_per_minute", "it was counted as an entry"


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("price", [94, 96])
def test_a_stop_moved_to_either_side_is_weighed(side: Side, price: Number) -> None:
    driver = RiskDriver(limits(price_age_max=MINUTE))
    driver.route(driver.approved(side, 5, order_type="stop", stop_price=95, id="wait"))
    (stale,) = driver.tell(replace(stop_price=price), after=2 * MINUTE)
    assert isinstance(stale, SignalRefused)
    assert stale.rule == "price_age_max"


def test_any_price_is_weighed_while_another_replace_is_on_its_way() -> None:
    driver = RiskDriver(limits(price_age_max=MINUTE))
    resting(driver)
    assert isinstance(driver.ask(replace(limit_price=80)), ReplaceApproved)
    (stale,) = driver.tell(replace(limit_price=90, id="r2"), after=2 * MINUTE)
    assert isinstance(stale, SignalRefused)
    assert stale.rule == "price_age_max", "from 80 to 90 is closer"


def test_an_exit_may_be_brought_closer_whatever_is_switched_off() -> None:
    driver = RiskDriver(limits())
    driver.enter("buy", 5)
    resting(driver, 2, 110, side="sell", reduce_only=True)
    driver.tell(limits(trading_enabled=False))
    assert isinstance(driver.ask(replace(1, 99)), ReplaceApproved)


def test_what_a_replace_adds_is_weighed_like_an_entry() -> None:
    driver = RiskDriver(limits(exposure_instrument_max=1_000))
    resting(driver)
    answer = driver.ask(replace(11))
    assert isinstance(answer, SignalRefused)
    assert (answer.signal_id, answer.rule, answer.measured) == (
        "r1",
        "exposure_instrument_max",
        exact(1_100),
    )
    assert driver.restarted().ask(replace(11)) == answer
    assert isinstance(driver.ask(replace(10)), ReplaceApproved)
    assert promised(driver) == 10
    assert not driver.passes("buy", 1)


def test_a_higher_limit_is_worth_more_and_weighed_too() -> None:
    driver = RiskDriver(limits(exposure_instrument_max=1_000))
    resting(driver)
    assert isinstance(driver.ask(replace(limit_price=201)), SignalRefused)
    assert isinstance(driver.ask(replace(limit_price=200)), ReplaceApproved)
    assert driver.exposure().buys.value == 1_000


def test_a_replace_keeps_to_the_bounds_of_one_order_as_a_whole() -> None:
    driver = RiskDriver(limits(order_notional_max=600))
    resting(driver)
    assert driver.ask(replace(7)).rule == "order_notional_max"
    assert isinstance(driver.ask(replace(6)), ReplaceApproved)


def test_what_a_replace_adds_is_counted_as_an_entry_and_as_a_cancel() -> None:
    driver = RiskDriver(
        limits(notional_window_max=1_000, entries_per_minute=2, cancels_per_minute=2)
    )
    resting(driver)
    assert driver.ask(replace(11)).rule == "notional_window_max"
    assert isinstance(driver.ask(replace(10)), ReplaceApproved)
    assert driver.refused().rule == "entries_per_minute"
    assert isinstance(driver.ask(replace(9, id="r2")), ReplaceApproved)
    assert driver.ask(replace(8, id="r3")).rule == "cancels_per_minute"


def test_a_replaced_order_promises_what_it_stands_for_now() -> None:
    driver = RiskDriver(limits(exposure_instrument_max=1_000))
    order = resting(driver)
    driver.tell(replace(10))
    driver.tell(OrderReplaced(order.order_id, exact(8), exact(8), exact(90), None))
    assert promised(driver) == 8
    assert driver.state.orders[order.order_id].changes == {}
    driver.tell(cancelled(order.order_id, 8))
    assert driver.state.exposures == {}


def test_a_replace_that_failed_gives_back_what_it_added() -> None:
    driver = RiskDriver(limits(exposure_instrument_max=1_000))
    order = resting(driver)
    driver.tell(replace(10))
    driver.tell(CancelMissed(order.order_id, "r1", "the venue did not take it"))
    assert promised(driver) == 5


def test_a_replace_of_a_partly_filled_order_counts_what_is_left() -> None:
    driver = RiskDriver(limits(exposure_instrument_max=1_000))
    order = driver.approved("buy", 5, order_type="limit", limit_price=90, id="wait")
    (child,) = driver.route(order)
    driver.fill(child, 3, 90, leaves=2)
    driver.tell(replace(10))
    assert (driver.held(), promised(driver)) == (3, 7)
    driver.fill(child, 1, 90, leaves=1)
    assert (driver.held(), promised(driver)) == (4, 6)


def test_a_split_order_is_replaced_when_every_child_is() -> None:
    driver = RiskDriver(limits(exposure_instrument_max=1_000))
    order = driver.approved("buy", 6, order_type="limit", limit_price=90, id="wait")
    first, second = driver.route(order, 3, 3)
    driver.tell(replace(10))
    driver.tell(OrderReplaced(first.order_id, exact(5), exact(5), exact(90), None))
    assert promised(driver) == 10, "the other child still has to answer"
    driver.tell(CancelMissed(second.order_id, "r1", "it has ended"))
    assert promised(driver) == 8
    driver.tell(cancelled(first.order_id, 5), cancelled(second.order_id, 3))
    assert driver.state.exposures == {}


@pytest.mark.parametrize("waits", [False, True])
def test_an_exit_may_be_replaced_up_to_the_position(waits: bool) -> None:
    driver = RiskDriver(limits(exits_per_minute=2))
    driver.enter("buy", 5)
    resting(driver, 2, 110 if waits else 100, side="sell", reduce_only=True)
    assert isinstance(driver.ask(replace(9)), ReplaceApproved)
    sells = driver.exposure().sells
    assert (sells.protection if waits else sells.exits) == 5
    assert (sells.exits if waits else sells.protection) == 0
    assert driver.passes("sell", 1, reduce_only=True) == waits


def test_a_replace_of_nothing_is_missed() -> None:
    assert isinstance(RiskDriver(limits()).ask(replace(1)), CancelMissed)
