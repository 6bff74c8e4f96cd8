"""Brackets at a real venue: legs cannot change there, so each fill gets a bracket of its own."""

from typing import Any

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.orders import (
    BracketArmed,
    BracketClosed,
    OrderCancelled,
    OrderCancelling,
    OrderReplaced,
    OrderSubmitting,
)
from deadreckon.services.fill import decider as fill
from tests.stories import SECOND, bar, routed
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import answers_of, encoded, type_names
from tests.support.venue_samples import (
    accepted,
    cancel_refused,
    order_ended,
    refused,
    traded,
    venue_fill_driver,
)

ENTRY = routed("buy", 3, stop_loss=95, take_profit=110)


class Legs:
    """The names of a bracket's legs, from the answers that armed it."""

    def __init__(self, answers: list[Event]) -> None:
        self.stop, self.target = (leg.order_id for leg in answers_of(OrderSubmitting, answers))


def protected(quantity: int = 3) -> tuple[DeciderDriver, Legs]:
    """A desk whose entry of 3 has bought so much at 100, with its legs accepted."""
    story = venue_fill_driver(bar(100), ENTRY, accepted())
    legs = Legs(story.tell(traded("buy", quantity, 100)))
    story.tell(accepted(legs.stop), accepted(legs.target))
    return story, legs


def outcomes(answers: list[Event]) -> list[str]:
    return [bracket.outcome for bracket in answers_of(BracketClosed, answers)]


def asked(answers: list[Event]) -> dict[str, str]:
    return {cancel.order_id: cancel.rule for cancel in answers_of(OrderCancelling, answers)}


def sold(quantity: int, order: str, id: str = "exit") -> Event:
    return traded("sell", quantity, 95, order=order, id=id)


# Arming.


def test_a_fill_is_protected_by_legs_that_only_intend() -> None:
    story = venue_fill_driver(bar(100), ENTRY, accepted())
    answers = story.tell(traded("buy", 3, 100))
    assert type_names(answers) == [
        "OrderFilled",
        "OrderSubmitting",
        "OrderSubmitting",
        "BracketArmed",
    ]
    assert story.tell(bar(80), bar(120), after=SECOND) == []


def test_every_further_fill_gets_a_bracket_of_its_own() -> None:
    story, first = protected(1)
    answers = story.tell(traded("buy", 2, 101, id="t2"))
    second = Legs(answers)
    assert {second.stop, second.target}.isdisjoint({first.stop, first.target})
    assert [leg.quantity for leg in answers_of(OrderSubmitting, answers)] == [2, 2]
    assert [armed.quantity for armed in answers_of(BracketArmed, answers)] == [2]
    assert answers_of(OrderReplaced, answers) == []
    assert len(story.state.brackets) == 2


def test_brackets_of_one_entry_live_and_end_apart() -> None:
    story, first = protected(1)
    second = Legs(story.tell(traded("buy", 2, 101, id="t2")))
    answers = story.tell(sold(1, first.stop))
    assert outcomes(answers) == ["stop_loss"]
    assert asked(answers) == {first.target: "sibling_filled"}
    story.tell(order_ended(order=first.target))
    answers = story.tell(sold(2, second.target, "exit 2"))
    assert outcomes(answers) == ["take_profit"]
    assert asked(answers) == {second.stop: "sibling_filled"}


def test_a_leg_that_has_filled_asks_for_the_end_of_its_entry() -> None:
    story, legs = protected(1)
    answers = story.tell(sold(1, legs.stop))
    assert asked(answers) == {legs.target: "sibling_filled", "o1": "bracket_closed"}
    late = story.tell(traded("buy", 2, 101, id="t2"))
    assert [leg.quantity for leg in answers_of(OrderSubmitting, late)] == [2, 2]


def test_a_fill_that_only_reduces_has_nothing_to_protect() -> None:
    story = venue_fill_driver(
        bar(100), routed("sell", 5, id="o0"), traded("sell", 5, 100, order="o0")
    )
    assert type_names(story.tell(ENTRY, traded("buy", 3, 100, id="t2")))[1:] == ["OrderFilled"]


def test_what_another_bracket_of_the_entry_covers_is_not_covered_twice() -> None:
    story, _ = protected(1)
    story.tell(routed("sell", 1, id="o2"), traded("sell", 2, 100, order="o2", id="t3"))
    answers = story.tell(traded("buy", 2, 100, id="t2"))
    assert [leg.quantity for leg in answers_of(OrderSubmitting, answers)] == [1, 1]


def test_a_late_fill_of_an_entry_that_has_ended_is_protected() -> None:
    story = venue_fill_driver(bar(100), ENTRY, accepted(), order_ended())
    assert [
        armed.quantity for armed in answers_of(BracketArmed, story.tell(traded("buy", 2, 100)))
    ] == [2]


