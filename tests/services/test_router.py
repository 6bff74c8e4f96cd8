"""The router: whole lots and ticks, never more than wished, or a refusal with its numbers."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as draw

from deadreckon.contracts.envelope import derive_id
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.instruments import InstrumentDelisted
from deadreckon.contracts.orders import (
    CancelMissed,
    OrderApproved,
    OrderCancelled,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderUnroutable,
    ReplaceApproved,
    ReplaceRouted,
)
from deadreckon.services.router import decider as router
from deadreckon.services.router.rounding import CHILDREN_MAX, children_of, shares
from tests.stories import INSTRUMENT, amount, approved, at, exact, filled, listed, venue
from tests.support.driver import DeciderDriver

LISTED = at(listed(), id="listing-1")


def told(*given: Event | Recorded[Any], when: Event | Recorded[Any]) -> list[Event]:
    """The router's answers to `when` after the market was listed and `given` happened."""
    story = DeciderDriver(router, "router")
    story.tell(LISTED, venue(), *given)
    return story.tell(when)


def order(*given: Event | Recorded[Any], when: OrderApproved) -> OrderRouted:
    answers = told(*given, when=when)
    assert len(answers) == 1
    assert isinstance(answers[0], OrderRouted), answers
    return answers[0]


def refusal(*given: Event | Recorded[Any], when: OrderApproved) -> OrderUnroutable:
    answers = told(*given, when=when)
    assert len(answers) == 1
    assert isinstance(answers[0], OrderUnroutable), answers
    return answers[0]


def change(
    quantity: int | str | None = None,
    *,
    limit: int | str | None = None,
    stop: int | str | None = None,
    id: str = "o1",
) -> ReplaceApproved:
    return ReplaceApproved(
        id, "s2", "ext", INSTRUMENT, amount(quantity), amount(limit), amount(stop)
    )


# What an order becomes.


def test_an_order_goes_out_in_the_venues_own_terms() -> None:
    perpetual = msgspec.structs.replace(listed("BTCUSD-PERP.PAPER"), symbol="XBTUSD")
    signal = approved(
        "sell", 2, instrument="BTCUSD-PERP.PAPER", order_type="limit", limit_price=101
    )
    routed = order(perpetual, when=signal)
    assert (routed.symbol, routed.venue, routed.side) == ("XBTUSD", "PAPER", "sell")
    assert (routed.order_id, routed.parent_id) == ("o1", "o1")
    assert (routed.child, routed.children) == (0, 1)
    assert (routed.order_type, routed.limit_price) == ("limit", Decimal(101))


def test_the_client_order_id_derives_from_the_approval_and_nothing_else() -> None:
    answers = told(when=at(approved("buy", 1), id="approval-7"))
    assert [routed.client_order_id for routed in answers if isinstance(routed, OrderRouted)] == [
        derive_id("approval-7", "client", 0)
    ]


def test_everything_else_of_the_approval_is_carried_unchanged() -> None:
    signal = approved(
        "buy",
        1,
        time_in_force="ioc",
        reduce_only=True,
        expires_at=99,
        purpose="flatten",
        strategy="cross",
    )
    routed = order(when=signal)
    same = ("signal_id", "strategy", "time_in_force", "reduce_only", "expires_at", "purpose")
    assert all(getattr(routed, name) == getattr(signal, name) for name in same)


def test_a_quantity_is_rounded_down_to_whole_lots() -> None:
    assert order(when=approved("buy", "1.2349")).quantity == Decimal("1.234")


def test_a_notional_buys_whole_lots_at_the_reference_price() -> None:
    assert order(when=approved("buy", notional=1_000, reference=300)).quantity == Decimal("3.333")


def test_a_notional_counts_the_size_of_a_contract() -> None:
    contract = listed(kind="perpetual", contract="0.1", lot=1, minimum=1)
    assert order(contract, when=approved("buy", notional=1_000)).quantity == 100


