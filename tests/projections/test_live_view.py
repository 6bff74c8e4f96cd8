"""What a person watches: the fold behind the live view."""

from decimal import Decimal
from typing import Any, get_type_hints

import msgspec

from deadreckon.contracts import governance, orders, signals, venues
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.fields import Side
from deadreckon.projections.live_view import live_view
from deadreckon.projections.live_view.downsample import POINTS_MAX
from deadreckon.projections.live_view.lines import RECENT_LINES, LiveView
from deadreckon.projections.live_view.live_view import LiveViewFold, book_figures
from tests import stories
from tests.stories import HOUR, MINUTE, START, at, bar, deposit, filled, listed, reporting

DESK = (listed(kind="perpetual"), reporting(), deposit(1_000))


def told(*events: Event | Recorded[Any], board_before: LiveView | None = None) -> LiveView:
    """The board after these events, a minute apart."""
    found = board_before or live_view.initial()
    when = max(found.at, START)
    for number, event in enumerate(events):
        when += MINUTE
        record = event if isinstance(event, Recorded) else at(event, when, id=f"{when}.{number}")
        found = live_view.evolve(found, record)
    return found


def submitted(order: str, side: Side = "buy", **more: Any) -> orders.OrderSubmitting:
    fields: dict[str, Any] = {
        "parent_id": order,
        "client_order_id": order,
        "signal_id": "s1",
        "producer": "",
        "strategy": "ext",
        "instrument": stories.INSTRUMENT,
        "venue": "PAPER",
        "symbol": "BTCUSDT",
        "quantity": Decimal(1),
        "order_type": "market",
        "limit_price": None,
        "stop_price": None,
        "time_in_force": "gtc",
        "post_only": False,
        "reduce_only": False,
        "purpose": "entry",
    }
    return orders.OrderSubmitting(order_id=order, side=side, **(fields | more))


def refused(rule: str = "order_notional_max", **numbers: Any) -> signals.SignalRefused:
    limit, measured = numbers.get("limit"), numbers.get("measured")
    return signals.SignalRefused(
        "s1", "", "ext", stories.INSTRUMENT, rule, limit, measured, None, "the order is too big"
    )


def test_equity_is_cash_and_what_is_unrealised_at_the_last_price() -> None:
    found = told(*DESK, filled("buy", 2, 100, fee=1), bar(90))

    now = book_figures(found)

    assert (now.equity, now.cash) == (Decimal(979), Decimal(999))
    assert (now.earned, now.earned_share) == (Decimal(-21), Decimal("-0.021"))
    assert now.currency == "USDT"


def test_drawdown_is_taken_from_the_highest_equity_that_was_marked() -> None:
    peak = msgspec.structs.replace(_marked(), peak=Decimal(2_000))

    found = told(*DESK, peak, bar(90))

    assert book_figures(found).drawdown == Decimal("0.5")


def _marked() -> Any:
    from deadreckon.contracts.portfolio import EquityMarked

    nothing = {
        name: Decimal(0) for name, kind in get_type_hints(EquityMarked).items() if kind is Decimal
    }
    return EquityMarked(currency="USDT", cash_by_currency={}, unpriced=[], **nothing)


def test_a_position_shows_its_average_its_mark_and_what_it_would_earn() -> None:
    found = told(*DESK, filled("buy", 2, 100), bar(110))

    (held,) = live_view.positions(found)

    figures = (held.quantity, held.average_price, held.mark, held.unrealised)
    assert [str(figure) for figure in figures] == ["2", "100", "110", "20"]


def test_flat_positions_come_last() -> None:
    found = told(
        *DESK,
        filled("buy", 1, 100, strategy="a", id="t1"),
        filled("sell", 1, 110, strategy="a", id="t2"),
        filled("buy", 1, 110, strategy="b", id="t3"),
    )

    assert [held.strategy for held in live_view.positions(found)] == ["b", "a"]


def test_a_fill_told_twice_is_shown_and_counted_once() -> None:
    found = told(*DESK, submitted("o1"), filled("buy", 1, 100), filled("buy", 1, 100))

    assert found.fills == 1
    assert len(found.recent_fills) == 1


def test_an_order_is_followed_from_its_intent_to_its_end() -> None:
    found = told(*DESK, submitted("o1", quantity=Decimal(2), limit_price=Decimal(99)))
    assert _latest(found) == ("submitting", 2, 99)

    told(orders.OrderAccepted("o1", "v1"), board_before=found)
    assert _latest(found) == ("open", 2, 99)

    told(filled("buy", 1, 98, leaves=1), board_before=found)
    assert _latest(found) == ("partly filled", 1, 98)

    told(filled("buy", 1, 97, id="t2"), board_before=found)
    assert _latest(found) == ("filled", 0, 97)
    assert found.open_orders == {}