# Legs that fill.


def test_a_stop_that_fills_in_part_takes_its_take_profit_away_at_once() -> None:
    story, legs = protected()
    answers = story.tell(sold(1, legs.stop))
    assert asked(answers) == {legs.target: "sibling_filled"}
    assert outcomes(answers) == outcomes(story.tell(order_ended(order=legs.target))) == []
    assert outcomes(story.tell(sold(2, legs.stop, "exit 2"))) == ["stop_loss"]
    assert (story.state.brackets, story.state.legs, story.state.orders) == ({}, {}, {})


def test_a_take_profit_that_fills_in_part_leaves_the_stop_in_full() -> None:
    story, legs = protected()
    assert type_names(story.tell(sold(1, legs.target))) == ["OrderFilled"]
    answers = story.tell(sold(2, legs.target, "exit 2"))
    assert outcomes(answers) == ["take_profit"]
    assert asked(answers) == {legs.stop: "sibling_filled"}


def test_both_legs_may_fill_in_the_race_and_both_count() -> None:
    story, legs = protected()
    story.tell(sold(3, legs.target))
    assert type_names(story.tell(cancel_refused(legs.stop), sold(3, legs.stop, "exit 2"))) == [
        "OrderFilled"
    ]
    assert story.state.positions["BTCUSDT.PAPER"] == {"ext": -3}


def test_what_has_closed_the_position_takes_both_legs_away() -> None:
    story, legs = protected()
    story.tell(routed("sell", 3, id="o2"))
    answers = story.tell(traded("sell", 3, 100, order="o2", id="t2"))
    assert asked(answers) == {legs.stop: "position_closed", legs.target: "position_closed"}
    assert outcomes(story.tell(order_ended(order=legs.stop))) == ["position_closed"]
    assert outcomes(story.tell(order_ended(order=legs.target))) == []


def test_an_entry_that_fills_on_after_its_position_was_closed_is_protected_anew() -> None:
    story, _ = protected(1)
    story.tell(routed("sell", 1, id="o2"), traded("sell", 1, 100, order="o2", id="t2"))
    answers = story.tell(traded("buy", 2, 100, id="t3"))
    assert [armed.quantity for armed in answers_of(BracketArmed, answers)] == [2]


# Legs that end otherwise.


def test_a_stop_that_the_venue_refuses_is_an_alarm() -> None:
    story = venue_fill_driver(bar(100), ENTRY, accepted())
    legs = Legs(story.tell(traded("buy", 3, 100)))
    assert outcomes(story.tell(refused(legs.stop))) == ["unprotected"]


def test_a_stop_that_the_venue_ends_by_itself_is_an_alarm() -> None:
    story, legs = protected()
    answers = story.tell(order_ended(order=legs.stop, outcome="expired"))
    assert [end.rule for end in answers_of(OrderCancelled, answers)] == ["venue"]
    assert outcomes(answers) == ["unprotected"]


@pytest.mark.parametrize("word", [order_ended, refused])
def test_a_take_profit_that_the_venue_ends_or_refuses_leaves_the_stop_in_charge(word: Any) -> None:
    story, legs = protected()
    assert outcomes(story.tell(word(order=legs.target))) == []
    assert outcomes(story.tell(sold(3, legs.stop))) == ["stop_loss"]


@pytest.mark.parametrize("word", [order_ended, refused])
def test_a_leg_that_had_nothing_left_to_protect_is_no_alarm(word: Any) -> None:
    story, legs = protected()
    story.tell(routed("sell", 3, id="o2"), traded("sell", 3, 100, order="o2", id="t2"))
    story.tell(cancel_refused(legs.stop))
    assert outcomes(story.tell(word(order=legs.stop))) == ["position_closed"]


def test_a_halt_leaves_protection_alone() -> None:
    story, _ = protected()
    assert asked(story.tell(HaltRequested("op", "why", "all"))) == {}


def test_a_restart_anywhere_in_a_brackets_life_changes_nothing() -> None:
    story, first = protected(1)
    second = Legs(story.tell(traded("buy", 2, 101, id="t2")))
    later = [
        sold(1, second.stop, "e1"),
        order_ended(order=second.target),
        sold(1, first.target, "e2"),
        sold(1, second.stop, "e3"),
        order_ended(order=first.stop),
    ]
    for event in later:
        again = story.restarted(fill)
        assert encoded(again) == encoded(story)
        assert again.tell(event) == story.tell(event)
    assert (story.state.orders, story.state.brackets, story.state.legs) == ({}, {}, {})
    assert story.state.positions["BTCUSDT.PAPER"] == {}
