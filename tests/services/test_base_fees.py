"""A spot venue that keeps its fee from the coins: what is held, what can be sold, and the dust."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from deadreckon.contracts.event import Event
from deadreckon.contracts.orders import BracketArmed, OrderFilled
from deadreckon.services.fill.state import position_of
from deadreckon.services.signal import decider as signal
from tests.stories import INSTRUMENT, MINUTE, Number, bar, filled, limits, listed, routed, strategy
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import answers_of, end_rules, fill_driver, fills
from tests.support.risk_driver import RiskDriver

IN_BTC: dict[str, Any] = {"taker": "0.001", "maker": "0.001", "fee_currency": "BTC"}


def bought(quantity: Number, fee: Number, **more: Any) -> OrderFilled:
    return filled("buy", quantity, 100, fee=fee, fee_currency="BTC", **more)


# Fill.


def test_a_buyer_pays_in_coins_and_a_seller_in_what_he_receives() -> None:
    story = fill_driver(routed("buy", 1), **IN_BTC)
    story.tell(bar(100), after=MINUTE)
    story.tell(routed("sell", 1, id="exit", reduce_only=True))
    answers = story.tell(bar(100), after=MINUTE)
    (sold,) = answers_of(OrderFilled, answers)
    assert (sold.quantity, sold.fee, sold.fee_currency) == (
        Decimal("0.999"),
        Decimal("0.0999"),
        "USDT",
    )
    assert end_rules(answers) == {"exit": "reduce_only_exceeded"}
    assert story.state.positions[INSTRUMENT] == {}


def test_a_bracket_protects_what_is_there_after_the_fee_in_whole_lots() -> None:
    story = fill_driver(routed("buy", "1.5", stop_loss=95), **IN_BTC)
    (armed,) = answers_of(BracketArmed, story.tell(bar(100), after=MINUTE))
    assert armed.quantity == Decimal("1.498")  # 1.4985, in lots of 0.001
    answers = story.tell(bar(94), after=MINUTE)
    assert fills(answers)[0][1] == "1.498"
    assert story.state.positions[INSTRUMENT] == {"ext": Decimal("0.0005")}
    assert story.state.orders == {}


def test_dust_is_nothing_that_a_reduce_only_order_could_reduce() -> None:
    story = fill_driver(bought("0.001", "0.0005"), **IN_BTC)
    answers = story.tell(routed("sell", 1, id="exit", reduce_only=True))
    assert end_rules(answers) == {"exit": "reduce_only_without_position"}


@given(draw.lists(draw.tuples(draw.booleans(), draw.integers(1, 5_000)), max_size=12))
def test_reduce_only_sales_never_sell_a_coin_that_is_not_there(
    orders: list[tuple[bool, int]],
) -> None:
    story, coins = fill_driver(**IN_BTC), Decimal(0)
    for number, (buys, lots) in enumerate(orders):
        side: Any = "buy" if buys else "sell"
        quantity = Decimal(lots) / 1_000
        story.tell(routed(side, quantity, id=f"o{number}", reduce_only=not buys))
        for event in answers_of(OrderFilled, story.tell(bar(100), after=MINUTE)):
            paid = event.fee if event.fee_currency == "BTC" else 0
            coins += (event.quantity if event.side == "buy" else -event.quantity) - paid
        assert coins >= 0
        held = position_of(story.state, "ext", INSTRUMENT)
        assert 0 <= coins - held < Decimal("0.001"), "what is not in whole lots is dust"


# Risk.


def test_risk_sees_what_can_be_sold() -> None:
    driver = RiskDriver(limits(liability_max=0))
    driver.tell(bought(1, "0.001"))
    assert driver.exposure().held == Decimal("0.999")
    assert driver.refused("sell", 1).rule == "liability_max", "to sell 1 is to sell short"
    assert driver.approved("sell", "0.999").reduce_only


def test_a_fee_in_coins_that_are_there_is_no_liability() -> None:
    driver = RiskDriver(limits(liability_max=0))
    driver.tell(bought(1, "0.001"))
    assert driver.passes("buy", 1)


def test_dust_is_no_position() -> None:
    driver = RiskDriver(limits(positions_max=1))
    driver.tell(bought(1, "0.0015"), filled("sell", "0.998", 100, id="out"))
    assert driver.state.exposures == {}
    assert driver.refused("sell", 1, reduce_only=True).rule == "reduce_only_without_position"


# Signal.


def crossing(*given: Event) -> DeciderDriver:
    driver = DeciderDriver(signal, "signal")
    driver.tell(listed(), strategy(fast=1, slow=2, cooldown_seconds=0))
    driver.tell(bar(100), bar(101), after=MINUTE)
    driver.tell(*given)
    return driver


def test_a_strategy_leaves_with_what_it_can_sell() -> None:
    driver = crossing(bought("1.5", "0.0015", strategy="cross"))
    (leave, enter) = driver.tell(bar(99), after=MINUTE)
    assert leave.quantity == Decimal("1.498")  # type: ignore[attr-defined]
    assert leave.reduce_only  # type: ignore[attr-defined]
    assert not enter.reduce_only  # type: ignore[attr-defined]
    assert driver.state.strategies["cross"].dust == {INSTRUMENT: Decimal("0.0005")}


@pytest.mark.parametrize("sold", ["1.498", "1.4985"])
def test_a_strategy_with_dust_alone_holds_nothing_and_enters_anew(sold: str) -> None:
    driver = crossing(
        bought("1.5", "0.0015", strategy="cross"),
        filled("sell", sold, 100, id="out", strategy="cross"),
    )
    (enter,) = driver.tell(bar(99), after=MINUTE)
    assert (enter.side, enter.reduce_only) == ("sell", False)  # type: ignore[attr-defined]


def test_dust_is_sold_once_it_is_a_lot() -> None:
    driver = crossing(
        bought("1.5", "0.0015", strategy="cross"),
        bought("1.5", "0.0015", strategy="cross", id="t2"),
    )
    assert driver.state.strategies["cross"].held == {INSTRUMENT: Decimal("2.997")}
    assert driver.state.strategies["cross"].dust == {}
