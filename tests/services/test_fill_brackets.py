"""Brackets: what has filled is protected at once, by legs that cancel each other."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import CancelRequested, HaltRequested
from deadreckon.contracts.instruments import InstrumentDelisted
from deadreckon.contracts.orders import (
    BracketArmed,
    BracketClosed,
    CancelApproved,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderSubmitting,
)
from deadreckon.services.fill import decider as fill
from tests.stories import DAY, INSTRUMENT, MINUTE, bar, filled, quote, routed
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import (
    answers_of,
    encoded,
    end_rules,
    fill_driver,
    fills,
    type_names,
)

ENTRY = routed("buy", 2, stop_loss=95, take_profit=110)


def protected(
    *given: Event, entry: Event = ENTRY, **terms: int | str
) -> tuple[DeciderDriver, list[Event]]:
    """A desk whose entry has filled at 100, and what was said about it."""
    story = fill_driver(*given, **terms)
    story.tell(entry)
    return story, story.tell(bar(100), after=MINUTE)


def legs(answers: list[Event]) -> dict[str, OrderSubmitting]:
    return {str(leg.purpose): leg for leg in answers_of(OrderSubmitting, answers)}


def outcomes(answers: list[Event]) -> list[str]:
    return [bracket.outcome for bracket in answers_of(BracketClosed, answers)]


# Arming.


def test_a_filled_entry_is_protected_by_two_reduce_only_legs() -> None:
    _, answers = protected()
    leg = legs(answers)
    stop, target = leg["stop_loss"], leg["take_profit"]
    assert type_names(answers) == [
        "OrderFilled",
        "OrderSubmitting",
        "OrderSubmitting",
        "BracketArmed",
        "OrderAccepted",
        "OrderAccepted",
    ]
    assert (stop.order_type, stop.stop_price, stop.limit_price) == ("stop", Decimal(95), None)
    assert (target.order_type, target.limit_price, target.stop_price) == (
        "limit",
        Decimal(110),
        None,
    )
    for each in (stop, target):
        assert (each.side, each.quantity, each.reduce_only) == ("sell", Decimal(2), True)
        assert (each.parent_id, each.time_in_force, each.signal_id) == (
            "o1",
            "gtc",
            ENTRY.signal_id,
        )
    (armed,) = answers_of(BracketArmed, answers)
    assert (armed.stop_order_id, armed.take_profit_order_id) == (stop.order_id, target.order_id)
    assert (armed.entry_order_id, armed.quantity) == ("o1", Decimal(2))


def test_a_short_entry_is_protected_by_buyers() -> None:
    _, answers = protected(entry=routed("sell", 2, stop_loss=105, take_profit=90))
    assert {leg.side for leg in legs(answers).values()} == {"buy"}


@pytest.mark.parametrize("leg", ["stop_loss", "take_profit"])
def test_a_bracket_may_have_one_leg_only(leg: str) -> None:
    price = {"stop_loss": 95, "take_profit": 110}[leg]
    entry = routed("buy", 2, **{leg: price})  # type: ignore[arg-type]
    _, answers = protected(entry=entry)
    assert list(legs(answers)) == [leg]
    (armed,) = answers_of(BracketArmed, answers)
    assert (armed.stop_order_id is None) == (leg == "take_profit")
    assert (armed.take_profit_order_id is None) == (leg == "stop_loss")


def test_legs_are_the_same_in_every_run() -> None:
    assert protected()[1] == protected()[1]


def test_legs_have_latency_like_every_order() -> None:
    story, answers = protected(latency=1)
    assert type_names(answers)[:3] == ["OrderAccepted", "OrderFilled", "OrderSubmitting"]
    assert "OrderAccepted" not in type_names(answers)[1:]
    answers = story.tell(bar(100, low=90), after=MINUTE)
    assert type_names(answers) == ["OrderAccepted", "OrderAccepted"]


def test_legs_are_not_filled_by_the_bar_that_filled_the_entry() -> None:
    story = fill_driver(ENTRY)
    answers = story.tell(bar(100, low=90, high=120), after=MINUTE)
    assert [order for order, *_ in fills(answers)] == ["o1"]


def test_a_bracket_grows_while_its_entry_fills() -> None:
    story = fill_driver(routed("buy", 3, stop_loss=95, take_profit=110))
    first = story.tell(bar(100, volume=1), after=MINUTE)
    second = story.tell(bar(100, volume=1), after=MINUTE)
    stop, target = (leg.order_id for leg in answers_of(OrderSubmitting, first))
    assert [armed.quantity for armed in answers_of(BracketArmed, first + second)] == [1, 2]
    assert [
        (grown.order_id, grown.quantity, grown.leaves)
        for grown in answers_of(OrderReplaced, second)
    ] == [
        (stop, Decimal(2), Decimal(2)),
        (target, Decimal(2), Decimal(2)),
    ]
    assert answers_of(OrderSubmitting, second) == []


def test_every_child_of_a_split_order_has_a_bracket_of_its_own() -> None:
    children = [
        routed("buy", 1, id=f"c{n}", parent="o1", child=n, children=2, stop_loss=95)
        for n in range(2)
    ]
    answers = fill_driver(*children).tell(bar(100), after=MINUTE)
    assert [armed.entry_order_id for armed in answers_of(BracketArmed, answers)] == ["c0", "c1"]


def test_an_entry_that_only_reduces_has_nothing_to_protect() -> None:
    _, answers = protected(filled("sell", 5, 100))
    assert type_names(answers) == ["OrderFilled"]


def test_an_entry_that_flips_a_position_protects_what_it_has_opened() -> None:
    _, answers = protected(filled("sell", "0.5", 100))
    assert [armed.quantity for armed in answers_of(BracketArmed, answers)] == [Decimal("1.5")]


def test_a_fill_told_twice_arms_once() -> None:
    story = fill_driver(ENTRY)
    again = filled("buy", 1, 100, leaves=1)
    assert len(answers_of(BracketArmed, story.tell(again, again))) == 1


# One leg fills.


def test_a_stop_that_fills_cancels_its_sibling_and_closes_the_bracket() -> None:
    story, _ = protected()
    answers = story.tell(bar(94, open=100), after=MINUTE)
    assert type_names(answers) == [
        "OrderTriggered",
        "OrderFilled",
        "OrderCancelled",
        "BracketClosed",
    ]
    assert fills(answers)[0][1:] == ("2", "95", "taker")
    assert list(end_rules(answers).values()) == ["sibling_filled"]
    assert outcomes(answers) == ["stop_loss"]
    assert (story.state.instruments, story.state.brackets, story.state.legs) == ({}, {}, {})


def test_a_take_profit_that_fills_cancels_the_stop() -> None:
    story, _ = protected()
    answers = story.tell(bar(111, open=100), after=MINUTE)
    assert fills(answers)[0][1:] == ("2", "110", "maker")
    assert list(end_rules(answers).values()) == ["sibling_filled"]
    assert outcomes(answers) == ["take_profit"]


def test_when_a_bar_reaches_both_legs_the_stop_wins() -> None:
    story, _ = protected()
    answers = story.tell(bar(100, low=94, high=120), after=MINUTE)
    assert [price for _, _, price, _ in fills(answers)] == ["95"]
    assert outcomes(answers) == ["stop_loss"]


def test_when_a_bar_reaches_both_legs_the_stop_takes_the_volume_first() -> None:
    story, _ = protected()
    answers = story.tell(bar(100, low=94, high=120, volume="0.5"), after=MINUTE)
    assert [(quantity, price) for _, quantity, price, _ in fills(answers)] == [("0.5", "95")]


def test_the_stop_wins_also_where_more_is_held_than_the_bracket_protects() -> None:
    story, _ = protected(filled("buy", 5, 100))
    answers = story.tell(bar(100, low=94, high=120), after=MINUTE)
    assert [(quantity, price) for _, quantity, price, _ in fills(answers)] == [("2", "95")]
    assert list(end_rules(answers).values()) == ["sibling_filled"]
    assert story.state.positions[INSTRUMENT] == {"ext": 5}


def test_a_take_profit_meets_a_bar_before_the_rest_of_its_entry_does() -> None:
    story = fill_driver(bar(101), routed("buy", 3, limit_price=100, take_profit=110))
    story.tell(bar(99, volume=1), after=MINUTE)
    answers = story.tell(bar(105, low=99, high=111), after=MINUTE)
    assert [(quantity, price) for _, quantity, price, _ in fills(answers)] == [("1", "110")]
    assert outcomes(answers) == ["take_profit"]
    assert end_rules(answers) == {"o1": "bracket_closed"}


def test_a_gap_through_the_stop_loses_more_than_the_stop_said() -> None:
    story, _ = protected()
    answers = story.tell(bar(90, open=91), after=MINUTE)
    assert fills(answers)[0][1:] == ("2", "91", "taker")


def test_a_leg_that_fills_in_part_shrinks_its_sibling() -> None:
    story, armed = protected()
    answers = story.tell(bar(112, open=112, volume="0.5"), after=MINUTE)
    stop = legs(armed)["stop_loss"].order_id
    assert answers_of(OrderReplaced, answers) == [
        OrderReplaced(stop, Decimal("1.5"), Decimal("1.5"), None, Decimal(95))
    ]
    answers = story.tell(bar(90), after=MINUTE)
    assert fills(answers)[0][:2] == (stop, "1.5")
    assert story.state.positions[INSTRUMENT] == {}


def test_a_stop_that_fills_ends_what_is_left_of_its_entry() -> None:
    story = fill_driver(routed("buy", 3, limit_price=100, stop_loss=95, take_profit=110))
    first = story.tell(bar(99, volume=1), after=MINUTE)
    second = story.tell(bar(94, open=100, volume=2), after=MINUTE)
    stop, target = (legs(first)[leg].order_id for leg in ("stop_loss", "take_profit"))
    assert [order for order, *_ in fills(second)] == [stop]
    assert outcomes(second) == ["stop_loss"]
    assert end_rules(second) == {target: "sibling_filled", "o1": "bracket_closed"}
    assert [cancel.leaves for cancel in answers_of(OrderCancelled, second)] == [2, 1]
    assert story.tell(bar(94), after=MINUTE) == []
    assert (story.state.positions[INSTRUMENT], story.state.orders) == ({}, {})


def test_a_market_far_above_the_target_sees_one_bracket_and_no_further_entry() -> None:
    """A market order for more than the bars trade, while the price leaps over its target."""
    story = fill_driver(routed("buy", 60, stop_loss=90, take_profit=105), participation="0.1")
    answers = story.tell(bar(100, volume=100), after=MINUTE)
    for volume in (10, 100, 100, 100, 100):
        answers += story.tell(bar(150, low="149.5", high="150.5", volume=volume), after=MINUTE)
    assert len(answers_of(OrderSubmitting, answers)) == 2
    assert {armed.bracket_id for armed in answers_of(BracketArmed, answers)} == {
        closed.bracket_id for closed in answers_of(BracketClosed, answers)
    }
    bought, sold = fills(answers)[0], fills(answers)[1:]
    assert bought == ("o1", "10", "100", "taker")
    assert {(price, liquidity) for _, _, price, liquidity in sold} == {("150", "taker")}
    assert end_rules(answers)["o1"] == "bracket_closed"


def test_a_bracket_follows_its_position_down_and_its_entry_up() -> None:
    story = fill_driver(bar(101), routed("buy", 5, limit_price=100, stop_loss=95, take_profit=110))
    armed = story.tell(bar(99, volume=4), after=MINUTE)
    story.tell(routed("sell", 3, id="exit", reduce_only=True))
    shrunk = story.tell(bar(101, open=101, volume=3), after=MINUTE)
    grown = story.tell(bar(99, open=101), after=MINUTE)
    names = [leg.order_id for leg in legs(armed).values()]
    assert [
        (change.order_id, change.leaves) for change in answers_of(OrderReplaced, shrunk + grown)
    ] == [(name, Decimal(leaves)) for leaves in (1, 2) for name in names]
    assert [armed.quantity for armed in answers_of(BracketArmed, grown)] == [2]
    assert story.state.positions[INSTRUMENT] == {"ext": 2}
    assert fills(story.tell(bar(94, open=101), after=MINUTE)) == [(names[0], "2", "95", "taker")]


def test_a_leg_meets_the_bar_with_what_an_exit_of_that_bar_has_left() -> None:
    story, armed = protected()
    stop, target = (leg.order_id for leg in legs(armed).values())
    story.tell(routed("sell", "0.5", id="exit", reduce_only=True))
    answers = story.tell(bar(94, open=100, volume=1), after=MINUTE)
    assert fills(answers) == [("exit", "0.5", "100", "taker"), (stop, "0.5", "95", "taker")]
    assert [leaves.leaves for leaves in answers_of(OrderFilled, answers)] == [0, 1]
    assert [(change.order_id, change.leaves) for change in answers_of(OrderReplaced, answers)] == [
        (stop, Decimal("1.5")),
        (target, Decimal("1.5")),
        (target, 1),
    ]
    assert story.state.positions[INSTRUMENT] == {"ext": 1}


def test_an_entry_that_fills_on_while_another_exit_closes_the_position_gets_another_bracket() -> (
    None
):
    story = fill_driver(bar(101), routed("buy", 3, limit_price=100, stop_loss=95))
    story.tell(bar(99, volume=1), after=MINUTE)
    story.tell(routed("sell", 1, id="exit", reduce_only=True))
    answers = story.tell(bar(99), after=MINUTE)
    assert [order for order, *_ in fills(answers)] == ["exit", "o1"]
    assert outcomes(answers) == ["position_closed"]
    assert [armed.quantity for armed in answers_of(BracketArmed, answers)] == [2]
    assert len(story.state.brackets) == 1


def test_an_entry_without_a_bracket_any_more_trades_in_its_turn_again() -> None:
    story, entry = fill_driver(routed("buy", 3, stop_loss=95)), "o1"
    story.tell(bar(100, volume=1), after=MINUTE)
    assert story.state.orders[INSTRUMENT][entry].guarded
    (stop,) = (leg for leg in story.state.legs)
    assert outcomes(story.tell(CancelRequested("op", "testing", stop))) == ["unprotected"]
    assert not story.state.orders[INSTRUMENT][entry].guarded
    assert len(legs(story.tell(bar(100, volume=1), after=MINUTE))) == 1


def test_a_late_fill_of_a_cancelled_entry_is_protected_too() -> None:
    story = fill_driver(routed("buy", 2, limit_price=90, stop_loss=85))
    story.tell(CancelApproved("o1", "s2", "ext", ""))
    answers = story.tell(filled("buy", 1, 90, leaves=1))
    assert [armed.quantity for armed in answers_of(BracketArmed, answers)] == [1]


# The position goes another way.


def test_another_exit_that_closes_the_position_takes_both_legs_along() -> None:
    story, _ = protected()
    story.tell(routed("sell", 2, id="exit", reduce_only=True))
    answers = story.tell(bar(100), after=MINUTE)
    assert type_names(answers) == [
        "OrderFilled",
        "OrderCancelled",
        "OrderCancelled",
        "BracketClosed",
    ]
    assert set(end_rules(answers).values()) == {"position_closed"}
    assert outcomes(answers) == ["position_closed"]


def test_a_market_exit_at_the_open_goes_before_the_legs_that_the_bar_reaches() -> None:
    story, _ = protected()
    story.tell(routed("sell", 2, id="exit", reduce_only=True))
    answers = story.tell(bar(100, low=90, high=120), after=MINUTE)
    assert fills(answers) == [("exit", "2", "100", "taker")]
    assert outcomes(answers) == ["position_closed"]


def test_a_reversal_takes_the_old_bracket_along_and_arms_the_new_one() -> None:
    story, _ = protected()
    story.tell(routed("sell", 2, id="exit", reduce_only=True))
    story.tell(routed("sell", 1, id="reverse", stop_loss=105))
    answers = story.tell(bar(100, low=90, high=120), after=MINUTE)
    assert [order for order, *_ in fills(answers)] == ["exit", "reverse"]
    assert outcomes(answers) == ["position_closed"]
    (armed,) = answers_of(BracketArmed, answers)
    assert (armed.entry_order_id, armed.quantity) == ("reverse", Decimal(1))
    assert list(story.state.brackets) == [armed.bracket_id]


def test_a_flip_takes_both_legs_along() -> None:
    story, _ = protected()
    story.tell(routed("sell", 5, id="flip"))
    answers = story.tell(bar(100), after=MINUTE)
    assert outcomes(answers) == ["position_closed"]


def test_legs_never_open_a_position_after_another_exit_has_reduced_it() -> None:
    story, _ = protected()
    story.tell(routed("sell", "1.5", id="exit", reduce_only=True))
    shrunk = story.tell(bar(100), after=MINUTE)
    assert [change.leaves for change in answers_of(OrderReplaced, shrunk)] == [Decimal("0.5")] * 2
    answers = story.tell(bar(94), after=MINUTE)
    assert fills(answers)[0][1] == "0.5"
    assert list(end_rules(answers).values()) == ["sibling_filled"]
    assert outcomes(answers) == ["stop_loss"]
    assert story.state.positions[INSTRUMENT] == {}


def test_another_strategys_exit_leaves_the_bracket_alone() -> None:
    story, _ = protected(filled("buy", 2, 100, strategy="other"))
    story.tell(routed("sell", 2, id="exit", strategy="other", reduce_only=True))
    assert type_names(story.tell(bar(100), after=MINUTE)) == ["OrderFilled"]


def test_a_leg_whose_position_is_gone_before_it_arrives_is_no_alarm() -> None:
    story = fill_driver(filled("buy", 1, 100), routed("buy", 2, id="entry", stop_loss=95))
    story.tell(routed("sell", 3, id="exit"))
    answers = story.tell(bar(100), after=MINUTE)
    assert [order for order, *_ in fills(answers)] == ["entry", "exit"]
    assert list(end_rules(answers).values()) == ["reduce_only_without_position"]
    assert outcomes(answers) == ["position_closed"]
    assert (story.state.brackets, story.state.instruments) == ({}, {})


# What nobody should do, and what happens then.


def test_a_rejected_leg_is_an_alarm() -> None:
    story, armed = protected()
    stop = legs(armed)["stop_loss"].order_id
    answers = story.tell(OrderRejected(stop, "venue_said_no", ""))
    assert outcomes(answers) == ["unprotected"]
    assert story.tell(OrderRejected(stop, "venue_said_no", "")) == []


def test_the_other_leg_of_an_unprotected_bracket_still_works() -> None:
    story, armed = protected()
    leg = legs(armed)
    story.tell(OrderRejected(leg["stop_loss"].order_id, "venue_said_no", ""))
    answers = story.tell(bar(109, high=111), after=MINUTE)
    assert fills(answers) == [(leg["take_profit"].order_id, "2", "110", "maker")]
    assert outcomes(answers) == []


def test_an_operator_may_take_protection_away_and_that_is_an_alarm() -> None:
    story, _ = protected()
    answers = story.tell(CancelRequested("op", "testing"))
    assert type_names(answers) == ["OrderCancelled", "OrderCancelled", "BracketClosed"]
    assert outcomes(answers) == ["unprotected"]


def test_a_cancelled_take_profit_leaves_the_stop_in_charge() -> None:
    story, armed = protected()
    leg = legs(armed)
    answers = story.tell(CancelRequested("op", "testing", leg["take_profit"].order_id))
    assert type_names(answers) == ["OrderCancelled"]
    answers = story.tell(bar(94), after=MINUTE)
    assert fills(answers)[0][0] == leg["stop_loss"].order_id
    assert outcomes(answers) == ["stop_loss"]
    assert end_rules(answers) == {}
    assert story.state.legs == {}


def test_a_bracket_that_lost_its_take_profit_grows_with_the_stop_alone() -> None:
    story = fill_driver(routed("buy", 3, stop_loss=95, take_profit=110))
    armed = story.tell(bar(100, volume=1), after=MINUTE)
    leg = legs(armed)
    story.tell(CancelRequested("op", "testing", leg["take_profit"].order_id))
    (grown,) = answers_of(BracketArmed, story.tell(bar(100, volume=1), after=MINUTE))
    assert (grown.stop_order_id, grown.take_profit_order_id) == (leg["stop_loss"].order_id, None)
    assert grown.quantity == 2


def test_cancelling_the_entry_leaves_its_protection() -> None:
    story = fill_driver(routed("buy", 2, stop_loss=95, take_profit=110))
    story.tell(bar(100, volume=1), after=MINUTE)
    answers = story.tell(CancelApproved("o1", "s2", "ext", "enough"))
    assert [(gone.order_id, gone.leaves) for gone in answers_of(OrderCancelled, answers)] == [
        ("o1", Decimal(1))
    ]
    assert fills(story.tell(bar(94), after=MINUTE))[0][1:] == ("1", "94", "taker")


def test_protection_survives_a_halt() -> None:
    story, _ = protected()
    answers = story.tell(HaltRequested("op", "testing"))
    assert type_names(answers) == ["HaltAcknowledged"]
    assert outcomes(story.tell(bar(94), after=MINUTE)) == ["stop_loss"]


def test_a_bracket_arms_under_a_halt_for_what_fills_late() -> None:
    story = fill_driver(routed("buy", 2, limit_price=90, stop_loss=85))
    story.tell(HaltRequested("op", "testing"))
    answers = story.tell(filled("buy", 1, 90, leaves=1))
    assert type_names(answers) == ["OrderSubmitting", "BracketArmed", "OrderAccepted"]


def test_a_delisting_ends_everything_and_says_that_the_position_is_naked() -> None:
    story, _ = protected()
    answers = story.tell(InstrumentDelisted(INSTRUMENT, "op", "testing"))
    assert set(end_rules(answers).values()) == {"delisted"}
    assert outcomes(answers) == ["unprotected"]


# Restart.


@pytest.mark.parametrize("steps", range(1, 9))
def test_a_restart_at_any_place_keeps_the_bracket(steps: int) -> None:
    telling = [
        routed("buy", 3, limit_price=100, stop_loss=95, take_profit=110),
        bar(100, volume=1),
        quote(99, 100, size=1),
        bar(112, open=112, volume="0.5"),
        HaltRequested("op", "testing"),
        bar(100),
        bar(94, volume=1),
        bar(93),
    ]
    story = fill_driver()
    story.tell(*telling[:steps], after=MINUTE)
    again = story.restarted(fill)
    assert encoded(again) == encoded(story)
    assert again.tell(*telling[steps:], after=MINUTE) == story.tell(*telling[steps:], after=MINUTE)
    assert encoded(again) == encoded(story)


def test_a_bracket_older_than_the_memory_of_its_entry_still_closes() -> None:
    story, _ = protected()
    story.tell(*[bar(100)] * 20, after=DAY)
    assert not story.state.ended.days
    assert outcomes(story.tell(bar(94), after=MINUTE)) == ["stop_loss"]
    assert (story.state.protections, story.state.brackets, story.state.legs) == ({}, {}, {})


def test_what_a_closed_bracket_left_behind_is_forgotten() -> None:
    story, _ = protected()
    story.tell(bar(94), after=MINUTE)
    assert list(story.state.protections) == ["o1"]
    story.tell(bar(94), after=9 * DAY)
    assert list(story.state.protections) == ["o1"]  # a reset of the clock could bring it back
    story.tell(replace(ENTRY, order_id="o2", signal_id="signal of o2"), bar(100), bar(94))
    story.tell(bar(94), after=9 * DAY)
    assert list(story.state.protections) == ["o2"]