def _latest(found: LiveView) -> tuple[Any, ...]:
    (order,) = live_view.latest_orders(found, 1)
    return order.status, order.leaves, order.price


def test_a_cancelled_order_says_which_rule_ended_it() -> None:
    end = orders.OrderCancelled("o1", Decimal(1), "sibling_filled", "")

    found = told(*DESK, submitted("o1"), end)

    (order,) = live_view.latest_orders(found, 5)
    assert (order.status, order.rule) == ("cancelled", "sibling_filled")


def test_the_latest_orders_come_newest_first_whether_open_or_ended() -> None:
    end = orders.OrderExpired("o2", Decimal(1))

    found = told(*DESK, submitted("o1"), submitted("o2"), submitted("o3"), end)

    assert [order.order_id for order in live_view.latest_orders(found, 2)] == ["o3", "o2"]


def test_a_refusal_keeps_both_its_numbers_and_is_counted_by_rule() -> None:
    found = told(refused(limit=Decimal(1_000), measured=Decimal(1_100)), refused("known_price"))

    assert found.refusals == 2
    assert found.refusals_by_rule == {"order_notional_max": 1, "known_price": 1}
    first = found.recent_refusals[0]
    assert (str(first.measured), str(first.limit)) == ("1100", "1000")


def test_a_halt_is_in_force_until_a_resume_and_names_who_obeys() -> None:
    halt = at(governance.HaltRequested("ann", "feed looks wrong", "all"), id="h1")

    found = told(halt, at(governance.HaltAcknowledged("h1", "all", 0), id="h2"))
    (shown,) = live_view.halts_in_force(found)
    assert (shown.imposed_by, shown.scope, shown.acknowledged) == ("ann", "all", ("test",))

    told(governance.ResumeRequested("ann", "checked"), board_before=found)
    assert live_view.halts_in_force(found) == []


def test_a_halt_with_an_end_lifts_by_itself() -> None:
    until = START + HOUR
    halt = governance.HaltImposed("close_only", "drawdown_max", None, None, None, "", until)

    found = told(*DESK, halt, at(bar(100), until - 1))
    assert len(live_view.halts_in_force(found)) == 1

    told(at(bar(100), until), board_before=found)
    assert live_view.halts_in_force(found) == []


def test_the_curve_thins_itself_and_still_spans_everything() -> None:
    found = told(*DESK)
    for minute in range(5_000):
        live_view.evolve(found, at(bar(100 + minute), START + minute * MINUTE))

    points = found.curve.points
    assert POINTS_MAX // 3 < len(points) <= POINTS_MAX
    assert points[0].price == 100
    assert points[-1].at > START + 4_900 * MINUTE


def test_memory_is_bounded_however_much_happens() -> None:
    found = told(*DESK)
    for number in range(500):
        order, trade = f"o{number}", f"t{number}"
        told(submitted(order), filled("buy", 1, 100, order=order, id=trade), board_before=found)
        told(refused(), board_before=found)

    assert found.orders == found.fills == found.refusals == 500
    assert found.open_orders == {}
    kept = (found.ended_orders, found.recent_fills, found.recent_refusals)
    assert [len(lines) for lines in kept] == [RECENT_LINES] * 3


def test_the_view_knows_its_place_though_a_message_has_no_facts() -> None:
    view = LiveViewFold()

    view.fold(1, [at(deposit(5))])
    view.fold(2, [])

    assert (view.sequence, view.board.events) == (2, 1)


def test_an_order_that_a_venue_is_asked_to_cancel_says_so_until_it_is_gone() -> None:
    asked = orders.OrderCancelling("o1", "c1", "SIM", "halted", "why")
    fill = filled("buy", "0.4", 100, leaves="0.6")
    found = told(*DESK, submitted("o1"), asked, orders.OrderAccepted("o1", "v1"), fill)
    assert found.open_orders["o1"].status == "cancelling"
    found = told(venues.VenueCancelRejected("SIM", "o1", "c1", "no"), board_before=found)
    assert found.open_orders["o1"].status == "partly filled"
    found = told(
        asked, orders.OrderCancelled("o1", Decimal("0.6"), "halted", ""), board_before=found
    )
    assert (found.open_orders, found.ended_orders[0].rule) == ({}, "halted")


def test_a_venue_that_cannot_be_reached_stands_there_with_the_reason_until_it_can() -> None:
    found = told(venues.VenueConnectionChanged("SIM", connected=False, reason="refused"))
    assert found.unreachable == {"SIM": "refused"}
    found = told(
        venues.VenueConnectionChanged("SIM", connected=True, reason=""), board_before=found
    )
    assert found.unreachable == {}
