"""Orders that a real venue works: fill intends, the venue's reports decide, nothing twice."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import CancelRequested, HaltImposed, HaltRequested
from deadreckon.contracts.instruments import InstrumentDelisted
from deadreckon.contracts.market import ClockTicked
from deadreckon.contracts.orders import (
    CancelApproved,
    CancelMissed,
    OrderAccepted,
    OrderCancelled,
    OrderCancelling,
    OrderExpired,
    OrderFilled,
    OrderOverdue,
    OrderRejected,
    OrderUnknown,
    ReplaceRouted,
)
from deadreckon.contracts.venues import VenueReportRefused
from deadreckon.services.fill import decider as fill
from deadreckon.services.fill.state import status_of
from tests.stories import DAY, INSTRUMENT, MINUTE, SECOND, START, bar, quote, routed
from tests.support.driver import DeciderDriver
from tests.support.fill_samples import answers_of, encoded, fills, type_names
from tests.support.venue_samples import (
    LIMIT,
    accepted,
    cancel_refused,
    client_id_of,
    missing,
    not_sent,
    order_ended,
    reconciled,
    refused,
    traded,
    unanswered,
    venue_fill_driver,
)

CANCEL = CancelApproved("o1", "s2", "ext", "changed my mind")
REQUESTED = OrderCancelling("o1", client_id_of("o1"), "PAPER", "requested", "changed my mind")


def working(quantity: int = 10, limit_price: int = 99, **more: Any) -> DeciderDriver:
    """A desk with one order that its venue has accepted."""
    return venue_fill_driver(
        bar(100), routed("buy", quantity, limit_price=limit_price, **more), accepted()
    )


def position(story: DeciderDriver) -> Decimal:
    held: dict[str, Decimal] = story.state.positions.get(INSTRUMENT, {})
    return held.get("ext", Decimal(0))


# The intent is all that fill says by itself.


def test_an_order_for_a_real_venue_gets_an_intent_and_no_paper_acceptance() -> None:
    assert type_names(venue_fill_driver(bar(100)).tell(routed("buy", 1))) == ["OrderSubmitting"]
    story = venue_fill_driver(latency=SECOND)
    story.tell(routed("buy", 1, limit_price=99))
    assert story.tell(bar(100), after=SECOND) == []


def test_no_price_fills_an_order_that_a_real_venue_works() -> None:
    assert working().tell(bar(90), quote(80, 81), after=SECOND) == []


@pytest.mark.parametrize("shape", [{"post_only": True, "limit_price": 120}, {"reduce_only": True}])
def test_what_may_rest_or_reduce_is_the_real_venues_business(shape: dict[str, Any]) -> None:
    story = venue_fill_driver(bar(100))
    assert type_names(story.tell(routed("buy", 1, **shape))) == ["OrderSubmitting"]


# What it answers.


def test_the_venues_word_becomes_the_orders_own() -> None:
    story = venue_fill_driver(routed("buy", 1))
    assert story.tell(accepted()) == [OrderAccepted("o1", "venue's o1")]
    assert story.tell(accepted()) == []
    assert venue_fill_driver(routed("buy", 1)).tell(refused()) == [
        OrderRejected("o1", "insufficient_balance", "no")
    ]
    assert venue_fill_driver(routed("buy", 1)).tell(not_sent()) == [
        OrderRejected("o1", "halted", "stopped at the door")
    ]


def test_a_trade_becomes_a_fill_with_the_venues_own_name_and_the_mark_of_the_moment() -> None:
    story = working()
    story.tell(quote(97, 98), after=SECOND)
    (told,) = story.tell(traded("buy", 4, 99, fee="0.1"))
    assert told == OrderFilled(
        order_id="o1",
        trade_id="t1",
        strategy="ext",
        instrument=INSTRUMENT,
        venue="PAPER",
        side="buy",
        quantity=Decimal(4),
        price=Decimal(99),
        leaves=Decimal(6),
        liquidity="taker",
        fee=Decimal("0.1"),
        fee_currency="USDT",
        reference_price=Decimal("97.5"),
    )


def test_without_a_price_a_trade_is_compared_with_itself() -> None:
    (told,) = venue_fill_driver(routed("buy", 1)).tell(traded("buy", 1, 99))
    assert isinstance(told, OrderFilled)
    assert told.reference_price == 99


def test_a_trade_told_twice_fills_once() -> None:
    story = working()
    story.tell(traded("buy", 4, 99))
    assert story.tell(traded("buy", 4, 99)) == []
    assert position(story) == 4


def test_a_trade_told_again_after_weeks_fills_once_while_its_order_is_open() -> None:
    story = working()
    story.tell(traded("buy", 4, 99))
    story.tell(*[ClockTicked()] * 20, after=DAY)
    assert story.tell(traded("buy", 4, 99)) == []
    assert position(story) == 4


def test_a_fill_before_its_acknowledgement_is_not_reopened_by_it() -> None:
    story = venue_fill_driver(routed("buy", 1))
    assert type_names(story.tell(traded("buy", 1, 99), accepted())) == ["OrderFilled"]
    assert status_of(story.state, "o1") == "filled"


def test_a_late_trade_of_an_order_that_has_ended_is_folded_all_the_same() -> None:
    story = working()
    story.tell(order_ended(filled=0))
    (late,) = story.tell(traded("buy", 4, 99))
    assert isinstance(late, OrderFilled)
    assert late.leaves == 6
    assert position(story) == 4
    assert status_of(story.state, "o1") == "cancelled"
    assert story.tell(traded("buy", 4, 99)) == []


# Unknown.


def test_silence_makes_an_order_unknown_since_its_intent() -> None:
    story = venue_fill_driver(routed("buy", 1))
    answers = story.tell(unanswered(), after=SECOND)
    assert answers == [OrderUnknown("o1", client_id_of("o1"), START, "timed out")]
    assert story.tell(unanswered(), missing()) == []
    assert status_of(story.state, "o1") == "unknown"


@pytest.mark.parametrize(
    ("word", "record"),
    [
        (accepted(), "OrderAccepted"),
        (refused(), "OrderRejected"),
        (not_sent(rule="cancelled_before_send"), "OrderRejected"),
        (traded("buy", 1, 99), "OrderFilled"),
        (order_ended(), "OrderCancelled"),
    ],
)
def test_what_was_unknown_becomes_what_the_venue_says(word: Event, record: str) -> None:
    story = venue_fill_driver(routed("buy", 1), unanswered())
    assert type_names(story.tell(word)) == [record]


def test_silence_after_the_venues_word_changes_nothing() -> None:
    story = working()
    assert story.tell(unanswered(), missing()) == []
    assert status_of(story.state, "o1") == "accepted"


def test_an_answer_that_is_owed_for_too_long_is_an_alarm_once() -> None:
    story = venue_fill_driver(bar(100), routed("buy", 1), unanswered())
    assert story.tell(ClockTicked(), after=LIMIT) == []
    assert story.tell(ClockTicked(), after=SECOND) == [
        OrderOverdue("o1", client_id_of("o1"), START, LIMIT + SECOND, LIMIT)
    ]
    assert story.tell(bar(100), ClockTicked(), after=SECOND) == []
    assert story.restarted(fill).tell(bar(100), after=MINUTE) == []


def test_an_intent_whose_edge_says_nothing_at_all_is_an_alarm_as_well() -> None:
    story = venue_fill_driver(routed("buy", 1))
    assert type_names(story.tell(bar(100), after=MINUTE)) == ["OrderOverdue"]


def test_nothing_is_overdue_once_the_venue_has_spoken() -> None:
    assert working().tell(bar(100), after=DAY) == []
    filled_in_part = venue_fill_driver(routed("buy", 2), traded("buy", 1, 99))
    assert filled_in_part.tell(bar(100), after=DAY) == []


def test_a_cancel_that_nobody_confirms_is_an_alarm_since_it_was_asked_for() -> None:
    story = working()
    story.tell(CANCEL, after=MINUTE)
    (alarm,) = story.tell(bar(100), after=MINUTE)
    assert isinstance(alarm, OrderOverdue)
    assert alarm.since == START + MINUTE
    assert story.tell(bar(100), after=MINUTE) == []


# Cancels.


def test_a_cancel_is_an_intent_and_ends_the_order_when_the_venue_says_so() -> None:
    story = working()
    assert story.tell(CANCEL) == [REQUESTED]
    assert type_names(story.tell(traded("buy", 4, 99))) == ["OrderFilled"]
    assert story.tell(order_ended(filled=4)) == [
        OrderCancelled("o1", Decimal(6), "requested", "changed my mind")
    ]
    assert story.tell(order_ended(filled=4)) == []


def test_an_order_is_asked_to_be_cancelled_once() -> None:
    story = working()
    story.tell(CANCEL)
    assert story.tell(CANCEL, CancelRequested("op", "now", "o1")) == []


def test_a_halt_counts_an_order_that_is_being_cancelled_already() -> None:
    story = working()
    story.tell(routed("buy", 1, id="o2", limit_price=90), CANCEL)
    answers = story.tell(HaltRequested("op", "why", "all"))
    assert [(c.order_id, c.rule) for c in answers_of(OrderCancelling, answers)] == [
        ("o2", "halted")
    ]
    assert answers[-1].open_orders == 2  # type: ignore[attr-defined]


def test_a_cancel_that_came_too_late_leaves_the_order_to_its_real_end() -> None:
    story = working()
    story.tell(CANCEL)
    assert story.tell(cancel_refused()) == []
    assert type_names(story.tell(traded("buy", 10, 99))) == ["OrderFilled"]
    assert status_of(story.state, "o1") == "filled"
    other = working()
    other.tell(CANCEL, cancel_refused())
    assert other.tell(order_ended()) == [OrderCancelled("o1", Decimal(10), "venue", "by the venue")]


def test_a_cancel_that_was_refused_may_be_asked_for_again() -> None:
    story = working()
    story.tell(CANCEL, cancel_refused())
    assert type_names(story.tell(CancelRequested("op", "now", "o1"))) == ["OrderCancelling"]
    assert story.tell(CANCEL) == []


def test_a_cancel_that_is_tried_again_after_a_refusal_keeps_its_rule() -> None:
    story = working()
    story.tell(CANCEL, cancel_refused(), unanswered(request="cancel"))
    assert story.tell(CANCEL) == []
    assert story.tell(order_ended()) == [
        OrderCancelled("o1", Decimal(10), "requested", "changed my mind")
    ]


def test_a_delisting_asks_the_venue() -> None:
    (asked,) = working().tell(InstrumentDelisted(INSTRUMENT, "op", "why"))
    assert isinstance(asked, OrderCancelling)
    assert asked.rule == "delisted"


def test_what_has_closed_the_position_asks_the_venue_to_cancel_what_was_to_reduce_it() -> None:
    story = venue_fill_driver(routed("buy", 1), traded("buy", 1, 100))
    story.tell(routed("sell", 1, id="o2", limit_price=120, reduce_only=True), accepted("o2"))
    story.tell(routed("sell", 1, id="o3"))
    answers = story.tell(traded("sell", 1, 100, order="o3", id="t2"))
    assert [(c.order_id, c.rule) for c in answers_of(OrderCancelling, answers)] == [
        ("o2", "position_closed")
    ]


def test_a_change_is_missed_with_the_reason() -> None:
    (missed,) = working().tell(ReplaceRouted("o1", "s2", Decimal(3), None, None))
    assert isinstance(missed, CancelMissed)
    assert missed.reason == "this venue cannot change orders; cancel it and send anew"


def test_when_its_time_is_over_an_order_is_cancelled_once_and_expires_when_it_is_gone() -> None:
    story = working(expires_at=START + MINUTE)
    (asked,) = story.tell(ClockTicked(), after=MINUTE)
    assert isinstance(asked, OrderCancelling)
    assert asked.rule == "expired"
    assert story.tell(bar(100), ClockTicked(), after=SECOND) == []
    assert story.tell(order_ended()) == [OrderExpired("o1", Decimal(10))]


def test_an_order_that_is_being_cancelled_when_its_time_is_over_keeps_its_rule() -> None:
    story = working(expires_at=START + MINUTE)
    story.tell(CANCEL)
    assert answers_of(OrderCancelling, story.tell(ClockTicked(), after=MINUTE)) == []
    assert type_names(story.tell(order_ended())) == ["OrderCancelled"]


# Ends that the venue tells.


@pytest.mark.parametrize(
    ("patience", "rule"),
    [("gtc", "venue"), ("ioc", "immediate_or_cancel"), ("fok", "fill_or_kill")],
)
def test_an_end_that_nobody_asked_for_names_whose_it_is(patience: str, rule: str) -> None:
    story = venue_fill_driver(routed("buy", 10, limit_price=99, time_in_force=patience))  # type: ignore[arg-type]
    assert type_names(story.tell(accepted(), traded("buy", 4, 99))) == [
        "OrderAccepted",
        "OrderFilled",
    ]
    (end,) = story.tell(order_ended(filled=4))
    assert end == OrderCancelled("o1", Decimal(6), rule, "by the venue")


def test_an_order_whose_time_at_the_venue_ran_out_expires() -> None:
    assert working().tell(order_ended(outcome="expired")) == [OrderExpired("o1", Decimal(10))]


def test_an_end_waits_for_the_trades_that_came_before_it() -> None:
    story = working()
    assert story.tell(order_ended(filled=5)) == []
    assert type_names(story.tell(traded("buy", 2, 99))) == ["OrderFilled"]
    answers = story.tell(traded("buy", 3, 99, id="t2"))
    assert type_names(answers) == ["OrderFilled", "OrderCancelled"]
    assert answers[-1] == OrderCancelled("o1", Decimal(5), "venue", "by the venue")


def test_an_end_whose_trades_stay_away_is_an_alarm() -> None:
    story = working()
    story.tell(order_ended(filled=5), after=MINUTE)
    (alarm,) = story.tell(ClockTicked(), after=MINUTE)
    assert isinstance(alarm, OrderOverdue)
    assert alarm.since == START + MINUTE


# A venue that contradicts the log.


def test_more_than_was_left_is_folded_and_halts_the_book() -> None:
    story = working()
    answers = story.tell(traded("buy", 12, 99))
    assert fills(answers) == [("o1", "12", "99", "taker")]
    (halt,) = answers_of(HaltImposed, answers)
    assert (halt.scope, halt.rule) == ("all", "venue_overfill")
    assert (halt.limit, halt.measured) == (Decimal(10), Decimal(12))
    assert position(story) == 12
    assert type_names(story.tell(traded("buy", 1, 99, id="t2"))) == ["OrderFilled"]
    assert position(story) == 13


def test_a_trade_on_the_wrong_side_is_folded_as_it_was_and_halts_the_book() -> None:
    story = working()
    answers = story.tell(traded("sell", 4, 99))
    assert [halt.rule for halt in answers_of(HaltImposed, answers)] == ["venue_wrong_side"]
    assert position(story) == -4


def test_a_trade_of_an_order_that_nobody_remembers_halts_the_book() -> None:
    (halt,) = answers_of(HaltImposed, venue_fill_driver().tell(traded("buy", 1, 99, order="o9")))
    assert (halt.scope, halt.rule) == ("all", "venue_unknown_order")
    assert "o9" in halt.reason


def test_orders_at_the_venue_that_nobody_intended_halt_entries_once() -> None:
    story = venue_fill_driver()
    assert story.tell(reconciled()) == []
    (halt,) = answers_of(HaltImposed, story.tell(reconciled("theirs")))
    assert (halt.scope, halt.rule) == ("close_only", "venue_strangers")
    assert halt.measured == 1
    assert story.tell(reconciled("theirs")) == []


def test_a_trade_that_its_edge_does_not_believe_halts_the_book() -> None:
    def halted(rule: str, number: int) -> list[tuple[str, str]]:
        refusal = VenueReportRefused("PAPER", rule, "no", "{", number)
        return [
            (halt.scope, halt.rule)
            for halt in answers_of(HaltImposed, venue_fill_driver().tell(refusal))
        ]

    assert halted("impossible_amount", 7) == [("all", "venue_unbelievable_trade")]
    assert halted("unknown_order", 7) == [("close_only", "venue_strangers")]
    assert halted("malformed", 0) == halted("unknown_order", 0) == []


def test_an_order_that_was_given_up_and_lives_at_the_venue_is_cancelled_there() -> None:
    story = venue_fill_driver(routed("buy", 10), unanswered(), not_sent(rule="expired_before_send"))
    (asked,) = story.tell(accepted())
    assert isinstance(asked, OrderCancelling)
    assert asked.rule == "resurfaced"
    assert type_names(story.tell(traded("buy", 4, 99), accepted(), order_ended(filled=4))) == [
        "OrderFilled"
    ]
    assert position(story) == 4


# Whatever order the reports come in.

REPORTS: list[Event] = [
    accepted(),
    unanswered(),
    missing(),
    traded("buy", 1, 99, id="t1"),
    traded("buy", 2, 98, id="t2"),
    traded("buy", 3, 97, id="t3"),
]
shuffles = draw.permutations(list(range(len(REPORTS) + 1))).flatmap(
    lambda order: draw.tuples(
        draw.just(order), draw.lists(draw.sampled_from(order), max_size=8), draw.integers(0, 15)
    )
)


@given(shuffles, draw.sampled_from([6, 10]), draw.booleans())
def test_reports_in_any_order_and_number_lead_to_the_same_end_and_a_restart_changes_nothing(
    shuffle: tuple[list[int], list[int], int], quantity: int, cancelled: bool
) -> None:
    order, again, place = shuffle
    last = [order_ended(filled=6)] if quantity > 6 else [accepted()]
    told = [([*REPORTS, *last])[number] for number in [*order, *again]]
    story = venue_fill_driver(routed("buy", quantity, limit_price=99))
    if cancelled:
        story.tell(CANCEL)
    answers = story.tell(*told[:place])
    recalled = story.restarted(fill)
    assert encoded(recalled) == encoded(story)
    later = story.tell(*told[place:], after=SECOND)
    assert recalled.tell(*told[place:], after=SECOND) == later
    assert encoded(recalled) == encoded(story)

    assert position(story) == 6
    assert sorted(fill.trade_id for fill in answers_of(OrderFilled, answers + later)) == [
        "t1",
        "t2",
        "t3",
    ]
    assert status_of(story.state, "o1") == ("filled" if quantity == 6 else "cancelled")
    ends = answers_of(OrderCancelled, answers + later)
    assert [end.leaves for end in ends] == ([4] if quantity > 6 else [])
    assert (story.state.orders, story.state.awaited) == ({}, {})
