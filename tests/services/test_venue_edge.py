"""The venue edge: recorded before it leaves, asked before it is sent again, never sent twice."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.contracts.dedup import find
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
async def driver() -> AsyncIterator[EdgeDriver]:
    opened = await EdgeDriver(FakeVenue()).open()
    yield opened
    await opened.closed()


def submits(driver: EdgeDriver) -> list[str]:
    return [name for request, name in driver.venue.sent if request == "submit"]


async def test_a_request_is_in_the_log_before_it_leaves(driver: EdgeDriver) -> None:
    seen: list[list[str]] = []
    submit = driver.venue.submit

    async def looking(ticket: Any) -> str:
        seen.append([type(record.event).__name__ for record in driver.record()])
        return await submit(ticket)

    driver.venue.submit = looking  # type: ignore[method-assign]
    await driver.fill(intent("a"), intent("b"))
    await driver.turn()
    sending = ["VenueReconciled", "VenueRequestSending", "VenueRequestSending"]
    assert [told[:3] for told in seen] == [sending, sending]


async def test_an_order_is_sent_and_its_trades_are_recorded_in_one_turn(driver: EdgeDriver) -> None:
    await driver.fill(intent("a"))
    assert await driver.turn() == ["Reconciled", *SUBMITTED, "TradeReported"]
    assert await driver.turn() == []
    assert submits(driver) == ["a"]


async def test_the_orders_of_other_venues_are_left_alone(driver: EdgeDriver) -> None:
    await driver.fill(intent("a", venue="PAPER"))
    assert await driver.turn() == ["Reconciled"]
    assert submits(driver) == []


@pytest.mark.parametrize("fault", [AFTER, GARBAGE])
async def test_an_unanswered_submit_is_asked_about_and_not_sent_again(
    driver: EdgeDriver, fault: str
) -> None:
    driver.venue.faults["submit"] = [fault]
    await driver.fill(intent("a"))
    told = [name for name in await driver.turn() if not name.startswith("ReportRefused")]
    assert told[1:] == [
        "RequestSending submit",
        "RequestUnanswered submit",
        "OrderAccepted",
        "TradeReported",
    ]
    assert submits(driver) == ["a"]


async def test_what_never_got_there_is_sent_again_under_the_same_name(driver: EdgeDriver) -> None:
    driver.venue.faults["submit"] = [BEFORE]
    await driver.fill(intent("a"))
    assert (await driver.turn())[1:] == [
        "RequestSending submit",
        "RequestUnanswered submit",
        "OrderMissing",
        *SUBMITTED,
        "TradeReported",
    ]
    assert submits(driver) == ["a", "a"]


async def test_a_query_without_an_answer_is_asked_until_there_is_one(driver: EdgeDriver) -> None:
    driver.venue.faults = {"submit": [AFTER], "query": [BEFORE, BEFORE, GARBAGE]}
    await driver.fill(intent("a"))
    await driver.turn()
    assert submits(driver) == ["a"]
    assert [request for request, _ in driver.venue.sent].count("query") == 4


async def test_a_venue_that_has_seen_the_id_is_asked_for_the_order_behind_it(
    driver: EdgeDriver,
) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.venue.submit(_sent_before("a"))
    assert (await driver.turn())[1:] == SUBMITTED
    assert len(driver.venue.orders) == 1


def _sent_before(name: str) -> Any:
    from deadreckon.services.venue.in_flight import InFlightOrder
    from deadreckon.services.venue.requests import _order_request

    return _order_request(InFlightOrder(intent(name, limit=90), "id", "root", 1))


async def test_throttling_costs_time_and_nothing_else(driver: EdgeDriver) -> None:
    driver.venue.faults = {"submit": [THROTTLED], "trades": [THROTTLED]}
    await driver.fill(intent("a"))
    told = await driver.turn()
    assert "RequestUnanswered submit" not in told
    assert told[-2:] == ["OrderAccepted", "TradeReported"]
    assert len(driver.venue.orders) == 1


async def test_what_the_venue_refuses_is_rejected_with_its_own_code(driver: EdgeDriver) -> None:
    driver.venue.refuses = {"a"}
    await driver.fill(intent("a"))
    assert (await driver.turn())[1:] == ["RequestSending submit", "OrderRejected no_money"]


async def test_a_cancel_tells_how_the_order_ended(driver: EdgeDriver) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.turn()
    driver.venue.fill("a", Decimal("0.5"))
    await driver.fill(cancelling("a"))
    assert await driver.turn() == ["RequestSending cancel", "OrderEnded", "TradeReported"]
    ended = next(
        record.event for record in driver.record() if "Ended" in type(record.event).__name__
    )
    assert ended.filled == Decimal("0.5")


async def test_a_cancel_that_came_too_late_is_rejected_and_the_trades_are_told(
    driver: EdgeDriver,
) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.turn()
    driver.venue.fill("a")
    await driver.fill(cancelling("a"))
    assert await driver.turn() == ["RequestSending cancel", "CancelRejected", "TradeReported"]
    assert await driver.turn() == []


@pytest.mark.parametrize("fault", [BEFORE, AFTER, THROTTLED, GARBAGE])
async def test_an_unanswered_cancel_is_tried_until_the_order_is_gone(
    driver: EdgeDriver, fault: str
) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.turn()
    driver.venue.faults["cancel"] = [fault]
    await driver.fill(cancelling("a"))
    assert (await driver.turn())[-1] == "OrderEnded"
    assert not driver.venue.orders["a"].open


async def test_what_was_cancelled_before_it_left_does_not_leave(driver: EdgeDriver) -> None:
    await driver.fill(intent("a"), cancelling("a"))
    assert (await driver.turn())[1:] == ["OrderNotSent cancelled_before_send"]
    assert submits(driver) == []


async def test_what_ran_out_of_time_does_not_leave(driver: EdgeDriver) -> None:
    await driver.fill(intent("a", expires_at=driver.now))
    assert (await driver.turn())[1:] == ["OrderNotSent expired_before_send"]


async def test_a_halt_behind_the_edges_place_is_obeyed_before_anything_leaves(
    driver: EdgeDriver,
) -> None:
    await driver.fill(intent("a"))
    upto = driver.log.last
    await driver.operator(HaltRequested("ann", "smoke", "all"))
    await driver.edge.take_turn(upto)
    assert driver.edge.position == upto
    assert [record.event.rule for record in driver.record() if hasattr(record.event, "rule")] == [
        "halted"
    ]
    assert submits(driver) == []


async def test_a_resume_counts_only_at_its_place(driver: EdgeDriver) -> None:
    await driver.operator(HaltRequested("ann", "smoke", "all"))
    await driver.fill(intent("a"))
    upto = driver.log.last
    await driver.operator(ResumeRequested("ann", "fine"))
    await driver.edge.take_turn(upto)
    assert submits(driver) == []
    await driver.turn()
    await driver.fill(intent("b"))
    await driver.turn()
    assert submits(driver) == ["b"]


async def test_halts_let_pass_what_they_let_pass_in_fill(driver: EdgeDriver) -> None:
    await driver.operator(HaltRequested("ann", "smoke", "close_only"))
    await driver.fill(intent("entry"), intent("exit", reduce_only=True))
    await driver.turn()
    await driver.operator(HaltRequested("ann", "fire", "all"))
    await driver.fill(
        intent("another-exit", reduce_only=True),
        intent("stop", reduce_only=True, purpose="stop_loss", limit=80),
        intent("flat", reduce_only=True, purpose="flatten"),
    )
    await driver.turn()
    assert submits(driver) == ["exit", "stop", "flat"]


async def test_a_halt_never_stops_a_cancel(driver: EdgeDriver) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.turn()
    await driver.operator(HaltRequested("ann", "fire", "all"))
    await driver.fill(cancelling("a"))
    assert "OrderEnded" in await driver.turn()


async def test_a_resend_that_a_halt_overtakes_is_not_sent(driver: EdgeDriver) -> None:
    driver.venue.faults["submit"] = [BEFORE]
    await driver.fill(intent("a"))
    upto = driver.log.last
    query = driver.venue.query

    async def halting(order: OrderHandle) -> OrderStatus | None:
        await driver.operator(HaltRequested("ann", "fire", "all"))
        return await query(order)

    driver.venue.query = halting  # type: ignore[method-assign]
    await driver.edge.take_turn(upto)
    assert submits(driver) == ["a"]
    assert not driver.venue.orders
    assert type(driver.record()[-1].event).__name__ == "VenueOrderNotSent"


async def test_a_request_that_was_given_up_and_arrives_after_all_is_told(
    driver: EdgeDriver,
) -> None:
    """Fill then cancels it; what it trades until then counts."""
    driver.venue.faults["submit"] = [BEFORE]
    await driver.fill(intent("a", limit=90))
    query = driver.venue.query

    async def cancelled_meanwhile(order: OrderHandle) -> OrderStatus | None:
        await driver.fill(cancelling("a"))
        await driver.edge._journal.read(driver.log.last)
        return await query(order)

    driver.venue.query = cancelled_meanwhile  # type: ignore[method-assign]
    assert (await driver.turn())[-1] == "OrderNotSent cancelled_before_send"
    del driver.venue.query
    await driver.venue.submit(_sent_before("a"))
    await driver.tick()
    assert await driver.turn() == ["OrderAccepted"]
    await driver.born()
    await driver.fill(cancelling("a"))
    assert (await driver.turn())[-2:] == ["RequestSending cancel", "OrderEnded"]
    assert driver.edge.state.abandoned == {}


async def test_an_edge_that_comes_back_asks_before_it_sends(driver: EdgeDriver) -> None:
    """The old one died between its record and the reply: the venue may have the order, or not."""
    driver.venue.faults["submit"] = [AFTER]
    driver.venue.query = _dies  # type: ignore[method-assign]
    await driver.fill(intent("a"), intent("b"))
    with pytest.raises(InterruptedError):
        await driver.turn()
    del driver.venue.query
    await driver.born()
    assert submits(driver) == ["a"]
    await driver.turn()
    asked = [(request, name) for request, name in driver.venue.sent if name]
    assert asked == [("submit", "a"), ("query", "a"), ("query", "b"), ("submit", "b")]
    assert len(driver.venue.told) == 2


async def _dies(order: OrderHandle) -> OrderStatus | None:
    raise InterruptedError


async def test_recall_sends_nothing_and_folds_what_life_folded(driver: EdgeDriver) -> None:
    driver.venue.faults = {"submit": [AFTER], "cancel": [BEFORE]}
    await driver.fill(intent("a", limit=90), intent("b", limit=91), intent("c"))
    await driver.turn()
    driver.venue.fill("b", Decimal(1))
    await driver.tick()
    await driver.fill(cancelling("a"), intent("d", limit=80))
    await driver.turn()
    lived = driver.edge._journal.state
    sent = list(driver.venue.sent)
    await driver.born()
    assert driver.venue.sent == sent
    assert driver.edge._journal.state == lived
    assert lived.numbered == len(driver.venue.told)
    assert set(lived.orders) == {"b", "d"}


async def test_a_standby_stands_where_the_instance_at_work_stands(driver: EdgeDriver) -> None:
    await driver.fill(intent("a", limit=90), intent("b"))
    await driver.turn()
    working, feed = driver.edge, driver.feed
    await driver.born()
    standby = driver.edge
    await driver.fill(cancelling("a"), intent("c", limit=80))
    await driver.tick()
    await working.take_turn(driver.log.last)
    await driver.tick()
    await working.take_turn(driver.log.last)
    wanted = await working.state_at_commit()
    await driver.feed.reach(driver.log.last)
    for message in driver.feed.since(standby.position):
        standby.follow_recorded(message)
    assert await standby.state_at_commit() == wanted
    assert submits(driver) == ["a", "b", "c"]

    await standby.replay()
    await driver.fill(intent("d"))
    await standby.take_turn(driver.log.last)
    assert submits(driver)[3:] == ["d"]
    await feed.stop()


async def test_a_snapshot_spares_the_log_and_changes_nothing(
    driver: EdgeDriver, tmp_path: Path
) -> None:
    driver.snapshots = Snapshots(tmp_path)
    await driver.born()
    await driver.fill(intent("a", limit=90), *(intent(f"o{number}") for number in range(300)))
    await driver.turn()
    await driver.edge.rest()
    await driver.tick()
    await driver.fill(cancelling("a"), intent("late", limit=80))
    await driver.turn()
    lived, sent = driver.edge.state, list(driver.venue.sent)
    await driver.born()
    assert driver.started == 3  # all that was read; what came of it is in the snapshot
    assert driver.edge.state == lived
    assert driver.venue.sent == sent


async def test_a_start_finds_trades_strangers_and_orders_that_ended(driver: EdgeDriver) -> None:
    await driver.fill(intent("a", limit=90), intent("b", limit=91))
    await driver.turn()
    driver.venue.fill("a")
    driver.venue.end("b", "the venue wanted it so")
    await driver.venue.submit(_sent_before("stranger"))
    driver.venue.fill("stranger", Decimal(1))
    await driver.born()
    told = await driver.turn()
    assert told == ["OrderEnded", "TradeReported", "ForeignTradeReported", "Reconciled"]
    reconciled = driver.record()[-1].event
    assert (reconciled.orders_asked, reconciled.trades_found) == (2, 2)
    assert reconciled.strangers == ["stranger"]
    assert reconciled.balances == {"USD": Decimal(1000)}
    assert reconciled.positions == {"BTCUSD": Decimal(2)}
    assert reconciled.cursor == "2"


async def test_an_external_order_without_an_id_of_a_client_is_named_by_the_venues(
    driver: EdgeDriver,
) -> None:
    driver.venue.orders[""] = OrderStatus("", "X17", Decimal(0), True, None, "")
    assert await driver.turn() == ["Reconciled"]
    assert driver.record()[-1].event.strangers == ["X17"]


async def test_a_venue_that_is_away_is_said_once_and_nothing_is_sent_meanwhile(
    driver: EdgeDriver,
) -> None:
    driver.venue.faults["trades"] = [BEFORE] * 5
    await driver.fill(intent("a"))
    told = await driver.turn()
    assert told[:2] == ["ConnectionChanged", "ConnectionChanged"]
    assert [record.event.connected for record in driver.record()[:2]] == [False, True]
    assert told.count("ConnectionChanged") == 2
    assert submits(driver) == ["a"]


async def test_a_broken_venue_does_not_fill_the_log(driver: EdgeDriver) -> None:
    driver.venue.faults["trades"] = [GARBAGE] * 6
    told = await driver.turn()
    assert told.count("ReportRefused malformed") == 1


async def test_whatever_traded_is_told_and_fill_is_to_judge_it(driver: EdgeDriver) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.turn()
    driver.venue.print_trade("a", "buy", Decimal(3))
    driver.venue.print_trade("a", "sell", Decimal(1))
    driver.venue.print_trade("a", "buy", Decimal(0))
    await driver.tick()
    assert await driver.turn() == ["TradeReported"] * 2 + ["ReportRefused impossible_amount"]
    await driver.tick()
    assert await driver.turn() == []


async def test_trades_come_page_by_page_and_each_page_moves_the_cursor(driver: EdgeDriver) -> None:
    driver.venue.page = 2
    await driver.fill(*(intent(f"o{number}") for number in range(5)))
    told = await driver.turn()
    assert told.count("TradeReported") == 5
    trades = [it.event for it in driver.record() if type(it.event).__name__ == "VenueTradeReported"]
    assert [trade.number for trade in trades] == [1, 2, 3, 4, 5]
    assert [trade.cursor for trade in trades] == ["", "2", "", "4", "5"]


async def test_a_crash_within_a_page_asks_for_it_again_and_records_no_trade_twice(
    driver: EdgeDriver,
) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.turn()
    driver.venue.fill("a", Decimal(1))
    await driver.tick()
    await driver.turn()
    driver.edge.state.cursor = ""  # as if the end of the page had not been recorded
    driver.venue.fill("a")
    await driver.tick()
    assert await driver.turn() == ["TradeReported"]
    trades = [it.event for it in driver.record() if type(it.event).__name__ == "VenueTradeReported"]
    assert [(trade.trade_id, trade.number) for trade in trades] == [("t1", 1), ("t2", 2)]


async def test_what_ended_is_forgotten_after_seven_days_of_log_time(driver: EdgeDriver) -> None:
    driver.venue.faults["submit"] = [AFTER]
    await driver.fill(intent("a"))
    await driver.turn()
    state = driver.edge.state
    await driver.tick(7 * DAY_SECONDS)
    await driver.turn()
    assert find(state.past, "a") == EndedOrder("order-a", "SIM")
    assert find(state.trades, "t1") is True
    await driver.tick(DAY_SECONDS)
    await driver.turn()
    for seen in (state.past, state.trades):
        assert seen.days == {}
        assert sum(map(len, seen.aside.values())) == 1  # one day's, in case time is taken back


async def test_a_liquidation_is_recorded_with_all_its_figures(driver: EdgeDriver) -> None:
    trade = driver.venue.print_trade("", "sell", Decimal(3))
    driver.venue.told[-1] = msgspec.structs.replace(trade, origin="liquidation")
    assert await driver.turn() == ["ForeignTradeReported", "Reconciled"]
    foreign = driver.record()[0].event
    assert (foreign.origin, foreign.symbol, foreign.side) == ("liquidation", "BTCUSD", "sell")
    assert (foreign.quantity, foreign.price, foreign.cursor) == (Decimal(3), Decimal(100), "1")
    await driver.born()
    assert await driver.turn() == ["Reconciled"]


async def test_a_standing_that_contradicts_itself_is_no_answer(driver: EdgeDriver) -> None:
    driver.venue.faults["submit"] = [AFTER]
    query = driver.venue.query
    tries: list[str] = []

    async def contradicting(order: OrderHandle) -> OrderStatus | None:
        tries.append(order.client_order_id)
        standing = await query(order)
        assert standing is not None
        return msgspec.structs.replace(standing, outcome="expired") if len(tries) < 3 else standing

    driver.venue.query = contradicting  # type: ignore[method-assign]
    await driver.fill(intent("a", limit=90))
    told = [name for name in await driver.turn() if name != "ConnectionChanged"]
    assert told[-3:] == ["RequestUnanswered submit", "ReportRefused malformed", "OrderAccepted"]
    assert submits(driver) == ["a"]


async def test_whoever_is_fenced_out_sends_no_more(driver: EdgeDriver) -> None:
    await driver.turn()
    old = driver.edge
    await driver.born()
    await driver.fill(intent("a"))
    await driver.turn()
    await driver.fill(intent("b"))
    with pytest.raises(FencedOutError):
        await old.take_turn(driver.log.last)
    assert submits(driver) == ["a"]


async def test_an_order_of_a_venue_that_was_given_another_edge_is_seen_through(
    driver: EdgeDriver,
) -> None:
    await driver.fill(intent("a", limit=90))
    await driver.turn()
    await driver.operator(configured(edge=""))
    await driver.fill(intent("b"), cancelling("a"))
    assert "OrderEnded" in await driver.turn()
    assert submits(driver) == ["a"]


async def test_ids_do_not_depend_on_how_often_the_edge_died(driver: EdgeDriver) -> None:
    await driver.fill(intent("a"))
    await driver.turn()
    first = {record.id for record in driver.record()}
    assert len(first) == len(driver.record())
    assert {record.cause for record in driver.record()[1:]} == {"fill-2-0"}
    assert driver.now % SECOND == 0
