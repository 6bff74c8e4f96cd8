"""From routed to accepted: intent, latency, expiry, post-only, reduce-only, overtaking cancels."""

from decimal import Decimal
from typing import Any

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.orders import (
    CancelApproved,
    CancelMissed,
    OrderAccepted,
    OrderExpired,
    OrderRejected,
    OrderSubmitting,
    OrderUnroutable,
)
from deadreckon.services.fill import decider as fill
from tests.stories import MINUTE, SECOND, START, approved, bar, filled, listed, quote, routed, trade
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import answers_of, end_rules, fill_driver, fills, type_names


def test_the_intent_is_said_before_anything_else() -> None:
    answers = fill_driver(latency=SECOND).tell(routed("buy", 2, limit_price=99))
    assert type_names(answers) == ["OrderSubmitting"]
    (intent,) = answers_of(OrderSubmitting, answers)
    assert (intent.order_id, intent.client_order_id) == ("o1", "client of o1")
    assert (intent.order_type, intent.quantity, intent.limit_price) == (
        "limit",
        Decimal(2),
        Decimal(99),
    )


def test_without_latency_the_acceptance_follows_the_intent_at_once() -> None:
    assert type_names(fill_driver().tell(routed("buy", 1))) == ["OrderSubmitting", "OrderAccepted"]


def test_the_venues_own_id_of_an_order_is_the_same_in_every_run() -> None:
    first, second = (
        answers_of(OrderAccepted, fill_driver().tell(routed("buy", 1))) for _ in range(2)
    )
    assert first == second
    assert first[0].venue_order_id != "o1"


def test_with_latency_the_acceptance_waits_for_the_first_event_at_or_after_the_arrival() -> None:
    story = fill_driver(latency=10 * SECOND)
    story.tell(routed("buy", 1, limit_price=90))
    assert story.tell(ClockTicked(), after=10 * SECOND - 1) == []
    assert type_names(story.tell(ClockTicked(), after=1)) == ["OrderAccepted"]
    assert story.tell(ClockTicked(), after=1) == []


def test_any_market_event_lets_an_order_arrive_also_one_of_another_instrument() -> None:
    story = fill_driver(latency=SECOND)
    story.tell(routed("buy", 1, limit_price=90))
    answers = story.tell(quote(1, 2, instrument="ETHUSDT.PAPER"), after=SECOND)
    assert type_names(answers) == ["OrderAccepted"]


def test_an_order_to_a_venue_nobody_configured_is_not_sent() -> None:
    story = DeciderDriver(fill, "fill")
    assert end_rules(story.tell(listed(), routed("buy", 1))) == {"o1": "known_venue"}


# Time to live.


def test_an_order_whose_time_is_over_is_not_sent() -> None:
    assert end_rules(fill_driver().tell(routed("buy", 1, expires_at=START))) == {
        "o1": "expired_before_send"
    }


def test_an_open_order_expires_at_the_first_event_at_or_after_its_time() -> None:
    story = fill_driver()
    story.tell(routed("buy", 2, limit_price=90, expires_at=START + 10))
    assert story.tell(ClockTicked(), after=9) == []
    assert story.tell(ClockTicked(), after=1) == [OrderExpired("o1", Decimal(2))]
    assert story.tell(ClockTicked(), after=1) == []


def test_an_expired_order_is_not_filled_by_the_event_that_expires_it() -> None:
    story = fill_driver()
    story.tell(routed("buy", 1, expires_at=START + MINUTE))
    assert type_names(story.tell(bar(100), after=MINUTE)) == ["OrderExpired"]


def test_an_order_that_expires_on_its_way_expires() -> None:
    story = fill_driver(latency=MINUTE)
    story.tell(routed("buy", 1, expires_at=START + SECOND))
    assert type_names(story.tell(bar(100), after=MINUTE)) == ["OrderExpired"]


def test_a_partly_filled_order_expires_with_what_is_left() -> None:
    story = fill_driver()
    story.tell(routed("buy", 3, expires_at=START + 2 * MINUTE))
    story.tell(bar(100, volume=1), after=MINUTE)
    assert story.tell(bar(100), after=MINUTE) == [OrderExpired("o1", Decimal(2))]


# Post-only.


