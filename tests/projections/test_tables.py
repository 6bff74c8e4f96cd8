"""What each table says of the events it reads."""

from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from msgspec.structs import replace

from deadreckon.contracts import governance, models, orders, portfolio, signals, venues
from deadreckon.contracts.catalogue import EVENTS
from deadreckon.contracts.event import Event
from deadreckon.contracts.limits import LimitsSet
from deadreckon.projections.columns import columns_of
from deadreckon.projections.tables import BY_NAME, TABLES, fills, limits
from tests import stories
from tests.contracts.samples import sample
from tests.stories import MINUTE, START, deposit, filled, listed
from tests.stories import signal as trade_signal
from tests.support import venue_samples
from tests.support.handmade_logs import (
    FactLog,
    accepted,
    approved,
    cancelled,
    equity,
    position,
    refused,
    routed,
    submitting,
)
from tests.support.memory_sink import row, rows


def told(*events: Event, **how: Any) -> FactLog:
    """A log of one message for each event, a minute apart."""
    log = FactLog()
    for event in events:
        log.say(event, after=MINUTE, **how)
    return log


def live(id: str = "o1") -> list[Event]:
    """An order from approval until the venue has it."""
    return [approved(id), routed(id), submitting(id), accepted(id)]


def test_every_column_says_what_it_means() -> None:
    for table in TABLES:
        assert all(len(column.note) >= 3 for column in table.columns), table.name
        assert table.note


def test_every_table_has_the_columns_the_issue_promises() -> None:
    promised = {"fill_id", "order_id", "book", "instrument", "venue", "strategy", "side", "price"}
    promised |= {"quantity", "fee", "fee_currency", "at", "sequence", "event_index"}
    names = [column.name for column in BY_NAME["fills"].stored]
    assert promised <= set(names)
    for table in TABLES:
        stored = {column.name for column in table.stored}
        assert {"event_id", "at", "sequence", "event_index", "stored_at"} <= stored


def test_a_column_without_a_note_is_refused() -> None:
    class Silent(fills.FillRow, frozen=True, array_like=True):
        published: str = ""

    with pytest.raises(TypeError, match="published has no note"):
        columns_of(Silent)


def test_a_row_names_its_place_and_the_logs_own_time() -> None:
    log = FactLog()
    log.say(deposit())
    log.say(stories.bar(), filled("buy", 1, 100), after=MINUTE)
    fill = row(log, "fills")
    assert (fill["sequence"], fill["event_index"], fill["event_id"]) == (2, 1, "e2-1")
    assert fill["stored_at"] == START + MINUTE + 7_000_000


def test_a_raised_wish_is_a_row_with_what_it_was_decided_on() -> None:
    event = trade_signal(quantity="1.5", features={"slow": "99", "fast": "101"}, confidence="0.7")
    signal = row(told(event), "signals")
    assert signal["kind"] == "trade"
    assert signal["quantity"] == "1.5"
    assert signal["notional"] is None
    assert signal["confidence"] == "0.7"
    assert signal["features"] == '{"fast":"101","slow":"99"}'


def test_cancel_and_replace_wishes_name_their_target() -> None:
    cancel = signals.CancelRaised("s2", "bot", "ext", target="s1")
    change = signals.ReplaceRaised("s3", "bot", "ext", "s1", Decimal(2), Decimal(99), None)
    found = rows(told(cancel, change), "signals")
    assert [(r["kind"], r["target"], r["limit_price"]) for r in found] == [
        ("cancel", "s1", None),
        ("replace", "s1", "99"),
    ]


def test_a_refusal_keeps_rule_and_both_numbers() -> None:
    refusal = row(told(refused("max_notional"), source="risk"), "refusals")
    assert (refusal["source"], refusal["rule"]) == ("risk", "max_notional")
    assert (refusal["limit_value"], refusal["measured"]) == ("1000", "1100.5")
    assert refusal["limit_set_by"] == "e1-2"