@pytest.mark.parametrize(
    ("side", "limit", "quantity"), [("buy", 125, 8), ("sell", 125, 8), ("buy", 80, 10)]
)
def test_a_notional_is_divided_by_the_limit_where_that_is_dearer(
    side: Any, limit: int, quantity: int
) -> None:
    signal = approved(side, notional=1_000, order_type="limit", limit_price=limit)
    assert order(when=signal).quantity == quantity


def test_a_notional_is_divided_by_the_stop_where_that_is_dearer() -> None:
    signal = approved("buy", notional=1_000, order_type="stop", stop_price=125)
    assert order(when=signal).quantity == 8


@pytest.mark.parametrize(("side", "limit"), [("buy", "99.99"), ("sell", "100")])
def test_a_limit_never_pays_more_nor_takes_less_than_wished(side: Any, limit: str) -> None:
    signal = approved(side, 1, order_type="limit", limit_price="99.995")
    assert order(when=signal).limit_price == Decimal(limit)


@pytest.mark.parametrize(("side", "stop"), [("buy", "100"), ("sell", "99.99")])
def test_a_stop_that_enters_never_triggers_before_the_wish(side: Any, stop: str) -> None:
    signal = approved(side, 1, order_type="stop", stop_price="99.995")
    assert order(when=signal).stop_price == Decimal(stop)


@pytest.mark.parametrize(("side", "stop"), [("buy", "99.99"), ("sell", "100")])
def test_a_stop_that_only_reduces_never_triggers_after_the_wish(side: Any, stop: str) -> None:
    signal = approved(side, 1, order_type="stop", stop_price="99.995", reduce_only=True)
    assert order(when=signal).stop_price == Decimal(stop)


@pytest.mark.parametrize(
    ("side", "stop_loss", "take_profit"), [("buy", "100", "100"), ("sell", "99.99", "99.99")]
)
def test_a_bracket_protects_no_later_and_takes_no_less_than_wished(
    side: Any, stop_loss: str, take_profit: str
) -> None:
    routed = order(when=approved(side, 1, stop_loss="99.995", take_profit="99.995"))
    assert routed.stop_loss == Decimal(stop_loss)
    assert routed.take_profit == Decimal(take_profit)


# What cannot be routed.


def test_an_instrument_nobody_listed_is_refused() -> None:
    refused = refusal(when=approved("buy", 1, instrument="DOGE.PAPER"))
    assert (refused.rule, refused.limit, refused.limit_set_by) == ("known_instrument", None, None)


def test_a_venue_nobody_configured_is_refused() -> None:
    refused = refusal(listed("BTC.ELSEWHERE"), when=approved("buy", 1, instrument="BTC.ELSEWHERE"))
    assert refused.rule == "known_venue"


def test_a_delisted_instrument_is_refused_with_the_delisting_named() -> None:
    gone = at(InstrumentDelisted(INSTRUMENT, "test", "story"), id="delisting-1")
    refused = refusal(gone, when=approved("buy", 1))
    assert (refused.rule, refused.limit_set_by) == ("delisted", "delisting-1")


def test_listing_an_instrument_again_lets_it_trade_again() -> None:
    gone = InstrumentDelisted(INSTRUMENT, "test", "story")
    assert order(gone, listed(), when=approved("buy", 1)).quantity == 1


@pytest.mark.parametrize("quantity", ["0.0499", "0.0009"])
def test_less_than_the_least_quantity_is_refused_with_both_numbers(quantity: str) -> None:
    small = at(listed(minimum="0.05"), id="listing-2")
    refused = refusal(small, when=approved("buy", quantity))
    assert (refused.rule, refused.limit_set_by) == ("minimum_quantity", "listing-2")
    assert refused.limit == Decimal("0.05")
    assert refused.measured == Decimal(quantity).quantize(Decimal("0.001"), "ROUND_DOWN")


def test_exactly_the_least_quantity_is_routed() -> None:
    assert order(listed(minimum="0.05"), when=approved("buy", "0.0509")).quantity == Decimal("0.05")


def test_less_than_the_least_notional_is_refused_with_both_numbers() -> None:
    small = at(listed(notional=10), id="listing-2")
    refused = refusal(small, when=approved("buy", "0.0999"))
    assert (refused.rule, refused.limit_set_by) == ("minimum_notional", "listing-2")
    assert (refused.limit, refused.measured) == (Decimal(10), Decimal("9.9"))