@pytest.mark.parametrize(
    ("market", "limit", "verdict"),
    [
        (bar(100), "99.99", None),
        (bar(100), "100", "post_only_would_take"),
        (quote(98, 100), "99.99", None),
        (quote(98, 100), "100", "post_only_would_take"),
        (trade(100), "99.99", None),
        (trade(100), "101", "post_only_would_take"),
        (bar(100, instrument="ETHUSDT.PAPER"), "99", "no_market"),
    ],
)
def test_post_only_is_rejected_where_it_would_take(
    market: Event, limit: str, verdict: str | None
) -> None:
    answers = fill_driver(market).tell(routed("buy", 1, limit_price=limit, post_only=True))
    assert end_rules(answers) == ({"o1": verdict} if verdict else {})


def test_post_only_is_measured_by_the_newest_price() -> None:
    story = fill_driver(quote(98, 100), quote(96, 98))
    assert end_rules(story.tell(routed("buy", 1, limit_price=98, post_only=True)))
    assert not end_rules(story.tell(routed("sell", 1, id="o2", limit_price=97, post_only=True)))


def test_post_only_of_a_seller_is_measured_against_the_bid() -> None:
    assert end_rules(
        fill_driver(quote(98, 100)).tell(routed("sell", 1, limit_price=98, post_only=True))
    )
    assert not end_rules(
        fill_driver(quote(98, 100)).tell(routed("sell", 1, limit_price=99, post_only=True))
    )


def test_post_only_is_measured_by_the_price_known_when_it_arrives_not_by_a_later_one() -> None:
    story = fill_driver(bar(101), latency=SECOND)
    story.tell(routed("buy", 1, limit_price=100, post_only=True))
    answers = story.tell(bar(99, open=101, low=98), after=MINUTE)
    assert fills(answers) == [("o1", "1", "99", "taker")]


# Reduce-only.


@pytest.mark.parametrize(
    ("position", "side"), [([], "sell"), ([filled("buy", 1, 100)], "buy")], ids=["flat", "adds"]
)
def test_reduce_only_without_a_position_to_reduce_is_rejected(
    position: list[Event], side: Any
) -> None:
    answers = fill_driver(*position).tell(routed(side, 1, reduce_only=True))
    assert end_rules(answers) == {"o1": "reduce_only_without_position"}


def test_reduce_only_looks_at_its_own_strategys_position() -> None:
    story = fill_driver(filled("buy", 1, 100, strategy="other"))
    answers = story.tell(routed("sell", 1, reduce_only=True))
    assert end_rules(answers) == {"o1": "reduce_only_without_position"}


# A cancel that overtakes the order it means.


def cancel(id: str = "o1") -> CancelApproved:
    return CancelApproved(id, "s2", "ext", "changed my mind")


def test_a_cancel_that_overtakes_its_order_keeps_it_from_being_sent() -> None:
    story = fill_driver(approved("buy", 1))
    assert story.tell(cancel()) == []
    assert end_rules(story.tell(routed("buy", 1))) == {"o1": "cancelled_before_send"}
    assert story.tell(bar(100), after=MINUTE) == []


def test_a_cancel_that_overtakes_keeps_every_child_from_being_sent() -> None:
    story = fill_driver(approved("buy", 2), cancel())
    children = [routed("buy", 1, id=f"c{n}", parent="o1", child=n, children=2) for n in range(2)]
    answers = story.tell(*children)
    assert end_rules(answers) == {"c0": "cancelled_before_send", "c1": "cancelled_before_send"}
    assert (story.state.approved, story.state.withdrawn) == ({}, {})


def test_a_cancel_of_an_order_that_could_not_be_routed_finds_nothing() -> None:
    gone = OrderUnroutable("o1", "s1", "ext", "BTCUSDT.PAPER", "delisted", None, None, None, "")
    story = fill_driver(approved("buy", 1), gone)
    assert story.tell(cancel()) == [CancelMissed("o1", "s2", "no such order is open")]


def test_a_rejection_names_the_order_the_rule_and_the_reason() -> None:
    (rejected,) = answers_of(OrderRejected, fill_driver().tell(routed("sell", 1, reduce_only=True)))
    assert (rejected.order_id, rejected.rule) == ("o1", "reduce_only_without_position")
    assert rejected.reason == "there is no position that it could reduce"
