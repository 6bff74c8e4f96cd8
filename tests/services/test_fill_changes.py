"""Cancels and changes: what they end, what they leave, and what they miss."""

from decimal import Decimal

import pytest

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import CancelRequested
from deadreckon.contracts.instruments import InstrumentDelisted
from deadreckon.contracts.orders import (
    CancelApproved,
    CancelMissed,
    OrderCancelled,
    OrderReplaced,
    ReplaceRouted,
)
from tests.stories import INSTRUMENT, MINUTE, SECOND, amount, approved, bar, listed, quote, routed
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import end_rules, fill_driver, fills, type_names


def change(
    quantity: int | str | None = None,
    *,
    limit: int | str | None = None,
    stop: int | str | None = None,
) -> ReplaceRouted:
    return ReplaceRouted("o1", "s2", amount(quantity), amount(limit), amount(stop))


def split(*, fill_first: bool = False) -> DeciderDriver:
    children = [
        routed("buy", 2, id=f"c{n}", parent="o1", child=n, children=2, limit_price=99)
        for n in range(2)
    ]
    story = fill_driver(bar(100), *children)
    if fill_first:
        story.tell(bar(98, volume=2), after=MINUTE)
    return story


CANCEL = CancelApproved("o1", "s2", "ext", "changed my mind")


def test_a_cancel_ends_the_order_with_what_is_left() -> None:
    assert fill_driver(bar(100), routed("buy", 2, limit_price=99)).tell(CANCEL) == [
        OrderCancelled("o1", Decimal(2), "requested", "changed my mind")
    ]


def test_a_cancelled_order_fills_no_more() -> None:
    story = fill_driver(bar(100), routed("buy", 2, limit_price=99), CANCEL)
    assert story.tell(bar(90), after=MINUTE) == []


def test_a_cancel_reaches_the_venue_at_once_also_where_orders_are_slow() -> None:
    story = fill_driver(routed("buy", 2, limit_price=99), latency=SECOND)
    assert end_rules(story.tell(CANCEL)) == {"o1": "requested"}
    assert story.tell(bar(90), after=MINUTE) == []


def test_a_cancel_ends_every_open_child() -> None:
    assert end_rules(split().tell(CANCEL)) == {"c0": "requested", "c1": "requested"}
    assert end_rules(split(fill_first=True).tell(CANCEL)) == {"c1": "requested"}


@pytest.mark.parametrize("given", [[], [routed("buy", 2), CANCEL]])
def test_a_cancel_that_finds_nothing_open_says_so(given: list[Event]) -> None:
    answers = fill_driver(*given).tell(CANCEL)
    assert answers == [CancelMissed("o1", "s2", "no such order is open")]


# An operator's cancel.


def test_an_operator_cancels_one_order() -> None:
    story = fill_driver(bar(100), *(routed("buy", 1, id=f"o{n}", limit_price=99) for n in (1, 2)))
    answers = story.tell(CancelRequested("op", "too big", "o2"))
    assert answers == [OrderCancelled("o2", Decimal(1), "requested", "op: too big")]


def test_an_operator_cancels_a_split_order_by_its_parent_or_one_child_by_its_own_name() -> None:
    assert set(end_rules(split().tell(CancelRequested("op", "why", "o1")))) == {"c0", "c1"}
    assert set(end_rules(split().tell(CancelRequested("op", "why", "c1")))) == {"c1"}


def test_an_operator_cancels_everything() -> None:
    story = fill_driver(listed("ETHUSDT.PAPER"), bar(100), routed("buy", 1, limit_price=99))
    story.tell(routed("buy", 1, id="o2", limit_price=99, instrument="ETHUSDT.PAPER"))
    assert set(end_rules(story.tell(CancelRequested("op", "why")))) == {"o1", "o2"}
    assert story.state.orders == {}


@pytest.mark.parametrize("order_id", ["o9", None])
def test_an_operator_who_finds_nothing_open_is_told(order_id: str | None) -> None:
    assert fill_driver().tell(CancelRequested("op", "why", order_id)) == [
        CancelMissed(order_id or "", "", "no such order is open")
    ]