def test_exactly_the_least_notional_is_routed() -> None:
    assert order(listed(notional=10), when=approved("buy", "0.1")).quantity == Decimal("0.1")


def test_the_least_notional_is_weighed_at_the_limit_as_venues_do() -> None:
    signal = approved("buy", "0.1", order_type="limit", limit_price=99)
    assert refusal(listed(notional=10), when=signal).measured == Decimal("9.9")


def test_an_exit_below_the_least_notional_goes_all_the_same() -> None:
    signal = approved("sell", "0.01", reduce_only=True)
    assert order(listed(notional=10), when=signal).quantity == Decimal("0.01")


def test_a_price_below_one_tick_is_refused() -> None:
    signal = approved("buy", 1_000, order_type="limit", limit_price="0.004")
    refused = refusal(when=signal)
    assert (refused.rule, refused.limit) == ("minimum_price", Decimal("0.01"))
    assert refused.measured == Decimal("0.004")


def test_a_new_listing_replaces_the_old_one() -> None:
    assert order(listed(lot="0.1"), when=approved("buy", "1.29")).quantity == Decimal("1.2")


# Splits.


def test_a_bigger_order_is_split_into_children_that_add_up_to_it() -> None:
    signal = at(approved("buy", "10.001"), id="approval-1")
    answers = told(venue(split=400), when=signal)
    children = [child for child in answers if isinstance(child, OrderRouted)]
    assert [str(child.quantity) for child in children] == ["3.334", "3.334", "3.333"]
    assert [child.order_id for child in children] == [derive_id("o1", "child", n) for n in range(3)]
    assert {child.parent_id for child in children} == {"o1"}
    assert [(child.child, child.children) for child in children] == [(0, 3), (1, 3), (2, 3)]
    assert len({child.client_order_id for child in children}) == 3


def test_an_order_within_the_split_stays_whole() -> None:
    assert order(venue(split=400), when=approved("buy", 4)).order_id == "o1"


def test_all_or_nothing_is_never_split() -> None:
    assert order(venue(split=400), when=approved("buy", 10, time_in_force="fok")).quantity == 10


def test_no_child_falls_below_what_the_venue_takes() -> None:
    answers = told(listed(notional=450), venue(split=400), when=approved("buy", 10))
    sizes = [child.quantity for child in answers if isinstance(child, OrderRouted)]
    assert sizes == [5, 5]


def test_a_child_may_be_exactly_what_the_venue_takes_and_not_a_lot_less() -> None:
    answers = told(listed(lot=1, minimum=1, notional=250), venue(split=1), when=approved("buy", 8))
    assert [child.quantity for child in answers if isinstance(child, OrderRouted)] == [4, 4]


def test_children_are_no_more_than_fit_into_a_commit() -> None:
    answers = told(venue(split="0.1"), when=approved("buy", 10))
    assert len(answers) == CHILDREN_MAX


@given(draw.integers(1, 10**12), draw.integers(0, 10**6), draw.integers(1, 10**6))
def test_children_always_add_up(lots: int, most: int, least: int) -> None:
    children = children_of(lots, most, least)
    assert sum(children) == lots
    assert max(children) - min(children) <= 1
    assert len(children) == 1 or min(children) >= least


def test_shares_are_as_even_as_whole_numbers_can_be() -> None:
    assert shares(7, 3) == [3, 2, 2]
    assert shares(1, 3) == [1, 0, 0]


# Changes.

RESTING = approved("buy", 2, order_type="limit", limit_price=99)


def test_a_change_is_rounded_like_an_order() -> None:
    assert told(RESTING, when=change("3.0009", limit="98.999")) == [
        ReplaceRouted("o1", "s2", Decimal(3), Decimal("98.99"), None)
    ]


def test_a_change_leaves_what_it_does_not_name() -> None:
    assert told(RESTING, when=change(limit=98)) == [
        ReplaceRouted("o1", "s2", None, exact(98), None)
    ]


