"""The venue edge beside a running clock: what is pushed is heard, what is not is asked for."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from msgspec import structs

from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.venues import VenueTradeReported
from deadreckon.runtime.log.bus import UnavailableError
from deadreckon.runtime.log.domain import FencedOutError
from deadreckon.venues.port import MalformedReportError, OrderRequest, UnansweredError
from tests.support.venue_driver import (
    AFTER,
    BEFORE,
    GARBAGE,
    THROTTLED,
    EdgeDriver,
    FakeVenue,
    cancelling,
    intent,
    name_of,
    wait_until,
)


@pytest.fixture
async def desk() -> AsyncIterator[EdgeDriver]:
    opened = await EdgeDriver(FakeVenue()).open()
    opened.following = asyncio.create_task(opened.edge.follow())
    feed = opened.feed
    yield opened
    opened.following.cancel()
    await asyncio.gather(opened.following, return_exceptions=True)
    await feed.stop()
    await opened.closed()


def names(desk: EdgeDriver) -> list[str]:
    return [name_of(record) for record in desk.record()]


def trades(desk: EdgeDriver) -> list[str]:
    return [s.event.trade_id for s in desk.record() if isinstance(s.event, VenueTradeReported)]


async def sent(desk: EdgeDriver, *orders: str) -> None:
    """These limit orders are at the venue."""
    await desk.fill(*(intent(name, limit=90) for name in orders))
    await wait_until(lambda: names(desk).count("OrderAccepted") == len(orders), "acceptance")


async def test_it_reconciles_before_it_sends_anything(desk: EdgeDriver) -> None:
    await sent(desk, "a")
    assert names(desk) == ["Reconciled", "RequestSending submit", "OrderAccepted"]
    first = [request for request, _ in desk.venue.sent].index("submit")
    assert "balances" in [request for request, _ in desk.venue.sent[:first]]


async def test_a_pushed_trade_is_recorded_once_however_often_it_is_told(desk: EdgeDriver) -> None:
    await sent(desk, "a")
    trade = desk.venue.fill("a", Decimal(1))
    for _ in range(3):
        desk.venue.pushed.put_nowait(trade)
    await wait_until(lambda: trades(desk), "the trade")
    desk.venue.fill("a")
    await wait_until(lambda: len(trades(desk)) == 2, "the rest, by asking")
    assert trades(desk) == ["t1", "t2"]
    assert desk.edge.state.orders == {}


async def test_trades_out_of_order_leave_no_gap(desk: EdgeDriver) -> None:
    await sent(desk, "a")
    told = [desk.venue.fill("a", Decimal("0.5")) for _ in range(3)]
    desk.venue.pushed.put_nowait(told[2])
    await wait_until(lambda: len(trades(desk)) == 3, "all trades")
    assert sorted(trades(desk)) == ["t1", "t2", "t3"]
    assert (desk.edge.state.numbered, desk.edge.state.cursor) == (3, "3")


async def test_a_push_that_lies_hides_no_trade(desk: EdgeDriver) -> None:
    await sent(desk, "a")
    real = [desk.venue.fill("a", Decimal("0.5")) for _ in range(2)]
    desk.venue.pushed.put_nowait(structs.replace(real[0], trade_id="lie", price=Decimal(1)))
    await wait_until(lambda: len(trades(desk)) == 2, "both trades")
    assert trades(desk) == [trade.trade_id for trade in real]


async def test_a_trade_before_the_acknowledgement_is_no_surprise(desk: EdgeDriver) -> None:
    submit = desk.venue.submit

    async def slow(ticket: OrderRequest) -> str:
        name = await submit(ticket)
        desk.venue.pushed.put_nowait(desk.venue.fill(ticket.client_order_id, Decimal(1)))
        await wait_until(lambda: trades(desk), "the trade")
        return name

    desk.venue.submit = slow  # type: ignore[method-assign]
    await sent(desk, "a")
    assert names(desk)[1:] == ["RequestSending submit", "TradeReported", "OrderAccepted"]
    assert desk.edge.state.orders["a"].phase == "working"


async def test_garbage_that_is_pushed_is_refused_and_the_connection_made_anew(
    desk: EdgeDriver,
) -> None:
    await sent(desk, "a")
    desk.venue.pushed.put_nowait(MalformedReportError("no JSON", "<html>"))
    desk.venue.pushed.put_nowait(UnansweredError("gone"))
    desk.venue.pushed.put_nowait(desk.venue.fill("a"))
    await wait_until(lambda: trades(desk), "the trade")
    assert "ReportRefused malformed" in names(desk)


@pytest.mark.parametrize("fault", [BEFORE, AFTER, GARBAGE, THROTTLED])
async def test_orders_side_by_side_are_sent_once_each_whatever_fails(
    desk: EdgeDriver, fault: str
) -> None:
    desk.venue.faults = {"submit": ["", fault, fault, "", fault], "query": ["", fault]}
    everything = [f"o{number}" for number in range(20)]
    await sent(desk, *everything)
    assert sorted(desk.venue.orders) == sorted(everything)
    await desk.fill(*map(cancelling, everything))
    await wait_until(lambda: names(desk).count("OrderEnded") == 20, "the end of all")


async def test_a_slow_order_holds_up_no_other_and_no_halt(desk: EdgeDriver) -> None:
    submit, never = desk.venue.submit, asyncio.Event()

    async def slow(ticket: OrderRequest) -> str:
        if ticket.client_order_id == "slow":
            await never.wait()
        return await submit(ticket)

    desk.venue.submit = slow  # type: ignore[method-assign]
    await desk.fill(intent("slow"))
    await sent(desk, "a")
    await desk.operator(HaltRequested("ann", "fire", "all"))
    await desk.fill(intent("b"), cancelling("a"))
    await wait_until(lambda: {"OrderNotSent halted", "OrderEnded"} <= set(names(desk)), "both")
    assert "b" not in desk.venue.orders


async def test_a_venue_that_was_away_is_reconciled_before_the_next_order(desk: EdgeDriver) -> None:
    await sent(desk, "a")
    desk.venue.faults = {"trades": [BEFORE] * 4}
    desk.venue.fill("a", Decimal(1))
    await wait_until(lambda: names(desk).count("ConnectionChanged") == 2, "away, and back")
    await wait_until(lambda: names(desk).count("Reconciled") == 2, "another reconciliation")
    assert trades(desk) == ["t1"]


async def test_without_the_log_nothing_leaves(
    desk: EdgeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(desk, "a")
    away, append = asyncio.Event(), desk.edge.domain._bus.append

    async def unavailable(*_: object) -> int:
        away.set()
        raise UnavailableError("no quorum")

    monkeypatch.setattr(desk.edge.domain._bus, "append", unavailable)
    await desk.fill(intent("b", limit=80))
    await away.wait()
    assert "b" not in desk.venue.orders
    monkeypatch.setattr(desk.edge.domain._bus, "append", append)
    await wait_until(lambda: "b" in desk.venue.orders, "the order, once the log is back")


async def test_whoever_is_fenced_out_ends_and_sends_no_more(desk: EdgeDriver) -> None:
    await sent(desk, "a")
    await desk.born()
    await desk.edge.take_turn(desk.log.last)
    await desk.fill(intent("b", limit=80))
    with pytest.raises(FencedOutError):
        await asyncio.wait_for(desk.following, 10)
    assert "b" not in desk.venue.orders
