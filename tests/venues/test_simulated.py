"""Each way in which the exchange misbehaves, seen through the adapter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from deadreckon.runtime.process.loopback import LOOPBACK, listen_on_loopback
from deadreckon.venues.port import (
    DuplicateError,
    MalformedReportError,
    OrderStatus,
    RejectedError,
    ThrottledError,
    TradePage,
    UnansweredError,
    Venue,
    VenueTrade,
)
from deadreckon.venues.simulated.adapter import SimulatedVenue, parse_report
from deadreckon.venues.simulated.exchange.faults import (
    NOT_DONE,
    FaultKind,
    FaultPlan,
    FaultRule,
    Faults,
    garbage,
)
from tests.conftest import PATIENCE
from tests.support.exchange_orders import (
    KEY,
    START,
    RunningExchange,
    all_trades,
    handle,
    order_request,
    running_exchange,
    seconds_after_start,
)

ONE = order_request("one", quantity="0.001")  # a single lot: one trade, at once
LATE_SECONDS = 2.0  # of an answer: half of it is enough for the question to arrive


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningExchange]:
    async with running_exchange(tmp_path) as opened:
        yield opened


def test_the_adapter_is_a_venue() -> None:
    venue: Venue = SimulatedVenue("http://127.0.0.1:1", KEY)
    assert venue is not None


async def test_an_undisturbed_order_is_accepted_traded_and_told(running: RunningExchange) -> None:
    name = await running.venue.submit(ONE)
    status = await running.venue.query(handle("one"))
    assert status == OrderStatus("one", name, Decimal("0.001"), False, None, "")
    [trade] = await all_trades(running.venue)
    assert (trade.symbol, trade.client_order_id, trade.side) == ("BTCUSD", "one", "buy")
    assert await running.venue.trades_since("1") == TradePage([], "1", complete=True)
    assert await running.venue.query(handle("another")) is None


@pytest.mark.parametrize(
    "fault", ["late", "error_before", "error_after", "drop_before", "drop_after", "down"]
)
async def test_an_answer_that_nobody_saw_is_unanswered_and_asking_tells(
    running: RunningExchange, fault: FaultKind
) -> None:
    await running.admin.disturb(Faults(rules=[FaultRule(fault, "submit", seconds=LATE_SECONDS)]))
    hasty = SimulatedVenue(running.venue._url, KEY, timeout=LATE_SECONDS / 2)
    with pytest.raises(UnansweredError):
        await (hasty if fault == "late" else running.venue).submit(ONE)
    await hasty.close()
    await _up_again(running)
    status = await running.venue.query(handle("one"))
    assert (status is None) == (fault in NOT_DONE)
    assert await running.admin.fault_counts() == {fault: 1}
    if status is None:
        await running.venue.submit(ONE)
    else:
        with pytest.raises(DuplicateError):
            await running.venue.submit(ONE)
    assert len(await all_trades(running.venue)) == 1


async def test_asking_too_often_is_told_with_the_seconds_to_wait(running: RunningExchange) -> None:
    await running.admin.disturb(Faults(rules=[FaultRule("rate_limit", "submit", seconds=2.5)]))
    with pytest.raises(ThrottledError) as found:
        await running.venue.submit(ONE)
    assert found.value.wait == 2.5
    assert await running.venue.query(handle("one")) is None


async def test_an_answer_that_cannot_be_read_is_never_believed(running: RunningExchange) -> None:
    await running.venue.submit(ONE)
    for _ in range(30):  # request numbers choose among the kinds of garbage
        await running.admin.disturb(Faults(plan=FaultPlan("x", {"garbage_answer": 1_000_000})))
        with pytest.raises(MalformedReportError) as found:
            await running.venue.query(handle("one"))
        assert len(found.value.evidence) <= 512
        with pytest.raises(MalformedReportError):
            await running.venue.query(handle("another"))
        with pytest.raises(MalformedReportError):
            await running.venue.trades_since("")
        with pytest.raises(MalformedReportError):
            await running.venue.positions()
        with pytest.raises(MalformedReportError):
            await running.venue.balances()
        with pytest.raises(MalformedReportError):
            await running.venue.advance(START)


async def test_a_wrong_key_learns_nothing(running: RunningExchange) -> None:
    url = running.venue._url
    stranger = SimulatedVenue(url, "another key", timeout=PATIENCE)
    with pytest.raises(UnansweredError, match="401"):
        await stranger.submit(ONE)
    with pytest.raises(UnansweredError, match="401"):
        await stranger.query(handle("one"))
    await stranger.close()
    assert (await running.admin.truth()).requests == {}


async def test_an_exchange_that_is_down_refuses_connections_and_comes_back(
    running: RunningExchange,
) -> None:
    await running.admin.disturb(Faults(down=0))
    await running.servers.shut.wait()
    with pytest.raises(UnansweredError, match="ClientConnectorError"):
        await running.venue.submit(ONE)
    await running.admin.disturb(Faults())
    await _up_again(running)
    assert await running.venue.query(handle("one")) is None


async def test_nothing_is_asked_twice_by_the_adapter_itself(running: RunningExchange) -> None:
    await running.venue.submit(ONE)
    faults: list[FaultKind] = ["drop_before", "drop_after", "error_before"]
    for fault in faults:
        await running.admin.disturb(Faults(rules=[FaultRule(fault, "query")]))
        with pytest.raises(UnansweredError):
            await running.venue.query(handle("one"))
    requests = (await running.admin.truth()).requests["one"]
    assert [asked["request"] for asked in requests] == ["submit", "query", "query", "query"]


async def test_many_trades_come_page_by_page_and_all_of_them(running: RunningExchange) -> None:
    for number in range(40):
        await running.venue.submit(order_request(f"many{number}", quantity="0.1"))
    await running.venue.advance(seconds_after_start(60))
    trades = await all_trades(running.venue)
    assert len({trade.trade_id for trade in trades}) == len(trades)
    assert sum(trade.quantity for trade in trades) == 4
    assert (await running.venue.trades_since("10")).trades == trades[10:]
    assert await running.venue.positions() == {"BTCUSD": Decimal(4)}


# --- What is pushed -------------------------------------------------------------------------------


async def test_reports_follow_the_answer_in_order(running: RunningExchange) -> None:
    async with _listening(running) as reports:
        await running.venue.submit(ONE)
        told = await reports.take(3)
        assert [_what(report) for report in told] == ["open", "trade", "ended"]


async def test_reports_come_twice(running: RunningExchange) -> None:
    async with _listening(running) as reports:
        await running.admin.disturb(Faults(rules=[FaultRule("fills_twice")]))
        await running.venue.submit(ONE)
        told = await reports.take(6)
        assert [_what(report) for report in told] == [
            "open", "open", "trade", "trade", "ended", "ended",
        ]  # fmt: skip


async def test_reports_come_out_of_order(running: RunningExchange) -> None:
    async with _listening(running) as reports:
        await running.admin.disturb(Faults(rules=[FaultRule("out_of_order")]))
        await running.venue.submit(ONE)
        await running.venue.submit(order_request("two", quantity="0.001"))
        told = await reports.take(6)
        assert [(report.client_order_id, _what(report)) for report in told] == [
            ("two", "open"), ("two", "trade"), ("two", "ended"),
            ("one", "ended"), ("one", "trade"), ("one", "open"),
        ]  # fmt: skip


async def test_a_fill_is_reported_before_the_order_is_acknowledged(
    running: RunningExchange,
) -> None:
    async with _listening(running) as reports:
        await running.admin.disturb(Faults(rules=[FaultRule("before_ack", seconds=0.2)]))
        asking = asyncio.create_task(running.venue.submit(ONE))
        told = await reports.take(3)
        assert not asking.done()
        assert _what(told[1]) == "trade"
        await asking


async def test_what_was_withheld_comes_when_the_client_comes_back(running: RunningExchange) -> None:
    async with _listening(running) as reports:
        await running.admin.disturb(Faults(rules=[FaultRule("withhold")]))
        await running.venue.submit(ONE)
        await running.venue.submit(order_request("two", quantity="0.001"))
        told = await reports.take(3)
        assert {report.client_order_id for report in told} == {"two"}
    async with _listening(running) as reports:
        told = await reports.take(3)
        assert {report.client_order_id for report in told} == {"one"}


async def test_a_report_that_cannot_be_read_is_never_believed(running: RunningExchange) -> None:
    for number in range(20):
        async with _listening(running) as reports:
            await running.admin.disturb(Faults(rules=[FaultRule("garbage_report")]))
            await running.venue.submit(order_request(f"g{number}", quantity="0.001"))
            with pytest.raises(MalformedReportError):
                await reports.take(1)


async def test_reports_end_when_the_exchange_goes_down(running: RunningExchange) -> None:
    async with _listening(running) as reports:
        await running.admin.disturb(Faults(down=0))
        with pytest.raises(StopAsyncIteration):
            await reports.take(1)
    await running.admin.disturb(Faults())


# --- What no exchange of ours would say -----------------------------------------------------------


GOOD_TRADE: dict[str, Any] = {
    "place": 1,
    "trade_id": "t",
    "client_order_id": "one",
    "symbol": "BTCUSD",
    "side": "buy",
    "quantity": "1",
    "price": "2",
    "liquidity": "taker",
    "fee": "-0.5",
    "fee_currency": "USD",
    "traded_at": START,
}
GOOD_STANDING: dict[str, Any] = {
    "client_order_id": "two",
    "venue_order_id": "v",
    "filled": "0.5",
    "open": True,
    "outcome": None,
    "reason": "",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": "0"},
        {"quantity": "-1"},
        {"quantity": "NaN"},
        {"quantity": "Infinity"},
        {"quantity": "1e5"},
        {"quantity": 1},
        {"quantity": "1\n"},
        {"quantity": "\u0661"},
        {"price": "0"},
        {"price": "1" * 16},
        {"fee": "0." + "1" * 19},
        {"side": "Buy"},
        {"place": 2},
        {"place": 0},
        {"place": 2**63},
        {"traded_at": -1},
        {"trade_id": ""},
        {"liquidity": None},
        {"unheard": 1},
    ],
    ids=str,
)
async def test_a_trade_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    async with _saying({"trades": [GOOD_TRADE | wrong]}) as venue:
        with pytest.raises(MalformedReportError):
            await venue.trades_since("")


async def test_an_answer_about_another_order_is_refused() -> None:
    async with _saying(GOOD_STANDING) as venue:
        with pytest.raises(MalformedReportError, match="one"):
            await venue.query(handle("one"))
        with pytest.raises(MalformedReportError):
            await venue.submit(ONE)


async def test_amounts_are_canonical_wherever_they_come_from() -> None:
    async with _saying({"balances": {"USD": "100.500", "EUR": "-0.0"}}) as venue:
        balances = await venue.balances()
    assert {name: str(amount) for name, amount in balances.items()} == {
        "USD": "100.5", "EUR": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"Retry-After": "3"}, 3), ({}, 1), ({"Retry-After": "nan"}, 1), ({"Retry-After": "1e9"}, 60)],
)
async def test_the_time_to_wait_is_always_a_sensible_one(
    header: dict[str, str], seconds: float
) -> None:
    async with _saying({}, status=429, headers=header) as venue:
        with pytest.raises(ThrottledError) as found:
            await venue.balances()
    assert found.value.wait == seconds


async def test_a_refusal_by_an_unknown_name_is_no_refusal() -> None:
    async with _saying({"code": "whatever", "reason": ""}, status=400) as venue:
        with pytest.raises(MalformedReportError):
            await venue.submit(ONE)
    async with _saying({"code": "tick_size", "reason": "x"}, status=400) as venue:
        with pytest.raises(RejectedError):
            await venue.submit(ONE)


@given(st.integers(0, 10**6), st.sampled_from([b'{"trades":[]}', b'{"orders":[]}', b'{"at":5}']))
def test_garbage_differs_from_what_it_is_made_of(number: int, content: bytes) -> None:
    assert garbage(number, content) != content


REPORTS = [
    msgspec.json.encode({"type": "trade"} | GOOD_TRADE),
    msgspec.json.encode({"type": "order"} | GOOD_STANDING),
]


@settings(max_examples=200)
@given(
    st.sampled_from(REPORTS),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=4),
    st.binary(max_size=20),
)
def test_a_spoiled_report_is_read_or_refused_and_nothing_else(
    report: bytes, spoils: list[tuple[int, bytes]], tail: bytes
) -> None:
    for place, what in spoils:
        place %= len(report) + 1
        report = report[:place] + what + report[place + len(what) :]
    for content in (report, report + tail, tail):
        with suppress(MalformedReportError):
            told = parse_report(content)
            amount = told.quantity if isinstance(told, VenueTrade) else told.filled
            assert amount.is_finite()
            assert amount >= 0


class _Reports:
    """What was pushed, taken as it comes."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self._coming = venue.reports()

    async def take(self, count: int) -> list[VenueTrade | OrderStatus]:
        return [await asyncio.wait_for(anext(self._coming), PATIENCE) for _ in range(count)]


