"""Round trips: worked by hand, added up against the positions, and cut at any message."""

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts.event import Event
from deadreckon.contracts.market import ClockTicked
from deadreckon.projections.columns import TableRow
from deadreckon.projections.projector import Projector
from deadreckon.projections.table import Table
from deadreckon.services.portfolio import decider as portfolio
from tests import stories
from tests.stories import MINUTE, bar, filled, funding_rate, late_fee, listed, marked, quote, trade
from tests.support.handmade_logs import FactLog, fold_log
from tests.support.memory_sink import MemorySink, rows

PERPETUAL = "BTCUSDT-PERP.PAPER"


class Traded(FactLog):
    """A log in which portfolio answers as it does on duty."""

    def __init__(self, *events: Event) -> None:
        super().__init__()
        self._state = portfolio.initial()
        for event in events:
            self.tell(event)

    def tell(self, event: Event) -> None:
        """One event a minute later, and what portfolio publishes on it."""
        (record,) = self.say(event, after=MINUTE)
        self._state = portfolio.evolve(self._state, record)
        for answer in portfolio.decide(self._state, record):
            (answered,) = self.say(answer, source="portfolio", cause=record.id)
            self._state = portfolio.evolve(self._state, answered)


def trips(*events: Event) -> list[dict[str, Any]]:
    return rows(Traded(listed(), *events), "round_trips")


def figures(row: dict[str, Any], *names: str) -> list[str]:
    return [str(row[name]) for name in names]


def test_a_trip_goes_from_flat_to_flat_through_all_its_parts() -> None:
    (row,) = trips(
        filled("buy", 1, 100, id="1", fee="0.1"),
        filled("buy", 1, 110, id="2", fee="0.2"),
        filled("sell", 1, 120, id="3", fee="0.3"),
        filled("sell", 1, 130, id="4", fee="0.4"),
    )
    assert figures(row, "side", "status", "number", "fills") == ["long", "closed", "1", "4"]
    assert figures(row, "quantity", "entry_quantity", "exit_quantity") == ["2", "2", "2"]
    assert figures(row, "entry_price", "exit_price") == ["105", "125"]
    assert figures(row, "gross", "fees", "net") == ["40", "1", "39"]
    assert (row["opened_at"], row["closed_at"]) == (
        stories.START + 2 * MINUTE,
        stories.START + 5 * MINUTE,
    )
    assert (row["entry_event_id"], row["exit_event_id"]) == ("e2-0", "e8-0")


def test_a_trip_that_is_open_has_what_it_realised_so_far() -> None:
    (row,) = trips(filled("sell", 4, 100, id="1"), filled("buy", 1, 90, id="2", fee="0.5"))
    assert figures(row, "side", "status", "quantity") == ["short", "open", "4"]
    assert figures(row, "gross", "fees", "net", "exit_price") == ["10", "0.5", "9.5", "90"]
    assert row["closed_at"] is None


def test_a_fill_through_zero_ends_one_trip_and_begins_the_next_with_its_share_of_the_fee() -> None:
    first, second = trips(filled("buy", 1, 100, id="1"), filled("sell", 4, 110, id="2", fee="0.8"))
    assert figures(first, "side", "status", "gross", "fees", "exit_price") == [
        "long",
        "final",
        "10",
        "0.2",
        "110",
    ]
    assert figures(second, "side", "status", "number", "quantity", "fees", "entry_price") == [
        "short",
        "open",
        "2",
        "3",
        "0.6",
        "110",
    ]
    assert first["exit_event_id"] == second["entry_event_id"] == "e4-0"


def test_late_fees_belong_to_the_latest_trip_until_the_next_begins() -> None:
    events = [filled("buy", 1, 100, id="1"), filled("sell", 1, 101, id="2"), late_fee("0.25")]
    (row,) = trips(*events)
    assert figures(row, "status", "fees", "net") == ["closed", "0.25", "0.75"]
    first, second = trips(*events, filled("buy", 1, 100, id="3"), late_fee("0.5"))
    assert figures(first, "status", "fees") == ["final", "0.25"]
    assert figures(second, "status", "fees") == ["open", "0.5"]


