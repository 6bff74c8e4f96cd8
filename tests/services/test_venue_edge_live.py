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
async def driver() -> AsyncIterator[EdgeDriver]:
    opened = await EdgeDriver(FakeVenue()).open()
    opened.following = asyncio.create_task(opened.edge.follow())
    feed = opened.feed
    yield opened
    opened.following.cancel()
    await asyncio.gather(opened.following, return_exceptions=True)
    await feed.stop()
    await opened.closed()


def names(driver: EdgeDriver) -> list[str]:
    return [name_of(record) for record in driver.record()]


def trades(driver: EdgeDriver) -> list[str]:
    return [s.event.trade_id for s in driver.record() if isinstance(s.event, VenueTradeReported)]


async def sent(driver: EdgeDriver, *orders: str) -> None:
    """These limit orders are at the venue."""
    await driver.fill(*(intent(name, limit=90) for name in orders))
    await wait_until(lambda: names(driver).count("OrderAccepted") == len(orders), "acceptance")


async def test_it_reconciles_before_it_sends_anything(driver: EdgeDriver) -> None:
    await sent(driver, "a")
    assert names(driver) == ["Reconciled", "RequestSending submit", "OrderAccepted"]
    first = [request for request, _ in driver.venue.sent].index("submit")
    assert "balances" in [request for request, _ in driver.venue.sent[:first]]


async def test_a_pushed_trade_is_recorded_once_however_often_it_is_told(driver: EdgeDriver) -> None:
    await sent(driver, "a")
    trade = driver.venue.fill("a", Decimal(1))
    for _ in range(3):
        driver.venue.pushed.put_nowait(trade)
    await wait_until(lambda: trades(driver), "the trade")
    driver.venue.fill("a")
    await wait_until(lambda: len(trades(driver)) == 2, "the rest, by asking")
    assert trades(driver) == ["t1", "t2"]
    assert driver.edge.state.orders == {}


async def test_trades_out_of_order_leave_no_gap(driver: EdgeDriver) -> None:
    await sent(driver, "a")
    told = [driver.venue.fill("a", Decimal("0.5")) for _ in range(3)]
    driver.venue.pushed.put_nowait(told[2])
    await wait_until(lambda: len(trades(driver)) == 3, "all trades")
    assert sorted(trades(driver)) == ["t1", "t2", "t3"]
    assert (driver.edge.state.numbered, driver.edge.state.cursor) == (3, "3")


async def test_a_push_that_lies_hides_no_trade(driver: EdgeDriver) -> None:
    await sent(driver, "a")
    real = [driver.venue.fill("a", Decimal("0.5")) for _ in range(2)]
    driver.venue.pushed.put_nowait(structs.replace(real[0], trade_id="lie", price=Decimal(1)))
    await wait_until(lambda: len(trades(driver)) == 2, "both trades")
    assert trades(driver) == [trade.trade_id for trade in real]


async def test_a_trade_before_the_acknowledgement_is_no_surprise(driver: EdgeDriver) -> None:
    submit = driver.venue.submit

    async def slow(ticket: OrderRequest) -> str:
        name = await submit(ticket)
        driver.venue.pushed.put_nowait(driver.venue.fill(ticket.client_order_id, Decimal(1)))
        await wait_until(lambda: trades(driver), "the trade")
        return name

    driver.venue.submit = slow  # type: ignore[method-assign]
    await sent(driver, "a")
    assert names(driver)[1:] == ["RequestSending submit", "TradeReported", "OrderAccepted"]
    assert driver.edge.state.orders["a"].phase == "working"


async def test_garbage_that_is_pushed_is_refused_and_the_connection_made_anew(
    driver: EdgeDriver,
) -> None:
    await sent(driver, "a")
    driver.venue.pushed.put_nowait(MalformedReportError("no JSON", "<html>"))
    driver.venue.pushed.put_nowait(UnansweredError("gone"))
    driver.venue.pushed.put_nowait(driver.venue.fill("a"))
    await wait_until(lambda: trades(driver), "the trade")
    assert "ReportRefused malformed" in names(driver)


@pytest.mark.parametrize("fault", [BEFORE, AFTER, GARBAGE, THROTTLED])
async def test_orders_side_by_side_are_sent_once_each_whatever_fails(
    driver: EdgeDriver, fault: str
) -> None:
    driver.venue.faults = {"submit": ["", fault, fault, "", fault], "query": ["", fault]}
    everything = [f"o{number}" for number in range(20)]
    await sent(driver, *everything)
    assert sorted(driver.venue.orders) == sorted(everything)
    await driver.fill(*map(cancelling, everything))
    await wait_until(lambda: names(driver).count("OrderEnded") == 20, "the end of all")


async def test_a_slow_order_holds_up_no_other_and_no_halt(driver: EdgeDriver) -> None:
    submit, never = driver.venue.submit, asyncio.Event()

    async def slow(ticket: OrderRequest) -> str:
        if ticket.client_order_id == "slow":
            await never.wait()
        return await submit(ticket)

    driver.venue.submit = slow  # type: ignore[method-assign]
    await driver.fill(intent("slow"))
    await sent(driver, "a")
    await driver.operator(HaltRequested("ann", "fire", "all"))
    await driver.fill(intent("b"), cancelling("a"))
    await wait_until(lambda: {"OrderNotSent halted", "OrderEnded"} <= set(names(driver)), "both")
    assert "b" not in driver.venue.orders


async def test_a_venue_that_was_away_is_reconciled_before_the_next_order(
    driver: EdgeDriver,
) -> None:
    await sent(driver, "a")
    driver.venue.faults = {"trades": [BEFORE] * 4}
    driver.venue.fill("a", Decimal(1))
    await wait_until(lambda: names(driver).count("ConnectionChanged") == 2, "away, and back")
    await wait_until(lambda: names(driver).count("Reconciled") == 2, "another reconciliation")
    assert trades(driver) == ["t1"]


async def test_without_the_log_nothing_leaves(
    driver: EdgeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(driver, "a")
    away, append = asyncio.Event(), driver.edge.domain._bus.append

    async def unavailable(*_: object) -> int:
        away.set()
        raise UnavailableError("no quorum")

    monkeypatch.setattr(driver.edge.domain._bus, "append", unavailable)
    await driver.fill(intent("b", limit=80))
    await away.wait()
    assert "b" not in driver.venue.orders
    monkeypatch.setattr(driver.edge.domain._bus, "append", append)
    await wait_until(lambda: "b" in driver.venue.orders, "the order, once the log is back")


async def test_whoever_is_fenced_out_ends_and_sends_no_more(driver: EdgeDriver) -> None:
    await sent(driver, "a")
    await driver.born()
    await driver.edge.take_turn(driver.log.last)
    await driver.fill(intent("b", limit=80))
    with pytest.raises(FencedOutError):
        await asyncio.wait_for(driver.following, 10)
    assert "b" not in driver.venue.orders