class _listening:  # noqa: N801 - reads as a function
    """`async with _listening(running) as reports:` once the exchange knows that we listen."""

    def __init__(self, running: RunningExchange) -> None:
        self._running = running
        self._venue = SimulatedVenue(running.venue._url, KEY, timeout=PATIENCE)

    async def __aenter__(self) -> _Reports:
        reports = _Reports(self._venue)
        first = asyncio.ensure_future(reports.take(1))
        await asyncio.wait_for(self._running.servers.exchange.reports.has_listener.wait(), PATIENCE)
        return _Ahead(first, reports)

    async def __aexit__(self, *_: object) -> None:
        await self._venue.close()
        await asyncio.wait_for(self._running.servers.exchange.reports.no_listener.wait(), PATIENCE)


class _Ahead(_Reports):
    """The first report is waited for already: asking is what opens the connection."""

    def __init__(
        self, first: "asyncio.Future[list[VenueTrade | OrderStatus]]", rest: _Reports
    ) -> None:
        self._first: asyncio.Future[list[VenueTrade | OrderStatus]] | None = first
        self._rest = rest

    async def take(self, count: int) -> list[VenueTrade | OrderStatus]:
        taken: list[VenueTrade | OrderStatus] = []
        if self._first is not None:
            first, self._first = self._first, None
            taken += await asyncio.wait_for(first, PATIENCE)
        return taken + await self._rest.take(count - len(taken))


class _saying:  # noqa: N801 - reads as a function
    """`async with _saying(answer) as venue:` a server that answers everything so."""

    def __init__(
        self, answer: Any, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        async def handle(request: web.Request) -> web.Response:
            if request.query.get("since", "0") != "0":
                return web.json_response({"trades": []})
            return web.json_response(answer, status=status, headers=headers)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)

    async def __aenter__(self) -> SimulatedVenue:
        listening = listen_on_loopback(0)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()
        self._venue = SimulatedVenue(
            f"http://{LOOPBACK}:{listening.getsockname()[1]}", KEY, timeout=PATIENCE
        )
        return self._venue

    async def __aexit__(self, *_: object) -> None:
        await self._venue.close()
        await self._runner.cleanup()


def _what(report: VenueTrade | OrderStatus) -> str:
    if isinstance(report, VenueTrade):
        return "trade"
    return "open" if report.open else "ended"


async def _up_again(running: RunningExchange) -> None:
    for _ in range(300):
        try:
            await running.venue.balances()
            return
        except UnansweredError:
            await asyncio.sleep(0.01)
    raise AssertionError("it never came back")