def test_funding_is_that_of_the_open_trip() -> None:
    (row,) = rows(
        Traded(
            listed(PERPETUAL, kind="perpetual", lot="1", contract="0.001"),
            filled("buy", 1_000, 100, id="1", instrument=PERPETUAL),
            funding_rate("0.001", 100, instrument=PERPETUAL),
            filled("sell", 1_000, 100, id="2", instrument=PERPETUAL),
        ),
        "round_trips",
    )
    assert figures(row, "entry_value", "gross", "funding", "net") == ["100", "0", "-0.1", "-0.1"]


def test_excursions_are_the_worst_and_the_best_gross_result_on_the_way() -> None:
    (row,) = trips(
        bar(100, high=500, low=1),  # before it
        filled("buy", 2, 100, id="1"),
        bar(100, high=107, low=96),
        quote(93, 95),  # marks are the middle
        trade(104, 1),
        marked(108),
        filled("sell", 1, 103, id="2"),  # 3 are safe, one coin is at risk
        bar(100, high=110, low=90),
        filled("sell", 1, 101, id="3"),
        bar(100, high=600, low=1),  # after it
    )
    assert figures(row, "price_low", "price_high") == ["90", "110"]
    assert figures(row, "mae", "mfe", "gross") == ["-12", "16", "4"]


def test_a_short_suffers_when_the_price_rises() -> None:
    (row,) = trips(
        filled("sell", 2, 100, id="1"), bar(100, high=103, low=99), filled("buy", 2, 98, id="2")
    )
    assert figures(row, "mae", "mfe", "gross") == ["-6", "4", "4"]


def test_dust_that_a_fee_in_coins_leaves_keeps_no_trip_open() -> None:
    (first, second) = trips(
        filled("buy", 2, 100, id="1", fee="0.0025", fee_currency="BTC"),
        filled("sell", "1.997", 110, id="2", fee="0.1"),
        filled("buy", 1, 120, id="3", fee="0.001", fee_currency="BTC"),
    )
    assert figures(first, "status", "gross", "fees", "net") == ["final", "19.97", "0.1", "19.87"]
    assert json.loads(first["fees_other"]) == {"BTC": "0.0025"}
    assert str(first["coin_fees_value"]) == "0.25"
    assert figures(second, "status", "number", "entry_price") == ["open", "2", "120"]
    assert json.loads(second["fees_other"]) == {"BTC": "0.001"}


def test_marks_are_the_first_price_of_each_minute_and_bars_are_bars() -> None:
    log = FactLog()
    log.say(quote(99, 101), after=MINUTE)
    log.say(trade(105, 1), after=1)
    log.say(marked(106), after=MINUTE)
    log.say(bar(100, high=103, low=99), after=MINUTE)
    found = [(row["kind"], str(row["price"])) for row in rows(log, "marks")]
    assert found == [("quote", "100"), ("mark", "106")]
    (row,) = rows(log, "bars")
    assert figures(row, "high", "low", "close") == ["103", "99", "100"]


# Against the positions, and against prices that are looked through again.