@pytest.mark.parametrize(
    ("given", "changed", "reason"),
    [
        ([], change(3), "ended"),
        ([RESTING, OrderCancelled("o1", Decimal(2), "requested", "")], change(3), "ended"),
        ([RESTING, OrderRejected("o1", "halted", "")], change(3), "ended"),
        ([RESTING, filled("buy", 2, 99, leaves=0)], change(3), "ended"),
        ([approved("buy", 2)], change(limit=99), "no limit price"),
        ([RESTING], change(stop=99), "no stop price"),
        ([RESTING], change(limit="0.001"), "less than one tick"),
        ([RESTING], change("0.0001"), "less than the least quantity"),
        ([RESTING], change("0.001"), "least notional"),
        ([RESTING, filled("buy", 1, 99, leaves=1)], change("0.5"), "1 has filled already"),
    ],
)
def test_a_change_that_cannot_be_is_answered_with_the_reason(
    given: list[Event], changed: ReplaceApproved, reason: str
) -> None:
    (missed,) = told(*given, when=changed)
    assert isinstance(missed, CancelMissed)
    assert (missed.order_id, missed.signal_id) == ("o1", "s2")
    assert reason in missed.reason


def test_a_new_quantity_is_spread_over_the_open_children() -> None:
    first, second = (derive_id("o1", "child", child) for child in range(2))
    answers = told(
        venue(split=500),
        approved("buy", 10, order_type="limit", limit_price=100),
        filled("buy", 1, 100, order=first, leaves=4),
        when=change(7),
    )
    quantities = [routed.quantity for routed in answers if isinstance(routed, ReplaceRouted)]
    assert quantities == [4, 3]
    assert [routed.order_id for routed in answers if isinstance(routed, ReplaceRouted)] == [
        first,
        second,
    ]


def test_what_ended_children_have_filled_counts_towards_the_new_quantity() -> None:
    first = derive_id("o1", "child", 0)
    answers = told(
        venue(split=500),
        approved("buy", 10, order_type="limit", limit_price=100),
        filled("buy", 5, 100, order=first, leaves=0),
        when=change(7),
    )
    assert [routed.quantity for routed in answers if isinstance(routed, ReplaceRouted)] == [2]


@pytest.mark.parametrize(
    ("side", "reduce_only", "stop"),
    [("buy", False, "98"), ("sell", False, "97.99"), ("buy", True, "97.99"), ("sell", True, "98")],
)
def test_a_changed_stop_is_rounded_like_the_first(side: Any, reduce_only: bool, stop: str) -> None:
    order = approved(side, 2, order_type="stop", stop_price=99, reduce_only=reduce_only)
    assert told(order, when=change(stop="97.995")) == [
        ReplaceRouted("o1", "s2", None, None, Decimal(stop))
    ]


def test_a_change_to_exactly_the_least_notional_goes() -> None:
    assert told(listed(notional=99), RESTING, when=change(1)) == [
        ReplaceRouted("o1", "s2", Decimal(1), None, None)
    ]


def test_the_least_notional_of_a_change_is_weighed_at_the_price_in_force() -> None:
    taken = OrderReplaced("o1", Decimal(2), Decimal(2), Decimal(98), None)
    (missed,) = told(listed(notional=99), RESTING, taken, when=change(1))
    assert isinstance(missed, CancelMissed)
    assert told(listed(notional=99), RESTING, taken, when=change(1, limit=99)) == [
        ReplaceRouted("o1", "s2", Decimal(1), exact(99), None)
    ]


def test_the_least_notional_of_a_moved_stop_is_weighed_at_the_stop_in_force() -> None:
    order = approved("buy", 2, order_type="stop", stop_price=110)
    moved = OrderReplaced("o1", Decimal(2), Decimal(2), None, Decimal(120))
    assert told(listed(notional=115), order, moved, when=change(1)) == [
        ReplaceRouted("o1", "s2", Decimal(1), None, None)
    ]


def test_a_smaller_exit_goes_below_the_least_notional_as_well() -> None:
    exit_order = approved("sell", 2, order_type="limit", limit_price=101, reduce_only=True)
    assert told(listed(notional=150), exit_order, when=change(1)) == [
        ReplaceRouted("o1", "s2", Decimal(1), None, None)
    ]