def test_a_cancel_under_way_does_not_hide_that_another_missed() -> None:
    story = fill_driver(approved("buy", 1), CancelRequested("op", "why", "o1"))
    assert type_names(story.tell(CancelRequested("op", "why", "o9"))) == ["CancelMissed"]
    assert story.tell(CancelRequested("op", "why", "o1")) == []


def test_a_cancel_of_one_order_leaves_the_others() -> None:
    others = [routed("buy", 1, id=f"o{n}", limit_price=99) for n in (1, 2)]
    assert end_rules(fill_driver(bar(100), *others).tell(CANCEL)) == {"o1": "requested"}
    story = split()
    story.tell(*others[1:])
    assert "o2" not in end_rules(story.tell(CancelRequested("op", "why", "o1")))


def test_an_operators_cancel_of_an_entry_by_its_name_leaves_its_protection() -> None:
    story = fill_driver(routed("buy", 1, id="c0", parent="o1", stop_loss=90))
    story.tell(bar(100), after=MINUTE)
    assert type_names(story.tell(CancelRequested("op", "why", "c0"))) == ["CancelMissed"]


def test_an_operators_cancel_overtakes_like_any_other() -> None:
    story = fill_driver(approved("buy", 1), CancelRequested("op", "why"))
    assert end_rules(story.tell(routed("buy", 1))) == {"o1": "cancelled_before_send"}


def test_a_delisting_cancels_what_is_open_of_the_instrument_alone() -> None:
    story = fill_driver(listed("ETHUSDT.PAPER"), bar(100), routed("buy", 1, limit_price=99))
    story.tell(routed("buy", 1, id="o2", limit_price=99, instrument="ETHUSDT.PAPER"))
    assert end_rules(story.tell(InstrumentDelisted(INSTRUMENT, "op", "why"))) == {"o1": "delisted"}


# Changes.


def test_a_change_gives_the_order_its_new_terms_and_leaves_the_others() -> None:
    story = fill_driver(bar(100), routed("buy", 2, limit_price=99))
    assert story.tell(change(3)) == [OrderReplaced("o1", Decimal(3), Decimal(3), Decimal(99), None)]
    assert story.tell(change(limit=98)) == [
        OrderReplaced("o1", Decimal(3), Decimal(3), Decimal(98), None)
    ]
    assert fills(story.tell(bar(100, low="98.5"), after=MINUTE)) == []
    assert fills(story.tell(bar(100, low=97), after=MINUTE)) == [("o1", "3", "98", "maker")]


def test_a_new_quantity_counts_what_has_filled() -> None:
    story = fill_driver(bar(100), routed("buy", 5, limit_price=99))
    story.tell(bar(98, volume=2), after=MINUTE)
    assert story.tell(change(3)) == [OrderReplaced("o1", Decimal(3), Decimal(1), Decimal(99), None)]
    assert fills(story.tell(bar(98), after=MINUTE)) == [("o1", "1", "98", "taker")]


def test_a_change_to_what_has_filled_ends_the_order() -> None:
    story = fill_driver(bar(100), routed("buy", 5, limit_price=99))
    story.tell(bar(98, volume=2), after=MINUTE)
    assert end_rules(story.tell(change(2))) == {"o1": "requested"}


def test_a_change_to_less_than_has_filled_is_missed() -> None:
    story = fill_driver(bar(100), routed("buy", 5, limit_price=99))
    story.tell(bar(98, volume=2), after=MINUTE)
    assert story.tell(change(1)) == [CancelMissed("o1", "s2", "2 has filled already")]


def test_a_change_of_what_is_not_open_is_missed() -> None:
    assert fill_driver().tell(change(1)) == [CancelMissed("o1", "s2", "no such order is open")]