def test_everything_that_is_refused_is_a_refusal() -> None:
    log = told(
        refused(),
        orders.OrderUnroutable("o1", "s1", "ext", "X.PAPER", "lot", None, None, None, "too small"),
        orders.OrderRejected("o2", "halted", "the book is halted"),
        orders.CancelMissed("o3", "s3", "it had ended"),
        governance.OperatorRefused("log.desk.op.x", "unknown_type", "no such type", "{}"),
        models.RegimeModelRefused("hmm", "X.PAPER", "too_few_samples", "10 of 500"),
    )
    found = rows(log, "refusals")
    kinds = ["signal", "order", "order", "cancel", "operator", "model"]
    assert [refusal["kind"] for refusal in found] == kinds
    assert [refusal["order_id"] for refusal in found][1:4] == ["o1", "o2", "o3"]


def test_an_order_is_one_row_from_approval_to_its_end() -> None:
    first = filled("buy", 1, 100, id="t1", leaves=1)
    second = filled("buy", 1, 101, id="t2", leaves=0)
    order = row(told(*live(), first, second), "orders")
    assert order["status"] == "filled"
    assert (order["filled_quantity"], order["leaves"], order["fills"]) == ("2", "0", 2)
    assert (order["filled_value"], order["average_price"]) == ("201", "100.5")
    assert order["client_order_id"] == "c-o1"
    assert order["venue_order_id"] == "v-o1"
    minutes = [
        (order[name] - START) // MINUTE
        for name in ("approved_at", "routed_at", "submitted_at", "accepted_at")
    ]
    assert minutes == [1, 2, 3, 4]
    assert (order["first_filled_at"], order["ended_at"]) == (START + 5 * MINUTE, START + 6 * MINUTE)


@pytest.mark.parametrize(
    ("ending", "status", "rule", "leaves"),
    [
        (cancelled("o1", 2, "halted"), "cancelled", "halted", "2"),
        (orders.OrderExpired("o1", Decimal(2)), "expired", "time_to_live", "2"),
        (orders.OrderRejected("o1", "no_market", "none"), "rejected", "no_market", "2"),
    ],
)
def test_every_end_of_an_order_names_its_rule(
    ending: Event, status: str, rule: str, leaves: str
) -> None:
    order = row(told(*live(), ending), "orders")
    assert (order["status"], order["rule"], order["leaves"]) == (status, rule, leaves)
    assert order["ended_at"] == START + 5 * MINUTE


def test_an_unroutable_order_never_had_a_venue() -> None:
    no = orders.OrderUnroutable("o1", "s1", "ext", "X.PAPER", "lot", None, None, None, "too small")
    order = row(told(approved("o1"), no), "orders")
    assert (order["status"], order["rule"], order["venue"]) == ("unroutable", "lot", "")


def test_a_split_order_ends_where_its_children_begin() -> None:
    children = [
        routed(f"o1-{child}", "o1", child=child, children=3, quantity=Decimal(1))
        for child in range(3)
    ]
    found = {order["order_id"]: order for order in rows(told(approved("o1"), *children), "orders")}
    assert (found["o1"]["status"], found["o1"]["children"]) == ("split", 3)
    assert [found[f"o1-{n}"]["status"] for n in range(3)] == ["routed"] * 3
    assert [found[f"o1-{n}"]["parent_id"] for n in range(3)] == ["o1"] * 3


def test_a_brackets_leg_begins_with_its_intent() -> None:
    leg = submitting("leg", parent_id="o1", purpose="stop_loss", reduce_only=True)
    order = row(told(leg), "orders")
    assert (order["status"], order["purpose"], order["parent_id"]) == (
        "submitting",
        "stop_loss",
        "o1",
    )


def test_a_fill_after_the_cancel_still_counts() -> None:
    late = filled("buy", 1, 100, leaves=1)
    order = row(told(*live(), cancelled("o1", 2), late), "orders")
    assert (order["status"], order["filled_quantity"], order["leaves"]) == ("cancelled", "1", "1")


def test_a_fill_that_leaves_nothing_outlives_the_cancel() -> None:
    order = row(told(*live(), cancelled("o1", 2), filled("buy", 2, 100, leaves=0)), "orders")
    assert order["status"] == "filled"


