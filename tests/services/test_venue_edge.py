"""The venue edge: recorded before it leaves, asked before it is sent again, never sent twice."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.contracts.dedup import RecentKeys, find
from deadreckon.contracts.governance import HaltRequested, ResumeRequested
from deadreckon.runtime.log.domain import FencedOutError
from deadreckon.runtime.service.snapshots import Snapshots
from deadreckon.services.venue.in_flight import EndedOrder
from deadreckon.venues.port import OrderHandle, OrderStatus
from tests.support.venue_driver import (
    AFTER,
    BEFORE,
    GARBAGE,
    SECOND,
    THROTTLED,
    EdgeDriver,
    FakeVenue,
    cancelling,
    configured,
    intent,
)

DAY_SECONDS = 86_400
SUBMITTED = ["RequestSending submit", "OrderAccepted"]


@pytest.fixture
async def desk() -> AsyncIterator[EdgeDriver]:
    opened = await EdgeDriver(FakeVenue()).open()
    yield opened
    await opened.closed()


def submits(desk: EdgeDriver) -> list[str]:
    return [name for request, name in desk.venue.sent if request == "submit"]


async def test_a_request_is_in_the_log_before_it_leaves(desk: EdgeDriver) -> None:
    seen: list[list[str]] = []
    submit = desk.venue.submit

    async def looking(ticket: Any) -> str:
        seen.append([type(record.event).__name__ for record in desk.record()])
        return await submit(ticket)

    desk.venue.submit = looking  # type: ignore[method-assign]
    await desk.fill(intent("a"), intent("b"))
    await desk.turn()
    sending = ["VenueReconciled", "VenueRequestSending", "VenueRequestSending"]
    assert [told[:3] for told in seen] == [sending, sending]


async def test_an_order_is_sent_and_its_trades_are_recorded_in_one_turn(desk: EdgeDriver) -> None:
    await desk.fill(intent("a"))
    assert await desk.turn() == ["Reconciled", *SUBMITTED, "TradeReported"]
    assert await desk.turn() == []
    assert submits(desk) == ["a"]


async def test_the_orders_of_other_venues_are_left_alone(desk: EdgeDriver) -> None:
    await desk.fill(intent("a", venue="PAPER"))
    assert await desk.turn() == ["Reconciled"]
    assert submits(desk) == []


@pytest.mark.parametrize("fault", [AFTER, GARBAGE])
async def test_an_unanswered_submit_is_asked_about_and_not_sent_again(
    desk: EdgeDriver, fault: str
) -> None:
    desk.venue.faults["submit"] = [fault]
    await desk.fill(intent("a"))
    told = [name for name in await desk.turn() if not name.startswith("ReportRefused")]
    assert told[1:] == [
        "RequestSending submit",
        "RequestUnanswered submit",
        "OrderAccepted",
        "TradeReported",
    ]
    assert submits(desk) == ["a"]


async def test_what_never_got_there_is_sent_again_under_the_same_name(desk: EdgeDriver) -> None:
    desk.venue.faults["submit"] = [BEFORE]
    await desk.fill(intent("a"))
    assert (await desk.turn())[1:] == [
        "RequestSending submit",
        "RequestUnanswered submit",
        "OrderMissing",
        *SUBMITTED,
        "TradeReported",
    ]
    assert submits(desk) == ["a", "a"]


async def test_a_query_without_an_answer_is_asked_until_there_is_one(desk: EdgeDriver) -> None:
    desk.venue.faults = {"submit": [AFTER], "query": [BEFORE, BEFORE, GARBAGE]}
    await desk.fill(intent("a"))
    await desk.turn()
    assert submits(desk) == ["a"]
    assert [request for request, _ in desk.venue.sent].count("query") == 4


async def test_a_venue_that_has_seen_the_id_is_asked_for_the_order_behind_it(
    desk: EdgeDriver,
) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.venue.submit(_sent_before("a"))
    assert (await desk.turn())[1:] == SUBMITTED
    assert len(desk.venue.orders) == 1


def _sent_before(name: str) -> Any:
    from deadreckon.services.venue.in_flight import InFlightOrder
    from deadreckon.services.venue.requests import _order_request

    return _order_request(InFlightOrder(intent(name, limit=90), "id", "root", 1))


async def test_throttling_costs_time_and_nothing_else(desk: EdgeDriver) -> None:
    desk.venue.faults = {"submit": [THROTTLED], "trades": [THROTTLED]}
    await desk.fill(intent("a"))
    told = await desk.turn()
    assert "RequestUnanswered submit" not in told
    assert told[-2:] == ["OrderAccepted", "TradeReported"]
    assert len(desk.venue.orders) == 1


async def test_what_the_venue_refuses_is_rejected_with_its_own_code(desk: EdgeDriver) -> None:
    desk.venue.refuses = {"a"}
    await desk.fill(intent("a"))
    assert (await desk.turn())[1:] == ["RequestSending submit", "OrderRejected no_money"]


async def test_a_cancel_tells_how_the_order_ended(desk: EdgeDriver) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.turn()
    desk.venue.fill("a", Decimal("0.5"))
    await desk.fill(cancelling("a"))
    assert await desk.turn() == ["RequestSending cancel", "OrderEnded", "TradeReported"]
    ended = next(record.event for record in desk.record() if "Ended" in type(record.event).__name__)
    assert ended.filled == Decimal("0.5")


async def test_a_cancel_that_came_too_late_is_rejected_and_the_trades_are_told(
    desk: EdgeDriver,
) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.turn()
    desk.venue.fill("a")
    await desk.fill(cancelling("a"))
    assert await desk.turn() == ["RequestSending cancel", "CancelRejected", "TradeReported"]
    assert await desk.turn() == []


@pytest.mark.parametrize("fault", [BEFORE, AFTER, THROTTLED, GARBAGE])
async def test_an_unanswered_cancel_is_tried_until_the_order_is_gone(
    desk: EdgeDriver, fault: str
) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.turn()
    desk.venue.faults["cancel"] = [fault]
    await desk.fill(cancelling("a"))
    assert (await desk.turn())[-1] == "OrderEnded"
    assert not desk.venue.orders["a"].open


async def test_what_was_cancelled_before_it_left_does_not_leave(desk: EdgeDriver) -> None:
    await desk.fill(intent("a"), cancelling("a"))
    assert (await desk.turn())[1:] == ["OrderNotSent cancelled_before_send"]
    assert submits(desk) == []


async def test_what_ran_out_of_time_does_not_leave(desk: EdgeDriver) -> None:
    await desk.fill(intent("a", expires_at=desk.now))
    assert (await desk.turn())[1:] == ["OrderNotSent expired_before_send"]


async def test_a_halt_behind_the_edges_place_is_obeyed_before_anything_leaves(
    desk: EdgeDriver,
) -> None:
    await desk.fill(intent("a"))
    upto = desk.log.last
    await desk.operator(HaltRequested("ann", "smoke", "all"))
    await desk.edge.take_turn(upto)
    assert desk.edge.position == upto
    assert [record.event.rule for record in desk.record() if hasattr(record.event, "rule")] == [
        "halted"
    ]
    assert submits(desk) == []


async def test_a_resume_counts_only_at_its_place(desk: EdgeDriver) -> None:
    await desk.operator(HaltRequested("ann", "smoke", "all"))
    await desk.fill(intent("a"))
    upto = desk.log.last
    await desk.operator(ResumeRequested("ann", "fine"))
    await desk.edge.take_turn(upto)
    assert submits(desk) == []
    await desk.turn()
    await desk.fill(intent("b"))
    await desk.turn()
    assert submits(desk) == ["b"]


async def test_halts_let_pass_what_they_let_pass_in_fill(desk: EdgeDriver) -> None:
    await desk.operator(HaltRequested("ann", "smoke", "close_only"))
    await desk.fill(intent("entry"), intent("exit", reduce_only=True))
    await desk.turn()
    await desk.operator(HaltRequested("ann", "fire", "all"))
    await desk.fill(
        intent("another-exit", reduce_only=True),
        intent("stop", reduce_only=True, purpose="stop_loss", limit=80),
        intent("flat", reduce_only=True, purpose="flatten"),
    )
    await desk.turn()
    assert submits(desk) == ["exit", "stop", "flat"]


async def test_a_halt_never_stops_a_cancel(desk: EdgeDriver) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.turn()
    await desk.operator(HaltRequested("ann", "fire", "all"))
    await desk.fill(cancelling("a"))
    assert "OrderEnded" in await desk.turn()


async def test_a_resend_that_a_halt_overtakes_is_not_sent(desk: EdgeDriver) -> None:
    desk.venue.faults["submit"] = [BEFORE]
    await desk.fill(intent("a"))
    upto = desk.log.last
    query = desk.venue.query

    async def halting(order: OrderHandle) -> OrderStatus | None:
        await desk.operator(HaltRequested("ann", "fire", "all"))
        return await query(order)

    desk.venue.query = halting  # type: ignore[method-assign]
    await desk.edge.take_turn(upto)
    assert submits(desk) == ["a"]
    assert not desk.venue.orders
    assert type(desk.record()[-1].event).__name__ == "VenueOrderNotSent"


async def test_a_request_that_was_given_up_and_arrives_after_all_is_told(desk: EdgeDriver) -> None:
    """Fill then cancels it; what it trades until then counts."""
    desk.venue.faults["submit"] = [BEFORE]
    await desk.fill(intent("a", limit=90))
    query = desk.venue.query

    async def cancelled_meanwhile(order: OrderHandle) -> OrderStatus | None:
        await desk.fill(cancelling("a"))
        await desk.edge._journal.read(desk.log.last)
        return await query(order)

    desk.venue.query = cancelled_meanwhile  # type: ignore[method-assign]
    assert (await desk.turn())[-1] == "OrderNotSent cancelled_before_send"
    del desk.venue.query
    await desk.venue.submit(_sent_before("a"))
    await desk.tick()
    assert await desk.turn() == ["OrderAccepted"]
    await desk.born()
    await desk.fill(cancelling("a"))
    assert (await desk.turn())[-2:] == ["RequestSending cancel", "OrderEnded"]
    assert desk.edge.state.abandoned == {}


async def test_an_edge_that_comes_back_asks_before_it_sends(desk: EdgeDriver) -> None:
    """The old one died between its record and the reply: the venue may have the order, or not."""
    desk.venue.faults["submit"] = [AFTER]
    desk.venue.query = _dies  # type: ignore[method-assign]
    await desk.fill(intent("a"), intent("b"))
    with pytest.raises(InterruptedError):
        await desk.turn()
    del desk.venue.query
    await desk.born()
    assert submits(desk) == ["a"]
    await desk.turn()
    asked = [(request, name) for request, name in desk.venue.sent if name]
    assert asked == [("submit", "a"), ("query", "a"), ("query", "b"), ("submit", "b")]
    assert len(desk.venue.told) == 2


async def _dies(order: OrderHandle) -> OrderStatus | None:
    raise InterruptedError


async def test_recall_sends_nothing_and_folds_what_life_folded(desk: EdgeDriver) -> None:
    desk.venue.faults = {"submit": [AFTER], "cancel": [BEFORE]}
    await desk.fill(intent("a", limit=90), intent("b", limit=91), intent("c"))
    await desk.turn()
    desk.venue.fill("b", Decimal(1))
    await desk.tick()
    await desk.fill(cancelling("a"), intent("d", limit=80))
    await desk.turn()
    lived = desk.edge._journal.state
    sent = list(desk.venue.sent)
    await desk.born()
    assert desk.venue.sent == sent
    assert desk.edge._journal.state == lived
    assert lived.numbered == len(desk.venue.told)
    assert set(lived.orders) == {"b", "d"}


async def test_a_standby_stands_where_the_instance_at_work_stands(desk: EdgeDriver) -> None:
    await desk.fill(intent("a", limit=90), intent("b"))
    await desk.turn()
    working, feed = desk.edge, desk.feed
    await desk.born()
    standby = desk.edge
    await desk.fill(cancelling("a"), intent("c", limit=80))
    await desk.tick()
    await working.take_turn(desk.log.last)
    await desk.tick()
    await working.take_turn(desk.log.last)
    wanted = await working.state_at_commit()
    await desk.feed.reach(desk.log.last)
    for message in desk.feed.since(standby.position):
        standby.follow_recorded(message)
    assert await standby.state_at_commit() == wanted
    assert submits(desk) == ["a", "b", "c"]

    await standby.replay()
    await desk.fill(intent("d"))
    await standby.take_turn(desk.log.last)
    assert submits(desk)[3:] == ["d"]
    await feed.stop()


async def test_a_snapshot_spares_the_log_and_changes_nothing(
    desk: EdgeDriver, tmp_path: Path
) -> None:
    desk.snapshots = Snapshots(tmp_path)
    await desk.born()
    await desk.fill(intent("a", limit=90), *(intent(f"o{number}") for number in range(300)))
    await desk.turn()
    await desk.edge.rest()
    await desk.tick()
    await desk.fill(cancelling("a"), intent("late", limit=80))
    await desk.turn()
    lived, sent = desk.edge.state, list(desk.venue.sent)
    await desk.born()
    assert desk.started == 3  # all that was read; what came of it is in the snapshot
    assert desk.edge.state == lived
    assert desk.venue.sent == sent


async def test_a_start_finds_trades_strangers_and_orders_that_ended(desk: EdgeDriver) -> None:
    await desk.fill(intent("a", limit=90), intent("b", limit=91))
    await desk.turn()
    desk.venue.fill("a")
    desk.venue.end("b", "the venue wanted it so")
    await desk.venue.submit(_sent_before("stranger"))
    desk.venue.fill("stranger", Decimal(1))
    await desk.born()
    told = await desk.turn()
    assert told == ["OrderEnded", "TradeReported", "ForeignTradeReported", "Reconciled"]
    reconciled = desk.record()[-1].event
    assert (reconciled.orders_asked, reconciled.trades_found) == (2, 2)
    assert reconciled.strangers == ["stranger"]
    assert reconciled.balances == {"USD": Decimal(1000)}
    assert reconciled.positions == {"BTCUSD": Decimal(2)}
    assert reconciled.cursor == "2"


async def test_an_external_order_without_an_id_of_a_client_is_named_by_the_venues(
    desk: EdgeDriver,
) -> None:
    desk.venue.orders[""] = OrderStatus("", "X17", Decimal(0), True, None, "")
    assert await desk.turn() == ["Reconciled"]
    assert desk.record()[-1].event.strangers == ["X17"]


async def test_a_venue_that_is_away_is_said_once_and_nothing_is_sent_meanwhile(
    desk: EdgeDriver,
) -> None:
    desk.venue.faults["trades"] = [BEFORE] * 5
    await desk.fill(intent("a"))
    told = await desk.turn()
    assert told[:2] == ["ConnectionChanged", "ConnectionChanged"]
    assert [record.event.connected for record in desk.record()[:2]] == [False, True]
    assert told.count("ConnectionChanged") == 2
    assert submits(desk) == ["a"]


async def test_a_broken_venue_does_not_fill_the_log(desk: EdgeDriver) -> None:
    desk.venue.faults["trades"] = [GARBAGE] * 6
    told = await desk.turn()
    assert told.count("ReportRefused malformed") == 1


async def test_whatever_traded_is_told_and_fill_is_to_judge_it(desk: EdgeDriver) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.turn()
    desk.venue.print_trade("a", "buy", Decimal(3))
    desk.venue.print_trade("a", "sell", Decimal(1))
    desk.venue.print_trade("a", "buy", Decimal(0))
    await desk.tick()
    assert await desk.turn() == ["TradeReported"] * 2 + ["ReportRefused impossible_amount"]
    await desk.tick()
    assert await desk.turn() == []


async def test_trades_come_page_by_page_and_each_page_moves_the_cursor(desk: EdgeDriver) -> None:
    desk.venue.page = 2
    await desk.fill(*(intent(f"o{number}") for number in range(5)))
    told = await desk.turn()
    assert told.count("TradeReported") == 5
    trades = [it.event for it in desk.record() if type(it.event).__name__ == "VenueTradeReported"]
    assert [trade.number for trade in trades] == [1, 2, 3, 4, 5]
    assert [trade.cursor for trade in trades] == ["", "2", "", "4", "5"]


async def test_a_crash_within_a_page_asks_for_it_again_and_records_no_trade_twice(
    desk: EdgeDriver,
) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.turn()
    desk.venue.fill("a", Decimal(1))
    await desk.tick()
    await desk.turn()
    desk.edge.state.cursor = ""  # as if the end of the page had not been recorded
    desk.venue.fill("a")
    await desk.tick()
    assert await desk.turn() == ["TradeReported"]
    trades = [it.event for it in desk.record() if type(it.event).__name__ == "VenueTradeReported"]
    assert [(trade.trade_id, trade.number) for trade in trades] == [("t1", 1), ("t2", 2)]


async def test_what_ended_is_forgotten_after_seven_days_of_log_time(desk: EdgeDriver) -> None:
    desk.venue.faults["submit"] = [AFTER]
    await desk.fill(intent("a"))
    await desk.turn()
    state = desk.edge.state
    await desk.tick(7 * DAY_SECONDS)
    await desk.turn()
    assert find(state.past, "a") == EndedOrder("order-a", "SIM")
    assert find(state.trades, "t1") is True
    await desk.tick(DAY_SECONDS)
    await desk.turn()
    assert (state.past, state.trades) == (RecentKeys(), RecentKeys())


async def test_a_liquidation_is_recorded_with_all_its_figures(desk: EdgeDriver) -> None:
    trade = desk.venue.print_trade("", "sell", Decimal(3))
    desk.venue.told[-1] = msgspec.structs.replace(trade, origin="liquidation")
    assert await desk.turn() == ["ForeignTradeReported", "Reconciled"]
    foreign = desk.record()[0].event
    assert (foreign.origin, foreign.symbol, foreign.side) == ("liquidation", "BTCUSD", "sell")
    assert (foreign.quantity, foreign.price, foreign.cursor) == (Decimal(3), Decimal(100), "1")
    await desk.born()
    assert await desk.turn() == ["Reconciled"]


async def test_a_standing_that_contradicts_itself_is_no_answer(desk: EdgeDriver) -> None:
    desk.venue.faults["submit"] = [AFTER]
    query = desk.venue.query
    tries: list[str] = []

    async def contradicting(order: OrderHandle) -> OrderStatus | None:
        tries.append(order.client_order_id)
        standing = await query(order)
        assert standing is not None
        return msgspec.structs.replace(standing, outcome="expired") if len(tries) < 3 else standing

    desk.venue.query = contradicting  # type: ignore[method-assign]
    await desk.fill(intent("a", limit=90))
    told = [name for name in await desk.turn() if name != "ConnectionChanged"]
    assert told[-3:] == ["RequestUnanswered submit", "ReportRefused malformed", "OrderAccepted"]
    assert submits(desk) == ["a"]


async def test_whoever_is_fenced_out_sends_no_more(desk: EdgeDriver) -> None:
    await desk.turn()
    old = desk.edge
    await desk.born()
    await desk.fill(intent("a"))
    await desk.turn()
    await desk.fill(intent("b"))
    with pytest.raises(FencedOutError):
        await old.take_turn(desk.log.last)
    assert submits(desk) == ["a"]


async def test_an_order_of_a_venue_that_was_given_another_edge_is_seen_through(
    desk: EdgeDriver,
) -> None:
    await desk.fill(intent("a", limit=90))
    await desk.turn()
    await desk.operator(configured(edge=""))
    await desk.fill(intent("b"), cancelling("a"))
    assert "OrderEnded" in await desk.turn()
    assert submits(desk) == ["a"]


async def test_ids_do_not_depend_on_how_often_the_edge_died(desk: EdgeDriver) -> None:
    await desk.fill(intent("a"))
    await desk.turn()
    first = {record.id for record in desk.record()}
    assert len(first) == len(desk.record())
    assert {record.cause for record in desk.record()[1:]} == {"fill-2-0"}
    assert desk.now % SECOND == 0
