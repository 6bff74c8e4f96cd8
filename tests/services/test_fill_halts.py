"""Halts: in force at their place in the log, acknowledged, and never in the way of protection."""

from decimal import Decimal

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import (
    HaltAcknowledged,
    HaltImposed,
    HaltRequested,
    LogDamaged,
    ResumeAcknowledged,
    ResumeRequested,
)
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.orders import OrderCancelled, OrderReplaced, OrderSubmitting
from deadreckon.services.fill import decider as fill
from tests.stories import MINUTE, START, at, bar, filled, routed
from tests.support.fill_samples import (
    answers_of,
    encoded,
    end_rules,
    fill_driver,
    fills,
    type_names,
)

REST = routed("buy", 2, id="entry", limit_price=90)
EXIT = routed("sell", 1, id="exit", limit_price=120, reduce_only=True)


def halt(scope: HaltScope = "all") -> HaltRequested:
    return HaltRequested("op", "something smells", scope)


def imposed(scope: HaltScope = "close_only", until: int | None = None) -> HaltImposed:
    return HaltImposed(scope, "drawdown_max", Decimal("0.2"), Decimal("0.3"), "l1", "", until)


RESUME = ResumeRequested("op", "found it")
DAMAGE = LogDamaged("log.desk.risk.events", "undecodable")


@pytest.mark.parametrize("stop", [halt("close_only"), imposed()])
def test_a_halt_of_entries_cancels_those_open_and_leaves_what_only_reduces(stop: Event) -> None:
    story = fill_driver(bar(100), filled("buy", 1, 100), REST, EXIT)
    answers = story.tell(at(stop, START, id="halt-1"))
    assert answers_of(OrderCancelled, answers) == [
        OrderCancelled("entry", Decimal(2), "halted", "halted by halt-1")
    ]
    (acknowledged,) = answers_of(HaltAcknowledged, answers)
    assert (acknowledged.halt_id, acknowledged.open_orders) == ("halt-1", 1)
    assert list(story.state.instruments) == ["exit"]


@pytest.mark.parametrize("stop", [halt("all"), imposed("all"), DAMAGE])
def test_a_total_halt_leaves_nothing_open_but_protection_and_flattening(stop: Event) -> None:
    story = fill_driver(routed("buy", 2, stop_loss=95, take_profit=110))
    story.tell(bar(100), after=MINUTE)
    story.tell(EXIT, routed("sell", 2, id="flat", reduce_only=True, purpose="flatten"), REST)
    answers = story.tell(at(stop, story.now, id="halt-1"))
    assert end_rules(answers) == {"exit": "halted", "entry": "halted"}
    (acknowledged,) = answers_of(HaltAcknowledged, answers)
    assert (acknowledged.scope, acknowledged.open_orders) == ("all", 2)
    left = [order.purpose for orders in story.state.orders.values() for order in orders.values()]
    assert sorted(left) == ["flatten", "stop_loss", "take_profit"]
    again = story.restarted(fill)
    assert encoded(again) == encoded(story)


def test_a_total_halt_after_one_of_entries_ends_the_exits_that_stayed() -> None:
    story = fill_driver(bar(100), filled("buy", 1, 100), EXIT, halt("close_only"))
    assert end_rules(story.tell(halt("all"))) == {"exit": "halted"}
    assert fills(story.tell(bar(130), after=MINUTE)) == []


@pytest.mark.parametrize(
    ("stop", "scope"),
    [(halt("close_only"), "close_only"), (imposed("all"), "all"), (DAMAGE, "all")],
)
def test_the_acknowledgement_names_the_scope_it_obeys(stop: Event, scope: str) -> None:
    assert [record.scope for record in answers_of(HaltAcknowledged, fill_driver().tell(stop))] == [
        scope
    ]


def test_a_halt_with_nothing_open_is_acknowledged_with_zero() -> None:
    answers = fill_driver().tell(at(halt(), START, id="halt-1"))
    assert answers == [HaltAcknowledged("halt-1", "all", 0)]


def test_an_order_under_way_to_the_venue_is_an_open_entry_too() -> None:
    story = fill_driver(routed("buy", 1), latency=MINUTE)
    assert end_rules(story.tell(halt())) == {"o1": "halted"}
    assert story.tell(bar(100), after=MINUTE) == []


def test_each_of_two_halts_is_acknowledged() -> None:
    story = fill_driver(REST)
    answers = story.tell(at(halt(), START, id="h1"), at(imposed(), START, id="h2"))
    assert [
        (record.halt_id, record.open_orders) for record in answers_of(HaltAcknowledged, answers)
    ] == [
        ("h1", 1),
        ("h2", 0),
    ]


# What may still be sent.


@pytest.mark.parametrize(
    ("scope", "order", "goes"),
    [
        ("close_only", routed("buy", 1), False),
        ("close_only", routed("sell", 3), False),
        ("close_only", routed("sell", 2), True),
        ("close_only", routed("sell", 3, reduce_only=True), True),
        ("close_only", routed("sell", 2, reduce_only=True, purpose="flatten"), True),
        ("all", routed("buy", 1), False),
        ("all", routed("sell", 2), False),
        ("all", routed("sell", 2, reduce_only=True), False),
        ("all", routed("sell", 2, reduce_only=True, purpose="flatten"), True),
    ],
)
def test_a_halt_lets_through_what_its_scope_allows(
    scope: HaltScope, order: Event, goes: bool
) -> None:
    answers = fill_driver(filled("buy", 2, 100), halt(scope)).tell(order)
    assert end_rules(answers) == ({} if goes else {"o1": "halted"})
    assert bool(answers_of(OrderSubmitting, answers)) == goes