def test_an_unknown_outcome_is_a_state_until_it_is_known() -> None:
    unknown = orders.OrderUnknown("o1", "c-o1", START, "no answer")
    assert row(told(*live()[:3], unknown), "orders")["status"] == "unknown"
    assert row(told(*live()[:3], unknown, accepted("o1")), "orders")["status"] == "accepted"


def test_a_late_word_does_not_revive_an_ended_order() -> None:
    order = row(told(*live()[:3], cancelled("o1", 2), accepted("o1")), "orders")
    assert order["status"] == "cancelled"


def test_a_replaced_order_stands_with_its_new_terms() -> None:
    change = orders.OrderReplaced("o1", Decimal(5), Decimal(4), Decimal(99), None)
    order = row(told(*live(), change), "orders")
    assert (order["quantity"], order["leaves"], order["limit_price"]) == ("5", "4", "99")


def test_a_triggered_stop_says_when() -> None:
    order = row(told(*live(), orders.OrderTriggered("o1", Decimal(98))), "orders")
    assert (order["status"], order["triggered_at"]) == ("triggered", START + 5 * MINUTE)


def test_every_event_of_an_order_is_listed() -> None:
    armed = orders.BracketArmed("b1", "o1", "ext", "X.PAPER", "leg1", None, Decimal(2))
    closed = orders.BracketClosed("b1", "o1", "stop_loss")
    triggered = orders.OrderTriggered("o1", Decimal(98))
    log = told(*live(), triggered, filled("buy", 1, 100, leaves=1), armed, closed, source="fill")
    found = rows(log, "order_events")
    assert [(r["order_id"], r["kind"]) for r in found] == [
        ("o1", "order_approved"),
        ("o1", "order_routed"),
        ("o1", "order_submitting"),
        ("o1", "order_accepted"),
        ("o1", "order_triggered"),
        ("o1", "order_filled"),
        ("o1", "bracket_armed"),
        ("o1", "bracket_closed"),
    ]
    assert [found[4]["price"], found[5]["price"], found[5]["leaves"]] == ["98", "100", "1"]
    assert [found[6]["reason"], found[7]["rule"]] == ["stop loss leg1", "stop_loss"]


def test_order_events_and_orders_read_every_event_that_names_an_order() -> None:
    """A new order event in the contract must be put somewhere, or left out on purpose."""
    named = {
        shape
        for name, shape in EVENTS.items()
        if name.startswith("orders.") and "order_id" in shape.__struct_fields__
    }
    assert named <= set(BY_NAME["order_events"].reads)
    # Wishes about an order and answers to them change nothing in the order itself.
    about = {
        orders.CancelApproved,
        orders.CancelMissed,
        orders.ReplaceApproved,
        orders.ReplaceRouted,
    }
    # What ends a real venue's being asked is told by the venue alone.
    told_by_venues = {venues.VenueCancelRejected}
    assert (named - about) | told_by_venues == set(BY_NAME["orders"].reads)


def test_an_order_that_a_venue_is_asked_to_cancel_keeps_its_status_and_names_the_rule() -> None:
    asked = orders.OrderCancelling("o1", "c-o1", "PAPER", "halted", "halted by h1")
    order = row(told(*live(), asked), "orders")
    assert (order["status"], order["cancelling"]) == ("accepted", "halted")
    refused = venues.VenueCancelRejected("PAPER", "o1", "c-o1", "it has ended")
    assert row(told(*live(), asked, refused), "orders")["cancelling"] == ""
    over = row(told(*live(), asked, cancelled("o1", 2, "halted")), "orders")
    assert (over["status"], over["cancelling"], over["rule"]) == ("cancelled", "", "halted")


def test_an_order_whose_venue_owes_an_answer_for_too_long_says_since_when() -> None:
    overdue = orders.OrderOverdue("o1", "c-o1", START, MINUTE, 0)
    log = told(*live()[:3], orders.OrderUnknown("o1", "c-o1", START, "no answer"), overdue)
    order = row(log, "orders")
    assert (order["status"], order["overdue_at"]) == ("unknown", START + 5 * MINUTE)


