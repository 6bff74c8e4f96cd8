"""A demo's cash and entries fit its tape, and it says when the tape cannot trade."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.portfolio import CashDeposited
from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import Tape, write_tape
from deadreckon.node.demo_setup import instrument, setup_facts
from deadreckon.node.demo_sizes import DemoSizes, tape_sizes
from tests.conftest import TAPES
from tests.node.test_demo_setup import HEADER

MONEY = Decimal(5_000)


def of(tape: Tape) -> DemoSizes:
    return tape_sizes(tape, instrument(tape.header))


def bars(path: Path, name: str, price: int, volume: int) -> Tape:
    """Ten equal bars at price x 0.01, of a volume of so many 0.0001."""
    columns = {
        "at": [HEADER.first_at + number * 60 * 10**9 for number in range(10)],
        **{column: [price] * 10 for column in ("open", "high", "low", "close")},
        "volume": [volume] * 10,
    }
    header = replace(HEADER, instrument=name, rows=10, last_at=columns["at"][-1])
    return write_tape(path / "tape.parquet", header, columns)


def test_a_market_in_money_has_the_usual_sizes(tmp_path: Path) -> None:
    tape = synthesise(Recipe(seed=7, bars=500), "BTCUSDT.PAPER", tmp_path / "tape.parquet")
    sizes = of(tape)
    assert sizes == DemoSizes("USDT", MONEY)
    assert sizes.sentence() == "cash 100,000 USDT, each entry 5,000 USDT"
    assert setup_facts(tape.header, sizes=sizes) == setup_facts(tape.header)


def test_what_three_bars_let_through_is_the_most_that_an_entry_has(tmp_path: Path) -> None:
    # 40 a bar at 100: 10 % of three of them are worth 1,200.
    sizes = of(bars(tmp_path, "AAAUSDT.PAPER", 10_000, 400_000))
    assert sizes == DemoSizes("USDT", Decimal(1_000))
    assert sizes.cash == 20_000


def test_cash_limits_and_strategies_go_by_the_same_sizes() -> None:
    facts = setup_facts(HEADER, sizes=DemoSizes("BTC", Decimal("0.1")))
    (cash,) = (fact for fact in facts if isinstance(fact, CashDeposited))
    (limits,) = (fact for fact in facts if isinstance(fact, LimitsSet))
    wanted = [fact.notional for fact in facts if isinstance(fact, StrategyConfigured)]
    assert cash.amount == 2
    assert set(wanted) == {Decimal("0.1")}
    assert limits.order_notional_max == Decimal("0.4")
    assert limits.equity_floor == 1


@pytest.mark.parametrize("volume", [0, 1])
def test_a_tape_without_volume_is_said_to_trade_nothing(tmp_path: Path, volume: int) -> None:
    sizes = of(bars(tmp_path, "AAAUSDT.PAPER", 10_000, volume))
    assert sizes.fault.startswith("it trades too little")
    assert "the least order is 10" in sizes.fault
    assert sizes.notional == MONEY


@pytest.mark.skipif(not TAPES.is_dir(), reason=f"no real market data: {TAPES.name}/ is not there")
@pytest.mark.parametrize(
    ("name", "symbol", "notional", "fault"),
    [
        ("btc-perp-20211231-20220201_1m.csv", "BTCUSD-PERP.PAPER", "5000", ""),
        ("ETC_BTC-5m.feather", "ETCBTC.PAPER", "0.1", ""),
        ("TRX_BTC-5m.feather", "TRXBTC.PAPER", "0.1", ""),
        ("XRP_ETH-trades.parquet", "XRPETH.PAPER", None, "are no bars"),
    ],
)
def test_real_tapes(
    name: str, symbol: str, notional: str | None, fault: str, tmp_path: Path
) -> None:
    sizes = of(load_or_import(TAPES / name, symbol, tmp_path))
    assert fault in sizes.fault
    assert bool(sizes.fault) == bool(fault)
    assert notional is None or sizes.notional == Decimal(notional)
