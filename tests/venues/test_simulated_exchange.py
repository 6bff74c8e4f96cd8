"""The simulated exchange: what an order becomes there depends on seed and event time alone."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from deadreckon.venues.port import (
    DuplicateError,
    MalformedReportError,
    OrderRequest,
    RejectedError,
    ThrottledError,
    UnansweredError,
)
from deadreckon.venues.simulated.adapter import SimulatedVenue
from deadreckon.venues.simulated.exchange.account import ExchangeAccount, NewOrder
from deadreckon.venues.simulated.exchange.admin_client import AdminClient, GroundTruth
from deadreckon.venues.simulated.exchange.faults import FaultPlan, Faults
from deadreckon.venues.simulated.exchange.orders import (
    ExchangeOrder,
    RefusedError,
    next_trade_lots,
    planned_trades,
)
from deadreckon.venues.simulated.exchange.process import ExchangeFailedError, ExchangeProcess
from deadreckon.venues.simulated.exchange.store import ExchangeStore
from tests.support.exchange_orders import (
    START,
    SYMBOL,
    all_trades,
    handle,
    order_request,
    running_exchange,
    seconds_after_start,
)

# --- What an order becomes ------------------------------------------------------------------------


async def test_a_market_order_trades_at_the_price_of_its_own_time(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.venue.submit(order_request("whole", quantity="0.001"))
        [trade] = await all_trades(running.venue)
        assert trade.price == await running.admin.price("BTCUSD", START)
        assert (trade.traded_at, trade.liquidity) == (START, "taker")
        assert trade.fee == (trade.price * trade.quantity * Decimal("0.0005")).normalize()


async def test_an_order_trades_in_parts_as_the_clock_moves_on(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        name = _of_parts(3)
        await running.venue.submit(order_request(name, quantity="0.1"))
        assert len(await all_trades(running.venue)) == 1
        await running.venue.advance(seconds_after_start(60))
        trades = await all_trades(running.venue)
        assert [trade.quantity for trade in trades] == [
            Decimal("0.033"), Decimal("0.033"), Decimal("0.034"),
        ]  # fmt: skip
        assert len({trade.trade_id for trade in trades}) == 3
        for trade in trades:
            assert trade.price == await running.admin.price("BTCUSD", trade.traded_at)


async def test_a_limit_waits_for_the_first_second_at_which_the_path_is_there(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path) as running:
        limit = await running.admin.price("BTCUSD", START) - 10
        await running.venue.submit(
            order_request("wait", quantity="0.001", order_type="limit", limit_price=limit)
        )
        await running.venue.advance(seconds_after_start(3_600))
        [trade] = await all_trades(running.venue)
        assert (trade.price, trade.liquidity) == (limit, "maker")
        assert await running.admin.price("BTCUSD", trade.traded_at) <= limit
        for second in range(1, (trade.traded_at - START) // 10**9):
            assert await running.admin.price("BTCUSD", seconds_after_start(second)) > limit


async def test_a_stop_is_triggered_where_the_path_reaches_it(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        stop = await running.admin.price("BTCUSD", START) - 10
        await running.venue.submit(
            order_request("stop", "sell", "0.001", order_type="stop", stop_price=stop)
        )
        await running.venue.submit(
            order_request(
                "held",
                "sell",
                "0.001",
                order_type="stop_limit",
                stop_price=stop,
                limit_price=stop + 5_000,
            )
        )
        await running.venue.advance(seconds_after_start(3_600))
        [trade] = await all_trades(running.venue)
        assert trade.client_order_id == "stop"
        assert trade.price <= stop
        assert trade.price == await running.admin.price("BTCUSD", trade.traded_at)
        assert [order.client_order_id for order in await running.venue.open_orders()] == ["held"]


async def test_an_order_that_comes_late_trades_where_it_would_have(tmp_path: Path) -> None:
    async def trades(folder: Path, late: bool) -> list[Any]:
        folder.mkdir()
        async with running_exchange(folder) as running:
            limit = await running.admin.price("BTCUSD", START) - 10
            if late:
                await running.venue.advance(seconds_after_start(3_600))
            await running.venue.submit(order_request("slow", order_type="limit", limit_price=limit))
            await running.venue.advance(seconds_after_start(3_600))
            return await all_trades(running.venue)

    assert await trades(tmp_path / "late", True) == await trades(tmp_path / "early", False)


async def test_immediate_or_cancel_and_fill_or_kill_never_wait(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        far = await running.admin.price("BTCUSD", START) - 500
        near = far + 1_000
        split = _of_parts(3)
        wanted = {
            "never": ("ioc", far, "0", "immediate_or_cancel"),
            "killed": ("fok", far, "0", "fill_or_kill"),
            "whole": ("fok", near, "0.1", ""),
            split: ("ioc", near, "0.033", "immediate_or_cancel"),
        }
        for name, (time_in_force, limit, filled, reason) in wanted.items():
            await running.venue.submit(
                order_request(
                    name, order_type="limit", limit_price=limit, time_in_force=time_in_force
                )
            )
            status = await running.venue.query(handle(name))
            assert status is not None
            assert (status.open, status.filled) == (False, Decimal(filled))
            assert status.reason == reason
            assert status.outcome == ("cancelled" if reason else None)


async def test_an_order_against_the_rules_is_refused_by_name_and_was_never_there(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path) as running:
        price = await running.admin.price("BTCUSD", START)
        limit: dict[str, Any] = {"order_type": "limit", "limit_price": price}
        refused = {
            "lot_size": order_request("a", quantity="0.0005"),
            "tick_size": order_request("b", order_type="limit", limit_price=Decimal("47000.3")),
            "missing_price": order_request("c", order_type="stop"),
            "post_only_would_take": order_request("d", **limit, post_only=True),
            "bad_request": order_request("e", at=-1),
        }
        for code, signal in refused.items():
            with pytest.raises(RejectedError) as found:
                await running.venue.submit(signal)
            assert found.value.rule == code
            assert await running.venue.query(handle(signal.client_order_id)) is None


async def test_a_client_order_id_lives_once(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.venue.submit(order_request("once", quantity="0.001"))
        with pytest.raises(DuplicateError):
            await running.venue.submit(order_request("once", "sell", "5"))
        truth = await running.admin.truth()
        assert len(truth.trades) == 1
        assert [asked["code"] for asked in truth.requests["once"]] == [
            "", "duplicate_client_order_id",
        ]  # fmt: skip


# --- Reduce-only, cancels, cash -------------------------------------------------------------------


async def test_reduce_only_never_opens_a_position(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.venue.submit(order_request("nothing", "sell", "0.1", reduce_only=True))
        await running.venue.advance(START)
        nothing = await running.venue.query(handle("nothing"))
        assert nothing is not None
        assert (nothing.open, nothing.filled, nothing.reason) == (False, Decimal(0), "reduce_only")
        await running.venue.submit(
            order_request("entry", quantity="0.05", at=seconds_after_start(1))
        )
        await running.venue.submit(
            order_request("exit", "sell", "0.2", reduce_only=True, at=seconds_after_start(20))
        )
        await running.venue.advance(seconds_after_start(60))
        truth = await running.admin.truth()
        assert truth.positions == {}
        left = await running.venue.query(handle("exit"))
        assert left is not None
        assert (left.filled, left.open, left.reason) == (Decimal("0.05"), False, "reduce_only")


async def test_an_order_trades_up_to_the_time_of_its_cancel_and_not_then(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        limit = await running.admin.price("BTCUSD", START) - 10
        probe = order_request("probe", quantity="0.001", order_type="limit", limit_price=limit)
        await running.venue.submit(probe)
        await running.venue.advance(seconds_after_start(3_600))
        [trade] = await all_trades(running.venue)

    for at, filled in ((trade.traded_at, "0"), (trade.traded_at + 1, "0.001")):
        folder = tmp_path / str(at)
        folder.mkdir()
        async with running_exchange(folder) as running:
            await running.venue.submit(probe)
            if filled == "0":
                status = await running.venue.cancel(handle("probe"), at)
                assert (status.outcome, status.reason) == ("cancelled", "requested")
            else:
                with pytest.raises(RejectedError) as found:
                    await running.venue.cancel(handle("probe"), at)
                assert found.value.rule == "order_ended"
            await running.venue.advance(seconds_after_start(3_600))
            after_all = await running.venue.query(handle("probe"))
            assert after_all is not None
            assert after_all.filled == Decimal(filled)


async def test_nobody_can_cancel_what_is_not_there(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        with pytest.raises(RejectedError) as found:
            await running.venue.cancel(handle("ghost"), START)
        assert found.value.rule == "unknown_order"


async def test_cash_and_position_are_sums_over_the_trades(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.venue.submit(order_request("in", quantity="0.1"))
        await running.venue.submit(order_request("out", "sell", "0.3"))
        await running.venue.advance(seconds_after_start(60))
        trades = await all_trades(running.venue)
        signed = [(trade, 1 if trade.side == "buy" else -1) for trade in trades]
        cash = 100_000 - sum(sign * t.quantity * t.price + t.fee for t, sign in signed)
        assert await running.venue.balances() == {"USD": cash}
        assert (await running.admin.truth()).positions == {"BTCUSD": Decimal("-0.2")}


@given(st.text(min_size=1, max_size=20), st.integers(1, 1_000))
def test_the_parts_of_an_order_add_up_to_it(name: str, quantity: int) -> None:
    order = ExchangeOrder(
        1, name, "X", "buy", quantity, "market", None, None, "gtc", False, False, 1
    )
    while order.filled < quantity:
        lots = next_trade_lots(order)
        assert lots > 0
        order.filled += lots
        order.trades += 1
    assert order.trades == planned_trades(order)


# --- The same in whatever way it came about -------------------------------------------------------


Step = tuple[
    int, list[OrderRequest | str]
]  # a time, and what is sent then: orders, names to cancel


def _script(chance: random.Random, price: Decimal) -> list[Step]:
    """Twelve times at which some orders are sent and some earlier ones cancelled."""
    steps: list[Step] = []
    names: list[str] = []
    for number in range(12):
        at = seconds_after_start(60 * number)
        signals: list[OrderRequest | str] = [
            _wish(chance, f"o{number}-{i}", at, price) for i in range(3)
        ]
        signals += chance.sample(names, min(len(names), 2))
        names += [signal.client_order_id for signal in signals if isinstance(signal, OrderRequest)]
        steps.append((at, signals))
    return steps


def _wish(chance: random.Random, name: str, at: int, price: Decimal) -> OrderRequest:
    kind = chance.choice(["market", "limit", "stop", "stop_limit"])
    near = price + chance.randrange(-60, 60)
    return order_request(
        name,
        chance.choice(["buy", "sell"]),
        str(Decimal(chance.randrange(1, 200)) / 1_000),
        order_type=kind,
        limit_price=near if "limit" in kind else None,
        stop_price=near + chance.randrange(-9, 9) if "stop" in kind else None,
        time_in_force=chance.choice(["gtc", "gtc", "gtc", "ioc", "fok"]),
        reduce_only=chance.random() < 0.4,
        at=at,
    )


def money_totals(truth: GroundTruth) -> dict[str, Any]:
    """All of the truth that is money; not how often somebody asked, or in which order."""
    orders = {order["client_order_id"]: dict(order, number=0) for order in truth.orders}
    trades = {trade["trade_id"]: dict(trade, place=0) for trade in truth.trades}
    assert len(trades) == len(truth.trades)
    return {
        "orders": orders,
        "trades": trades,
        "cash": truth.cash,
        "positions": truth.positions,
        "open": sorted(truth.open_orders),
    }


async def _play(
    venue: SimulatedVenue,
    script: list[Step],
    disturb: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """Send it all as an edge would: ask before sending again, and the clock moves in the end."""
    asked = 0
    for at, signals in script:
        for signal in signals:
            asked += 1
            if disturb is not None:
                await disturb(asked)
            if isinstance(signal, OrderRequest):
                await _surely_submit(venue, signal)
            else:
                await _surely_cancel(venue, signal, at)
        await _surely(partial(venue.advance, at))
    await _surely(lambda: venue.advance(seconds_after_start(24 * 3_600)))


async def _surely(ask: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(200):
        try:
            return await ask()
        except (UnansweredError, ThrottledError, MalformedReportError):
            await asyncio.sleep(0.01)  # it may be down for a while
    raise AssertionError("no answer in 200 tries")


async def _surely_submit(venue: SimulatedVenue, signal: OrderRequest) -> None:
    while True:
        try:
            await venue.submit(signal)
            return
        except RejectedError:
            return
        except ThrottledError:
            continue
        except (UnansweredError, MalformedReportError):
            if await _surely(lambda: venue.query(handle(signal.client_order_id))) is not None:
                return


async def _surely_cancel(venue: SimulatedVenue, name: str, at: int) -> None:
    while True:
        try:
            await venue.cancel(handle(name), at)
            return
        except RejectedError:
            return
        except ThrottledError:
            continue
        except (UnansweredError, MalformedReportError):
            status = await _surely(lambda: venue.query(handle(name)))
            if status is None or not status.open:
                return


async def _undisturbed(folder: Path, chance: int) -> tuple[list[Step], dict[str, Any]]:
    folder.mkdir()
    async with running_exchange(folder) as running:
        script = _script(random.Random(chance), await running.admin.price("BTCUSD", START))
        await _play(running.venue, script)
        truth = await running.admin.truth()
    assert len(truth.trades) > 20
    return script, money_totals(truth)


def _settled(script: list[Step], chance: random.Random | None) -> dict[str, Any]:
    """What comes of a script without a door between; shuffled and repeated by chance, if any."""
    book = ExchangeStore(Path(":memory:"))
    account = ExchangeAccount(book, "7")
    account.list_symbol(SYMBOL)
    for at, signals in script:
        sent = signals if chance is None else chance.sample(signals * 2, len(signals) * 2)
        for signal in sent:
            with suppress(RefusedError):
                if isinstance(signal, OrderRequest):
                    account.submit(_wish_of(signal))
                else:
                    account.cancel(signal, at)
        account.advance(at)
    account.advance(seconds_after_start(24 * 3_600))
    orders = [account.detail(order) | {"number": 0} for order in book.orders(only_open=False)]
    trades = [structs.replace(trade, number=0) for trade in book.trades(0, 10_000)]
    settled = {
        "orders": sorted(orders, key=lambda order: str(order["client_order_id"])),
        "trades": sorted(trades, key=lambda trade: trade.trade_id),
        "cash": account.cash(),
        "positions": account.positions(),
    }
    book.close()
    return settled


def _wish_of(ticket: OrderRequest) -> NewOrder:
    fields = {name: getattr(ticket, name) for name in ticket.__struct_fields__}
    del fields["valid_until"]  # this venue takes no bound
    return NewOrder(type=fields.pop("order_type"), **fields)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
@pytest.mark.slow
def test_what_comes_of_a_moment_does_not_depend_on_what_arrived_first(chance: int) -> None:
    script = _script(random.Random(chance), Decimal(47_981))
    assert _settled(script, random.Random(chance)) == _settled(script, None)


PLAN = FaultPlan(
    seed="faults",
    per_million={
        "late": 20_000,
        "error_before": 60_000,
        "error_after": 60_000,
        "drop_before": 60_000,
        "drop_after": 60_000,
        "rate_limit": 40_000,
        "down": 20_000,
        "garbage_answer": 60_000,
        "fills_twice": 40_000,
        "out_of_order": 40_000,
        "before_ack": 40_000,
        "withhold": 40_000,
        "garbage_report": 40_000,
    },
    seconds={"late": 0.4, "down": 0.05, "rate_limit": 0.0, "before_ack": 0.0},
)


@pytest.mark.parametrize("chance", [1, 2, 3])
@pytest.mark.slow
async def test_faults_retries_and_another_order_of_arrival_change_nothing(
    tmp_path: Path, chance: int
) -> None:
    script, wanted = await _undisturbed(tmp_path / "quiet", chance)
    shuffler = random.Random(chance)
    shuffled = [(at, shuffler.sample(signals, len(signals))) for at, signals in script]
    folder = tmp_path / "rough"
    folder.mkdir()
    async with running_exchange(folder, timeout=0.3) as running:
        await running.admin.disturb(Faults(plan=PLAN))
        await _play(running.venue, shuffled)
        truth = await running.admin.truth()
        counts = await running.admin.fault_counts()
    assert money_totals(truth) == wanted
    assert sum(counts.values()) > 20
    assert any(len(asked) > 1 for asked in truth.requests.values())


@pytest.mark.slow
async def test_killing_the_exchange_again_and_again_changes_nothing(tmp_path: Path) -> None:
    script, wanted = await _undisturbed(tmp_path / "quiet", 4)
    exchange = ExchangeProcess(tmp_path / "killed", "7")
    async with exchange, exchange.admin() as admin:
        await _open_for_business(admin)
        venue = exchange.venue(timeout=1.0)

        async def disturb(asked: int) -> None:
            if asked % 20 == 0:
                before = await admin.truth()
                await exchange.kill()
                address = exchange.address
                assert (await exchange.start()).url == address.url
                assert await admin.truth() == before

        await _play(venue, script, disturb)
        assert money_totals(await admin.truth()) == wanted
        await venue.close()


@pytest.mark.slow
async def test_a_kill_in_the_middle_of_a_request_leaves_all_of_it_or_nothing(
    tmp_path: Path,
) -> None:
    exchange = ExchangeProcess(tmp_path, "7")
    async with exchange, exchange.admin() as admin:
        await _open_for_business(admin)
        venue = exchange.venue(timeout=5.0)
        await admin.disturb(Faults(plan=FaultPlan("x", {"late": 1_000_000}, {"late": 60.0})))
        asking = asyncio.create_task(venue.submit(order_request("gone", quantity="0.001")))
        while not (await admin.truth()).requests:
            assert not asking.done()
        await exchange.kill()
        with pytest.raises(UnansweredError):
            await asking
        await exchange.start()
        await admin.disturb(Faults())
        status = await venue.query(handle("gone"))
        assert status is not None
        assert status.filled == Decimal("0.001")
        assert (await admin.fault_counts()) == {"late": 1}
        await venue.close()


async def _open_for_business(admin: AdminClient) -> None:
    await admin.list_symbol(SYMBOL)
    await admin.deposit("start", "USD", Decimal(100_000))


def _of_parts(number: int) -> str:
    """A client order id whose order is split into so many trades."""
    for name in map(str, range(1_000)):
        order = ExchangeOrder(
            1, name, "X", "buy", 100, "market", None, None, "gtc", False, False, 1
        )
        if planned_trades(order) == number:
            return name
    raise AssertionError("no such name")


# --- The admin's door ----------------------------------------------------------------------------


async def test_a_symbol_and_a_deposit_count_once(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await _open_for_business(running.admin)
        assert (await running.admin.truth()).cash == {"USD": Decimal(100_000)}


async def test_the_keeper_is_answered_while_the_exchange_is_down(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        await running.admin.disturb(Faults(down=0))
        await running.servers.shut.wait()
        with pytest.raises(UnansweredError, match="ClientConnectorError"):
            await running.venue.balances()
        assert (await running.admin.truth()).orders == []
        await running.admin.disturb(Faults())
        await _surely(running.venue.balances)


@pytest.mark.slow
async def test_another_seed_on_a_used_folder_is_refused_with_both_names(tmp_path: Path) -> None:
    async with ExchangeProcess(tmp_path, "7"):
        pass
    with pytest.raises(ExchangeFailedError, match="the exchange of seed 7"):
        await ExchangeProcess(tmp_path, "8").start()


async def test_an_order_cannot_be_called_what_has_a_meaning_in_an_address(tmp_path: Path) -> None:
    async with running_exchange(tmp_path) as running:
        for name in ("a/b", "ä", "%2F", "..", "?at=1", "", "x" * 65):
            with pytest.raises(RejectedError) as found:
                await running.venue.submit(order_request(name))
            assert found.value.rule == "bad_request"
        assert (await running.admin.truth()).orders == []