def test_every_word_to_and_from_a_venue_has_a_row_and_every_field_a_column() -> None:
    record = [shape for name, shape in EVENTS.items() if name.startswith("venues.")]
    assert set(record) == set(BY_NAME["venue_reports"].reads)
    found = rows(told(*(sample(shape) for shape in record)), "venue_reports")
    assert len({line["kind"] for line in found}) == len(record)
    by_kind = {line["kind"]: line for line in found}
    assert by_kind["sending"]["request"] in ("submit", "cancel")
    assert by_kind["reconciled"]["strangers"].startswith("[")


def test_a_trade_that_a_venue_tells_twice_is_shown_twice() -> None:
    trade = venue_samples.traded("buy", 1, 99)
    assert [line["trade_id"] for line in rows(told(trade, trade), "venue_reports")] == ["t1", "t1"]


def test_a_fill_told_twice_is_folded_once_and_shown_twice() -> None:
    fill = filled("buy", 1, 100, leaves=1)
    log = told(*live(), fill, fill)
    assert len(rows(log, "fills")) == 1
    assert row(log, "orders")["filled_quantity"] == "1"
    assert [r["kind"] for r in rows(log, "order_events")].count("order_filled") == 2


def test_one_trade_id_at_two_venues_is_two_fills() -> None:
    elsewhere = replace(filled("buy", 1, 100), venue="OTHER")
    assert len(rows(told(filled("buy", 1, 100), elsewhere), "fills")) == 2


def test_a_fill_has_its_value_rounded_to_what_a_column_holds() -> None:
    exact = row(told(filled("buy", "0.3", "33333.3")), "fills")
    assert exact["value"] == "9999.99"
    fine = row(told(filled("buy", "0.0000000001", "0.0000000015")), "fills")
    assert fine["value"] == "0"
    half = row(told(filled("buy", "0.000000001", "0.0000000015")), "fills")
    assert half["value"] == "0.000000000000000002"  # 1.5e-18, half to even


def test_a_small_amount_is_written_without_an_exponent() -> None:
    fee = row(told(filled("buy", "0.00000001", "0.0000001", fee="-0.00000025")), "fills")
    assert fee["quantity"] == "0.00000001"
    assert (fee["price"], fee["fee"]) == ("0.0000001", "-0.00000025")
    assert fee["value"] == "0.000000000000001"
    event = replace(position(1), fees_other={"BTC": Decimal("0.00000001")})
    assert row(told(event), "positions")["fees_other"] == '{"BTC":"0.00000001"}'


def test_a_name_that_looks_like_an_exponent_stays_as_it_is() -> None:
    signal = row(told(trade_signal(quantity="1E-7", id="STYLE-7", strategy="1E-7")), "signals")
    assert (signal["signal_id"], signal["strategy"]) == ("STYLE-7", "1E-7")
    assert signal["quantity"] == "0.0000001"


def test_a_position_holds_the_totals_after_its_last_change() -> None:
    held = row(told(position(1, fees="0.1"), position(0, realised="5.5", fees="0.2")), "positions")
    assert (held["quantity"], held["realised"], held["fees"]) == ("0", "5.5", "0.2")
    assert held["changes"] == 2


def test_positions_are_kept_apart_by_book_strategy_venue_and_instrument() -> None:
    log = told(position(1), position(2, strategy="hmm"), position(3, instrument="ETHUSDT.PAPER"))
    log.say(position(4), book="other")
    assert sorted(r["quantity"] for r in rows(log, "positions")) == ["1", "2", "3", "4"]


def test_fees_in_other_currencies_are_kept_as_a_document() -> None:
    event = replace(position(1), fees_other={"BNB": Decimal("0.01"), "ADA": Decimal(3)})
    assert row(told(event), "positions")["fees_other"] == '{"ADA":"3","BNB":"0.01"}'


def test_an_equity_mark_is_a_row() -> None:
    mark = row(told(equity("100000.123", unpriced=["X.PAPER"])), "equity")
    assert (mark["equity"], mark["unpriced"]) == ("100000.123", '["X.PAPER"]')
    assert mark["cash_by_currency"] == '{"USDT":"100000.123"}'


def test_every_limit_has_a_column() -> None:
    columns = {column.name: column for column in BY_NAME["limits"].columns}
    for name in LimitsSet.__struct_fields__:
        assert name in columns, name
    assert columns["order_notional_max"].kind == "amount"
    assert columns["price_age_max"].kind == "integer"
    assert columns["breaker_flattens"].kind == "flag"
    assert columns["performance_scope"].kind == "text"


