"""One market in one tape, and no order book among its trades."""

from pathlib import Path

import pytest

from deadreckon.marketdata.tapes.tape import TapeError
from tests.marketdata.written_files import BARS, HEADER, NEW_YEAR, case, imported, of_file, prices

TWO_PAIRS = "timestamp,{column},price,amount,side,id\n" + "".join(
    f"{NEW_YEAR + n},{('AAA', 'BBB')[n % 2]},{(96_000, 3_300)[n % 2] + n},0.5,buy,{n}\n"
    for n in range(8)
)


@pytest.mark.parametrize("column", ["pair", "product_id", "ticker", "colour", "exchange"])
def test_two_markets_are_never_one_tape(tmp_path: Path, column: str) -> None:
    text = TWO_PAIRS.format(column=column)
    with pytest.raises(TapeError, match=rf"2 {column}s \(AAA, BBB\); choose one with --"):
        imported(tmp_path, text)
    tape = imported(tmp_path, text, only=f"{column}=BBB")
    assert prices(tape) == [(str(3_300 + n), str(n)) for n in (1, 3, 5, 7)]
    assert imported(tmp_path, text, only=f"{column}=*").header.rows == 8


def test_a_column_that_only_describes_a_trade_is_no_market(tmp_path: Path) -> None:
    text = TWO_PAIRS.format(column="condition").replace(",33", ",960")
    assert imported(tmp_path, text).header.rows == 8


@pytest.mark.parametrize(
    ("name", "column", "symbols"),
    [
        ("01-two-markets-in-one-tape/k01_trades_two_pairs.csv", "pair", "BTC/USDT, ETH/USDT"),
        ("01-two-markets-in-one-tape/k03_coinbase_products.csv", "product_id", "BTC-USD, ETH-USD"),
        ("01-two-markets-in-one-tape/j13_ticker_col_exchange.csv", "ticker", "A, B"),
    ],
)
def test_case_01(tmp_path: Path, name: str, column: str, symbols: str) -> None:
    path = case(name)
    with pytest.raises(TapeError, match=rf"2 {column}s \({symbols}\); choose one with --symbol"):
        of_file(path, tmp_path)
    first, second = symbols.split(", ")
    rows = [of_file(path, tmp_path, symbol=one).header.rows for one in (first, second)]
    assert rows == ([3, 3] if column == "ticker" else [4, 4])


def test_two_markets_that_no_column_tells_apart_are_refused(tmp_path: Path) -> None:
    lines = [f"{NEW_YEAR + n},{(96_000, 3_300)[n % 2] + n},0.5" for n in range(8)]
    text = "\n".join(["timestamp,price,amount", *lines])
    with pytest.raises(TapeError, match=r"move by \d+% from one row to the next: several markets"):
        imported(tmp_path, text)
    assert imported(tmp_path, text, kind="trades").header.rows == 8
    doubled = "\n".join([HEADER, *(line for bar in BARS for line in (bar, bar))])
    with pytest.raises(TapeError, match=r"duplicate_time: 6.*--only COLUMN=VALUE takes one"):
        imported(tmp_path, doubled)


def test_order_book_updates_are_not_trades(tmp_path: Path) -> None:
    lines = [f"{NEW_YEAR + n},buy,{95_900 - n},{n % 4}" for n in range(8)]
    text = "\n".join(["timestamp,side,price,size", *lines])
    with pytest.raises(TapeError, match=r"not like trades \(2 of 8 sizes are zero\)"):
        imported(tmp_path, text)
    assert imported(tmp_path, text, kind="trades").header.rows == 8


@pytest.mark.parametrize("name", ["is_snapshot", "update_type", "first_update_id"])
def test_what_only_a_book_has_gives_it_away(tmp_path: Path, name: str) -> None:
    text = f"timestamp,{name},side,price,size\n{NEW_YEAR},1,buy,100,1\n"
    with pytest.raises(TapeError, match=f"not like trades .columns {name}."):
        imported(tmp_path, text)


def test_case_02(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"order book.*3 of 8 sizes are zero"):
        of_file(case("02-order-book-as-trades/k02_l2_updates.csv"), tmp_path)


def test_levels_of_one_instant_are_no_trades(tmp_path: Path) -> None:
    levels = [(side, 96_000 + sign * n) for n in range(1, 6) for side, sign in SIDES.items()]
    text = "".join(f"{NEW_YEAR},{side},{price},1\n" for side, price in levels)
    with pytest.raises(TapeError, match="all buys of an instant lie below its sells"):
        imported(tmp_path, f"timestamp,side,price,size\n{text}")
    swept = text.replace("buy", "x").replace("sell", "buy").replace("x", "sell")
    assert imported(tmp_path, f"timestamp,side,price,size\n{swept}").header.rows == 10
    with pytest.raises(TapeError, match="its sides are bids and asks"):
        imported(tmp_path, f"timestamp,side,price,size\n{NEW_YEAR},bid,1,1\n")


SIDES = {"buy": -1, "sell": 1}