def test_an_exit_under_a_halt_is_held_to_be_one() -> None:
    story = fill_driver(filled("buy", 2, 100), halt("close_only"))
    (intent,) = answers_of(OrderSubmitting, story.tell(routed("sell", 2)))
    assert intent.reduce_only


def test_exits_are_counted_net_of_those_under_way() -> None:
    story = fill_driver(
        bar(100), filled("buy", 2, 100), routed("sell", 1, id="first", limit_price=120)
    )
    story.tell(halt("close_only"))  # the first is no reduce-only order, so the halt ends it
    story.tell(routed("sell", "1.5", id="second"))
    assert end_rules(story.tell(routed("sell", 1, id="third"))) == {"third": "halted"}
    assert end_rules(story.tell(routed("sell", "0.5", id="fourth"))) == {}


def test_exits_of_others_and_entries_do_not_count_as_exits_under_way() -> None:
    story = fill_driver(
        bar(100), *(filled("buy", 2, 100, id=who, strategy=who) for who in ("ext", "b"))
    )
    story.tell(halt("close_only"))
    story.tell(routed("sell", 2, id="theirs", limit_price=120, strategy="b"))
    story.tell(at(RESUME, START, id="r1"), routed("buy", 2, id="more", limit_price=80))
    story.tell(halt("close_only"))
    assert end_rules(story.tell(routed("sell", 2, id="ours"))) == {}


def test_protection_does_not_count_as_an_exit_under_way() -> None:
    story = fill_driver(routed("buy", 2, stop_loss=95, take_profit=110))
    story.tell(bar(100), after=MINUTE)
    story.tell(halt("close_only"))
    assert end_rules(story.tell(routed("sell", 2, id="exit"))) == {}


def test_the_strictest_of_several_halts_is_in_force() -> None:
    story = fill_driver(filled("buy", 2, 100), halt("all"), halt("close_only"))
    assert end_rules(story.tell(routed("sell", 2, reduce_only=True))) == {"o1": "halted"}


# The end of a halt.


def test_a_resume_lifts_every_halt_and_is_acknowledged() -> None:
    story = fill_driver(halt(), imposed(), DAMAGE)
    assert story.tell(at(RESUME, START, id="resume-1")) == [ResumeAcknowledged("resume-1")]
    assert type_names(story.tell(routed("buy", 1))) == ["OrderSubmitting", "OrderAccepted"]


def test_an_imposed_halt_lifts_by_itself_at_its_time() -> None:
    story = fill_driver(imposed(until=START + 10))
    story.tell(ClockTicked(), after=9)
    assert end_rules(story.tell(routed("buy", 1, id="early"))) == {"early": "halted"}
    story.tell(ClockTicked(), after=1)
    assert end_rules(story.tell(routed("buy", 1, id="late"))) == {}


def test_a_halt_that_ran_out_does_not_lift_another() -> None:
    story = fill_driver(imposed(until=START + 10), halt("close_only"))
    story.tell(ClockTicked(), after=20)
    assert end_rules(story.tell(routed("buy", 1))) == {"o1": "halted"}


def test_halts_that_ran_out_are_forgotten() -> None:
    story = fill_driver()
    for _ in range(50):
        story.tell(imposed(until=story.now + 10), after=20)
    assert len(story.state.halts) == 1


# Restart.


def test_a_restart_forgives_no_halt() -> None:
    story = fill_driver(bar(100), REST, halt("close_only"))
    again = story.restarted(fill)
    assert encoded(again) == encoded(story)
    assert end_rules(again.tell(routed("buy", 1))) == {"o1": "halted"}


def test_no_fill_opens_a_position_under_a_halt() -> None:
    story = fill_driver(bar(100), filled("buy", 2, 100), REST, routed("sell", 2, id="out"))
    story.tell(halt("close_only"), routed("buy", 5, id="in"), routed("sell", 2, id="exit"))
    answers = story.tell(bar(80), after=MINUTE)
    assert fills(answers) == [("exit", "2", "80", "taker")]


def test_an_exit_is_sent_beside_a_target_that_rests_and_takes_it_along() -> None:
    """Case 10: closing all that is held while a reduce-only limit far away waits to do so."""
    story = fill_driver(filled("buy", 1, 100), bar(100))
    story.tell(routed("sell", 1, id="target", limit_price=120, reduce_only=True))
    story.tell(HaltRequested("op", "testing", "close_only"))
    sent = story.tell(routed("sell", 1, id="exit"))
    assert [order.reduce_only for order in answers_of(OrderSubmitting, sent)] == [True]
    answers = story.tell(bar(101), after=MINUTE)
    assert fills(answers) == [("exit", "1", "101", "taker")]
    assert end_rules(answers) == {"target": "position_closed"}


def test_a_target_that_rests_shrinks_with_its_position() -> None:
    story = fill_driver(filled("buy", 3, 100), bar(100))
    story.tell(routed("sell", 3, id="target", limit_price=120, reduce_only=True))
    answers = story.tell(routed("sell", 2, id="exit", reduce_only=True), bar(101), after=MINUTE)
    assert answers_of(OrderReplaced, answers) == [
        OrderReplaced("target", Decimal(1), Decimal(1), Decimal(120), None)
    ]
    assert fills(story.tell(bar(121, open=101), after=MINUTE)) == [("target", "1", "120", "maker")]
    assert (story.state.positions, story.state.orders) == ({"BTCUSDT.PAPER": {}}, {})