def test_limits_keep_numbers_words_and_lists() -> None:
    event = stories.limits(order_notional_max="1000.5", instruments_allowed=["B.PAPER", "A.PAPER"])
    found = row(told(event), "limits")
    assert found["order_notional_max"] == "1000.5"
    assert found["exposure_net_max"] is None
    assert found["instruments_allowed"] == '["B.PAPER","A.PAPER"]'
    assert found["performance_scope"] == "close_only"
    assert found["trading_enabled"] is True
    assert limits.initial().trading_enabled is False  # the blank row allows nothing


def test_limits_are_read_from_the_contracts_own_types() -> None:
    assert set(get_type_hints(LimitsSet)) >= set(LimitsSet.__struct_fields__)


def test_a_halt_and_its_acknowledgements_are_found_by_the_halts_id() -> None:
    log = FactLog()
    (halt,) = log.say(governance.HaltRequested("ann", "news", "close_only"))
    log.say(governance.HaltAcknowledged(halt.id, "close_only", 3), source="fill")
    (resume,) = log.say(governance.ResumeRequested("ann", "over", reset_counters=True))
    log.say(governance.ResumeAcknowledged(resume.id), source="risk")
    found = rows(log, "halts")
    assert [(r["kind"], r["halt_id"]) for r in found] == [
        ("requested", halt.id),
        ("acknowledged", halt.id),
        ("resume_requested", resume.id),
        ("resume_acknowledged", resume.id),
    ]
    assert (found[0]["actor"], found[1]["open_orders"], found[1]["source"]) == ("ann", 3, "fill")
    assert found[2]["reset_counters"] is True


def test_every_other_word_about_halting_is_kept_too() -> None:
    imposed = governance.HaltImposed(
        "close_only", "drawdown_max", Decimal("0.2"), Decimal("0.21"), "e1-0", "deep", START + 9
    )
    log = told(
        imposed,
        governance.FlattenRequested("ann", "out", "X.PAPER"),
        governance.CancelRequested("ann", "off", "o1"),
        governance.LogDamaged("log.desk.risk.events", "not a commit"),
    )
    found = rows(log, "halts")
    assert [r["kind"] for r in found] == [
        "imposed",
        "flatten_requested",
        "cancel_requested",
        "log_damaged",
    ]
    assert (found[0]["rule"], found[0]["measured"], found[0]["until"]) == (
        "drawdown_max",
        "0.21",
        START + 9,
    )
    assert (found[1]["instrument"], found[2]["order_id"]) == ("X.PAPER", "o1")
    assert found[3]["scope"] == "all"


def test_an_instrument_stands_as_listed_last() -> None:
    from deadreckon.contracts.instruments import InstrumentDelisted

    gone = InstrumentDelisted(stories.INSTRUMENT, "ann", "renamed")
    found = row(told(listed(tick="0.1"), listed(tick="0.5"), gone), "instruments")
    assert (found["tick_size"], found["listed"], found["reason"]) == ("0.5", False, "renamed")


def test_cash_moves_with_its_sign() -> None:
    log = told(
        deposit("10.5"),
        portfolio.CashWithdrawn("USDT", Decimal(3), "ann", "rent"),
        portfolio.FeeCharged("ext", "X.PAPER", Decimal("0.25"), "USDT", "ann", "late"),
        portfolio.FundingPaid(
            "ext", "PAPER", "X.PAPER", Decimal("-1.5"), "USDT", Decimal("0.0001")
        ),
    )
    found = rows(log, "cash")
    assert [(r["kind"], r["amount"]) for r in found] == [
        ("deposit", "10.5"),
        ("withdrawal", "-3"),
        ("fee", "-0.25"),
        ("funding", "-1.5"),
    ]


def test_twenty_eight_digits_and_more_survive_a_change_of_sign() -> None:
    long = Decimal("123456789012345.123456789012345678")
    log = told(portfolio.CashWithdrawn("USDT", long, "ann", "all of it"))
    assert row(log, "cash")["amount"] == f"-{long}"