amounts = st.integers(1, 40)
prices = st.integers(9_000, 11_000).map(lambda cents: Decimal(cents) / 100)
fills = st.builds(
    lambda side, lots, price, fee, coin: ("fill", side, Decimal(lots) / 1000, price, fee, coin),
    st.sampled_from(["buy", "sell"]),
    amounts,
    prices,
    st.integers(-3, 9).map(lambda n: Decimal(n) / 7_000_000 // Decimal("1e-12") * Decimal("1e-12")),
    st.sampled_from(["USDT", "USDT", "USDT", "BNB"]),
)
steps = st.one_of(
    fills,
    fills,
    st.tuples(st.just("bar"), prices, prices),
    st.tuples(st.just("late"), st.integers(-5, 5).filter(bool)),
)


def told(step: tuple[Any, ...], number: int) -> Event:
    match step:
        case ("fill", side, quantity, price, fee, coin):
            return filled(side, quantity, price, id=f"t{number}", fee=fee, fee_currency=coin)
        case ("bar", one, other):
            return bar(one, high=max(one, other), low=min(one, other))
        case _:
            return late_fee(step[1])


@given(st.lists(steps, min_size=1, max_size=40))
def test_trips_add_up_to_the_positions_to_the_last_digit(story: list[tuple[Any, ...]]) -> None:
    log = Traded(listed(), *(told(step, number) for number, step in enumerate(story)))
    found, positions = rows(log, "round_trips"), rows(log, "positions")
    if not found:
        return
    (position,) = positions
    for name in ("fees", "funding"):
        assert sum(row[name] and Decimal(row[name]) for row in found) == Decimal(position[name])
    assert sum(Decimal(row["gross"]) for row in found) == Decimal(position["realised"])
    net = sum(Decimal(row["net"]) for row in found)
    assert net == sum(
        Decimal(position[name]) * sign
        for name, sign in (("realised", 1), ("fees", -1), ("funding", 1))
    )
    other: dict[str, Decimal] = defaultdict(Decimal)
    for row in found:
        for currency, fee in json.loads(row["fees_other"]).items():
            other[currency] += Decimal(fee)
    paid = {name: Decimal(fee) for name, fee in json.loads(position["fees_other"]).items()}
    assert {k: v for k, v in other.items() if v} == {k: v for k, v in paid.items() if v}
    assert [row["number"] for row in found] == list(range(1, len(found) + 1))
    held = sum(
        (Decimal(row["entry_quantity"]) - Decimal(row["exit_quantity"]))
        * (1 if row["side"] == "long" else -1)
        for row in found
    )
    assert held == Decimal(position["quantity"])
    for row in found:
        _closed_in_order(row)


def _closed_in_order(row: dict[str, Any]) -> None:
    gross, mae, mfe = (Decimal(row[name]) for name in ("gross", "mae", "mfe"))
    assert mae <= 0 <= mfe
    if row["status"] != "open":
        assert row["entry_quantity"] == row["exit_quantity"]
        sign = 1 if row["side"] == "long" else -1
        assert gross == sign * (Decimal(row["exit_value"]) - Decimal(row["entry_value"]))
        assert mae <= gross <= mfe
        assert row["opened_at"] < row["closed_at"]


@given(st.lists(steps, min_size=1, max_size=30), st.data())
def test_a_restart_anywhere_changes_no_trip(story: list[tuple[Any, ...]], data: Any) -> None:
    log = Traded(listed(), *(told(step, number) for number, step in enumerate(story)))
    sink = MemorySink()
    cut = data.draw(st.integers(0, log.last))
    for until in (cut, log.last):
        projector = Projector([sink])
        fold_log(projector, log, until)
        projector.flush()
    assert sink.rows("round_trips") == rows(log, "round_trips")


class BackwardsSink(MemorySink):
    """A sink that returns its rows in another order than they were written in."""

    def unfinished(self, table: Table) -> list[TableRow]:
        return list(super().unfinished(table))[::-1]


def test_trips_that_one_price_changes_are_written_in_an_order_that_no_restart_changes() -> None:
    log = Traded(
        listed(),
        *(filled("buy", 1, 100, id=name, strategy=name) for name in ("other", "ext")),
        *(bar(price) for price in (101, 102, 103)),
    )
    undisturbed, restarted = BackwardsSink(), BackwardsSink()
    for sink, cuts in ((undisturbed, ()), (restarted, range(log.last))):
        for until in (*cuts, log.last):
            projector = Projector([sink])
            fold_log(projector, log, until)
            projector.flush()
    assert restarted.changes["round_trips"] == undisturbed.changes["round_trips"]


@pytest.mark.parametrize("cut", range(6))
def test_a_restart_within_a_minute_marks_it_once(cut: int) -> None:
    log = FactLog()
    for price in range(6):
        log.say(trade(100 + price, 1), after=MINUTE // 3)
    log.say(ClockTicked())
    sink = MemorySink()
    for until in (cut, log.last):
        projector = Projector([sink])
        fold_log(projector, log, until)
        projector.flush()
    assert sink.rows("marks") == rows(log, "marks")