def test_a_new_price_or_more_queues_anew_and_a_smaller_quantity_keeps_its_place() -> None:
    def first_filled(*changes: Event) -> str:
        orders = [routed("buy", 2, id=f"o{n}", limit_price=99) for n in (1, 2)]
        story = fill_driver(bar(100), *orders, *changes)
        return fills(story.tell(bar(95, volume="0.5"), after=MINUTE))[0][0]

    assert first_filled() == "o1"
    assert first_filled(change(1)) == "o1"
    assert first_filled(change(3)) == "o2"
    assert first_filled(change(limit="99.5")) == "o2"


def test_a_greater_quantity_meets_only_prices_to_come_and_a_smaller_one_those_it_has_met() -> None:
    def filled_after(changed: Event) -> list[tuple[str, str, str, str]]:
        story = fill_driver(bar(100), routed("buy", 2, limit_price=95))
        story.tell(bar(100, instrument="ETHUSDT.PAPER"), after=MINUTE // 2)
        story.tell(changed)
        return fills(story.tell(bar(100, low=91), after=MINUTE // 2))

    assert filled_after(change(100)) == []
    assert filled_after(change(1)) == [("o1", "1", "95", "maker")]


def test_a_greater_quantity_within_reach_takes_at_the_next_price() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=99))
    story.tell(bar(99), after=MINUTE)
    story.tell(change(2))
    assert fills(story.tell(bar(98), after=MINUTE)) == [("o1", "2", "98", "taker")]


def test_a_new_price_meets_only_prices_to_come() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=90))
    story.tell(bar(100, instrument="ETHUSDT.PAPER"), after=MINUTE // 2)
    story.tell(change(limit=95))
    assert fills(story.tell(bar(100, low=91), after=MINUTE // 2)) == []
    assert fills(story.tell(bar(100, low=91), after=MINUTE)) == [("o1", "1", "95", "maker")]


def test_a_new_price_within_reach_takes_at_the_next_price() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=90))
    story.tell(bar(100), after=MINUTE)
    story.tell(change(limit=101))
    assert fills(story.tell(bar(100), after=MINUTE)) == [("o1", "1", "100", "taker")]


def test_a_post_only_order_is_not_changed_to_a_price_that_takes() -> None:
    story = fill_driver(bar(100), routed("buy", 1, limit_price=90, post_only=True))
    (missed,) = story.tell(change(limit=100))
    assert isinstance(missed, CancelMissed)
    assert "post-only" in missed.reason
    assert type_names(story.tell(change(limit=99))) == ["OrderReplaced"]


def test_a_post_only_order_that_the_market_has_come_to_may_shrink() -> None:
    story = fill_driver(bar(100), routed("buy", 5, limit_price=99, post_only=True))
    story.tell(quote(98, 99, size=2), after=MINUTE)
    assert type_names(story.tell(change(4), change(3, limit=99))) == ["OrderReplaced"] * 2


def test_a_post_only_order_that_the_market_has_come_to_may_not_grow() -> None:
    story = fill_driver(bar(100), routed("buy", 5, limit_price=99, post_only=True))
    story.tell(quote(98, 99, size=2), after=MINUTE)
    (missed,) = story.tell(change(6))
    assert isinstance(missed, CancelMissed)
    assert "post-only" in missed.reason


def test_an_order_on_its_way_can_be_changed_and_arrives_as_changed() -> None:
    story = fill_driver(bar(100), latency=SECOND)
    story.tell(routed("buy", 1, limit_price=90))
    assert type_names(story.tell(change(2, limit=95))) == ["OrderReplaced"]
    story.tell(bar(100, instrument="ETHUSDT.PAPER"), after=SECOND)
    story.tell(bar(100, low=80), after=59 * SECOND)
    assert fills(story.tell(bar(100, low=94), after=MINUTE)) == [("o1", "2", "95", "maker")]


def test_a_stop_can_be_moved() -> None:
    story = fill_driver(bar(100), routed("sell", 1, stop_price=95))
    story.tell(change(stop=97))
    assert fills(story.tell(bar(100, low=96), after=MINUTE)) == [("o1", "1", "97", "taker")]