def test_a_market_order_has_no_price_to_weigh_a_change_at() -> None:
    assert told(approved("buy", 2), when=change(1)) == [
        ReplaceRouted("o1", "s2", Decimal(1), None, None)
    ]


@pytest.mark.parametrize(("minimum", "quantity"), [("0.05", "0.049"), ("0", "0.0001")])
def test_a_change_below_the_least_quantity_says_so(minimum: str, quantity: str) -> None:
    (missed,) = told(listed(minimum=minimum, notional=0), RESTING, when=change(quantity))
    assert isinstance(missed, CancelMissed)
    assert "least quantity" in missed.reason


def test_a_second_change_starts_from_the_first() -> None:
    taken = OrderReplaced("o1", Decimal(5), Decimal(5), Decimal(98), None)
    answers = told(RESTING, taken, filled("buy", 3, 98, leaves=2), when=change("2.9"))
    assert answers == [CancelMissed("o1", "s2", "3 has filled already")]


# Always.

amounts = draw.decimals("0.000001", 1_000_000, places=6)
steps = draw.sampled_from([Decimal(text) for text in ("0.001", "0.05", "0.5", "1", "3", "10")])
sides: Any = draw.sampled_from(["buy", "sell"])


@given(amounts, amounts, amounts, steps, steps, steps, sides, draw.booleans())
def test_rounding_never_exceeds_the_wish(
    wished: Decimal,
    reference: Decimal,
    limit: Decimal,
    lot: Decimal,
    tick: Decimal,
    contract: Decimal,
    side: Any,
    by_notional: bool,
) -> None:
    assume(reference > 0)
    listing = listed(lot=lot, tick=tick, contract=contract, minimum=0, notional=0)
    signal = approved(
        side,
        None if by_notional else wished,
        notional=wished if by_notional else None,
        reference=reference,
        order_type="limit",
        limit_price=limit,
    )
    children = [
        child
        for child in told(listing, venue(split=wished / 3 + 1), when=signal)
        if isinstance(child, OrderRouted)
    ]
    if not children:
        return
    total = sum(child.quantity for child in children)
    price = children[0].limit_price
    assert price is not None
    assert all(child.quantity % lot == 0 and child.quantity > 0 for child in children)
    assert price % tick == 0
    assert price <= limit if side == "buy" else price >= limit
    if by_notional:
        assert total * max(price, reference) * contract <= wished
        assert (total + lot) * max(price, reference) * contract > wished
    else:
        assert total <= wished < total + lot


# Restart.


def test_a_restart_in_the_middle_changes_no_answer() -> None:
    story = DeciderDriver(router, "router")
    story.tell(LISTED, venue(split=500), approved("buy", 10, order_type="limit", limit_price=100))
    story.tell(filled("buy", 2, 100, order=derive_id("o1", "child", 0), leaves=3))
    again = story.restarted(router)
    assert encoded(again) == encoded(story)
    for changed in (change(8, limit=99), change(limit=98)):
        assert again.tell(changed) == story.tell(changed)


def encoded(story: DeciderDriver) -> bytes:
    return msgspec.json.encode(story.state, order="deterministic")


def test_ended_orders_are_forgotten() -> None:
    story = DeciderDriver(router, "router")
    story.tell(LISTED, venue(split=300), approved("buy", 10))
    empty = DeciderDriver(router, "router")
    empty.tell(LISTED, venue(split=300))
    for child in range(4):
        story.tell(filled("buy", "2.5", 100, order=derive_id("o1", "child", child), id=f"t{child}"))
    assert encoded(story) == encoded(empty)


def test_a_notional_finer_than_a_table_holds_is_told_rounded_down_and_still_below() -> None:
    story = DeciderDriver(router)
    story.tell(listed(notional=10), venue())
    (refused,) = story.tell(approved("buy", "0.001", reference="1.000000000000000001"))
    assert isinstance(refused, OrderUnroutable)
    assert (refused.rule, refused.measured) == ("minimum_notional", Decimal("0.001"))
