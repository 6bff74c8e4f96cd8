"""A tape in real time: when each row is due, and which one is next."""

import asyncio
from decimal import Decimal
from pathlib import Path

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.timestamps import DAY
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import BarRow, Tape, TapeHeader, TradeRow, write_tape
from deadreckon.runtime.log.feed import Decoding, Feed
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.services.market.live_market import GAP_MAX, LiveMarket
from tests.support.clock_driver import ClockDriver

SECOND = NANOSECONDS
START = 1_700_000_000 * SECOND


def bars(folder: Path, number: int) -> Tape:
    recipe = Recipe(seed=1, bars=number, interval_seconds=5)
    return synthesise(recipe, "BTCUSDT.PAPER", folder / "bars.parquet")


def trades(folder: Path) -> Tape:
    header = TapeHeader(instrument="X.PAPER", kind="trades", price_scale=0, quantity_scale=0)
    times = [0, SECOND, SECOND, 3_600 * SECOND]
    columns = {
        "at": times,
        "price": [1, 2, 3, 4],
        "quantity": [1] * 4,
        "aggressor": ["buy"] * 4,
        "trade_id": ["a", "b", "c", "d"],
    }
    return write_tape(folder / "trades.parquet", header, columns)


def market(bus: MemoryBus, tape: Tape) -> LiveMarket:
    return LiveMarket(bus, Feed(bus), tape, book="desk", mode="paper", code="test")


async def played(bus: MemoryBus, tape: Tape, number: int, now: int) -> list[tuple[int, Decimal]]:
    """Play so many rows after a restart at a time; the time and open of each."""
    live = market(bus, tape)
    await live.feed.edge.feed.start()
    await live.replay()
    await live.feed.catch_up()
    rows = live.rows()
    found = []
    for _ in range(number):
        row = next(rows)
        assert isinstance(row, BarRow)
        at = live.due(row, now)
        await live.publish(row, at)
        found.append((at, row.open))
        now = max(now, at)
    return found


def test_bars_close_at_multiples_of_their_length_the_first_at_once(tmp_path: Path) -> None:
    found = asyncio.run(played(MemoryBus(), bars(tmp_path, 9), 3, START + 2 * SECOND))
    assert [at for at, _ in found] == [START, START + 5 * SECOND, START + 10 * SECOND]


def test_a_sleep_of_the_machine_is_skipped(tmp_path: Path) -> None:
    tape = bars(tmp_path, 9)
    live = market(MemoryBus(), tape)
    row = next(live.rows())
    asyncio.run(live.publish(row, START))
    assert live.due(row, START + SECOND) == START + 5 * SECOND
    assert live.due(row, START + 61 * SECOND) == START + 60 * SECOND


def test_a_restart_goes_on_behind_the_last_row_and_the_end_begins_anew(tmp_path: Path) -> None:
    tape = bars(tmp_path, 4)
    opens = [row.open for row in tape.rows() if isinstance(row, BarRow)]

    async def both() -> list[tuple[int, Decimal]]:
        bus = MemoryBus()
        first = await played(bus, tape, 3, START)
        again = await played(bus, tape, 3, START + 11 * SECOND)  # while its bar is under way
        decoding = Decoding(from_start=True)
        logged = [decoding.decode(stored) for stored in await (await bus.read(0)).next(1)]
        records = [record for message in logged for record in message.facts]
        assert all(isinstance(record.event, BarClosed) for record in records)
        assert len({record.id for record in records}) == 6
        return [*first, *again]

    found = asyncio.run(both())
    assert [price for _, price in found] == [*opens, *opens[:2]]
    assert [at for at, _ in found] == [START + number * 5 * SECOND for number in range(6)]


def test_trades_keep_their_distance_and_no_silence_is_long(tmp_path: Path) -> None:
    live = market(MemoryBus(), trades(tmp_path))
    now, found = START, []
    for row, _ in zip(live.rows(), range(5), strict=False):
        assert isinstance(row, TradeRow)
        now = live.due(row, now)
        asyncio.run(live.publish(row, now))
        found.append(now - START)
    assert found == [0, SECOND, SECOND, SECOND + GAP_MAX, SECOND + GAP_MAX]


async def test_a_row_whose_time_is_far_ahead_is_held_until_the_clock_is_right(
    tmp_path: Path,
) -> None:
    driver = await ClockDriver().born()
    await driver.tick()
    live = LiveMarket(
        driver.bus,
        driver.feed,
        bars(tmp_path, 9),
        book="desk",
        mode="paper",
        code="test",
        wall=lambda: driver.wall,
        steady=lambda: driver.steady,
    )
    await live.replay()
    await driver.feed.reach(driver.log.last)
    await live.feed.catch_up()
    rows = live.rows()
    first, second = next(rows), next(rows)
    assert await live.publish(first, live.due(first, driver.wall))

    right = driver.wall
    assert not await live.publish(second, live.due(second, right + 9 * DAY))
    assert await live.publish(second, live.due(second, right + 5 * SECOND))
    assert live.due(second, right - 3_600 * SECOND) <= right - 3_595 * SECOND
