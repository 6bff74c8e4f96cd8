"""Every family of files, from small files with the columns that the vendor writes."""

import gzip
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from deadreckon.contracts.timestamps import parse_timestamp
from deadreckon.marketdata.tapes.importing import convert, import_source
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.tape import BarRow, QuoteRow, Tape, TapeError, TapeRow, TradeRow

MINUTE = 60 * 10**9
KLINES_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
KLINES = (
    "1735603200000,93500.10,93600.00,93400.5,93550.00000000,12.34500000,1735603259999,1.0,5,1,1,0\n"
    "1735603260000,93550.0,93560.0,93540.0,93541.2,7.00000001,1735603319999,1.0,5,1,1,0\n"
)


def imported(path: Path, **options: object) -> Tape:
    tape, _ = import_source(
        path,
        "BTCUSDT.BINANCE",
        path.with_suffix(".tape.parquet"),
        ImportOptions(**options),  # type: ignore[arg-type]
    )
    return tape


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def rows(tape: Tape) -> list[TapeRow]:
    return list(tape.rows())


def at(text: str) -> int:
    return parse_timestamp(text)


@pytest.mark.parametrize("header", ["", KLINES_HEADER])
def test_binance_klines_close_a_minute_after_their_stamp(tmp_path: Path, header: str) -> None:
    tape = imported(written(tmp_path, "BTCUSDT-1m.csv", header + KLINES))
    assert rows(tape) == [
        BarRow(
            row=0,
            at=at("2024-12-31T00:01:00Z"),
            open=Decimal("93500.1"),
            high=Decimal("93600"),
            low=Decimal("93400.5"),
            close=Decimal("93550"),
            volume=Decimal("12.345"),
        ),
        BarRow(
            row=1,
            at=at("2024-12-31T00:02:00Z"),
            open=Decimal("93550"),
            high=Decimal("93560"),
            low=Decimal("93540"),
            close=Decimal("93541.2"),
            volume=Decimal("7.00000001"),
        ),
    ]
    header_ = tape.header
    assert (header_.kind, header_.interval_seconds, header_.stamp) == ("bars", 60, "open")
    assert (header_.volume_unit, header_.price_scale, header_.quantity_scale) == ("base", 1, 8)
    assert (header_.source, header_.instrument) == ("BTCUSDT-1m.csv", "BTCUSDT.BINANCE")


def test_binance_klines_come_in_zips_and_microseconds(tmp_path: Path) -> None:
    text = KLINES.replace("03200000,", "03200000000,").replace("03260000,", "03260000000,")
    path = tmp_path / "BTCUSDT-1m-2025-01.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BTCUSDT-1m-2025-01.csv", text)
    assert [row.at for row in rows(imported(path))] == [
        at("2024-12-31T00:01:00Z"),
        at("2024-12-31T00:02:00Z"),
    ]


def test_a_file_may_change_from_milliseconds_to_microseconds(tmp_path: Path) -> None:
    text = KLINES + "1735603320000000,1,2,1,2,7,1735603379999999,1.0,5,1,1,0\n"
    tape = imported(written(tmp_path, "joined.csv", text))
    assert [row.at for row in rows(tape)][-1] == at("2024-12-31T00:03:00Z")
    assert not tape.header.refused


def test_volumes_that_look_like_times_do_not_hide_klines(tmp_path: Path) -> None:
    line = (
        "17356032{0}0000,0.00002,0.00003,0.00001,0.00002,1650000000.0,17356032{0}9999,1,5,1,1,0\n"
    )
    tape = imported(written(tmp_path, "shib.csv", "".join(line.format(n) for n in (0, 6))))
    assert tape.header.kind == "bars"
    assert [str(row.volume) for row in rows(tape) if isinstance(row, BarRow)] == ["1650000000"] * 2


TRADES = {
    "aggTrades of 8 columns": """26129,0.01633102,4.70443515,27781,27781,1498793709153,True,True
26130,0.0163,1,27782,27783,1498793709154,False,True""",
    "aggTrades of 7 columns": """26129,0.01633102,4.70443515,27781,27781,1498793709153,true
26130,0.0163,1,27782,27783,1498793709154,false""",
    "aggTrades with header": """agg_trade_id,price,quantity,first_trade_id,last_trade_id,\
transact_time,is_buyer_maker
26129,0.01633102,4.70443515,27781,27781,1498793709153,true
26130,0.0163,1,27782,27783,1498793709154,false""",
    "trades of 7 columns": """26129,0.01633102,4.70443515,0.0768,1498793709153,True,True
26130,0.0163,1,0.0163,1498793709154,False,True""",
    "trades of 6 columns": """26129,0.01633102,4.70443515,0.0768,1498793709153,True
26130,0.0163,1,0.0163,1498793709154,False""",
    "trades with header": """id,price,qty,quote_qty,time,is_buyer_maker
26129,0.01633102,4.70443515,0.0768,1498793709153,true
26130,0.0163,1,0.0163,1498793709154,false""",
}


@pytest.mark.parametrize("text", TRADES.values(), ids=TRADES)
def test_binance_trades_name_their_taker(tmp_path: Path, text: str) -> None:
    tape = imported(written(tmp_path, "trades.csv", text))
    assert rows(tape) == [
        TradeRow(
            row=0,
            at=1498793709153 * 10**6,
            price=Decimal("0.01633102"),
            quantity=Decimal("4.70443515"),
            aggressor="sell",
            trade_id="26129",
        ),
        TradeRow(
            row=1,
            at=1498793709154 * 10**6,
            price=Decimal("0.0163"),
            quantity=Decimal(1),
            aggressor="buy",
            trade_id="26130",
        ),
    ]
    assert (tape.header.kind, tape.header.volume_unit) == ("trades", "base")


TARDIS_QUOTES = (
    "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    "bitmex,XBTUSD,1585699200245000,1585699200300000,162000,6425.5,6425,133000\n"
)


def test_tardis_quotes_are_microseconds_of_the_exchange(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv.gz"
    path.write_bytes(gzip.compress(TARDIS_QUOTES.encode()))
    tape = imported(path)
    assert rows(tape) == [
        QuoteRow(
            row=0,
            at=1585699200245000 * 1000,
            bid=Decimal(6425),
            ask=Decimal("6425.5"),
            bid_size=Decimal(133000),
            ask_size=Decimal(162000),
        )
    ]
    assert (tape.header.volume_unit, tape.header.stamp) == ("unknown", None)


def test_tardis_can_be_told_by_arrival_instead(tmp_path: Path) -> None:
    tape = imported(written(tmp_path, "q.csv", TARDIS_QUOTES), time_column="local_timestamp")
    assert tape.header.first_at == 1585699200300000 * 1000


def test_tardis_trades_keep_an_unknown_side_unknown(tmp_path: Path) -> None:
    text = (
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        "bitmex,XBTUSD,1585699202957000,1585699203089980,5f,sell,6425.0,4340\n"
        "bitmex,XBTUSD,1585699202957000,1585699203089980,6a,unknown,6425.5,20\n"
    )
    tape = imported(written(tmp_path, "trades.csv", text))
    assert [(row.aggressor, row.trade_id) for row in rows(tape) if isinstance(row, TradeRow)] == [
        ("sell", "5f"),
        ("", "6a"),
    ]


def test_a_file_of_two_symbols_needs_a_choice(tmp_path: Path) -> None:
    text = TARDIS_QUOTES + TARDIS_QUOTES.splitlines()[1].replace("XBTUSD", "ETHUSD") + "\n"
    path = written(tmp_path, "quotes.csv", text)
    with pytest.raises(TapeError, match=r"2 symbols \(XBTUSD, ETHUSD\); choose one"):
        imported(path)
    assert imported(path, symbol="ETHUSD").header.rows == 1
    with pytest.raises(TapeError, match="choose one with --symbol"):
        imported(path, symbol="DOGEUSD")


FREQTRADE_BARS = {
    "date": [datetime(2018, 1, 10, 7, 0, tzinfo=UTC), datetime(2018, 1, 10, 7, 5, tzinfo=UTC)],
    "open": [0.002655, 0.00266985],
    "high": [0.00267392, 0.0027300000000000002],  # a float that missed its decimal by a breath
    "low": [0.00264669, 0.002666],
    "close": [0.00267392, 0.00271999],
    "volume": [10483.26501446, 1e-8],
}


@pytest.mark.parametrize("name", ["ETC_BTC-5m.feather", "ETC_BTC-5m.parquet"])
def test_freqtrade_bars_keep_their_decimals_and_lose_the_noise(tmp_path: Path, name: str) -> None:
    frame, path = pl.DataFrame(FREQTRADE_BARS), tmp_path / name
    frame.write_ipc(path) if name.endswith("feather") else frame.write_parquet(path)
    tape = imported(path)
    first, second = (row for row in rows(tape) if isinstance(row, BarRow))
    assert (first.at, str(first.volume)) == (at("2018-01-10T07:05:00Z"), "10483.26501446")
    assert (str(second.high), f"{second.volume:f}") == ("0.00273", "0.00000001")
    assert tape.header.adjusted == {"float_noise": 1}
    assert (tape.header.interval_seconds, tape.header.volume_unit) == (300, "base")


def test_freqtrade_trades(tmp_path: Path) -> None:
    path = tmp_path / "XRP_ETH-trades.parquet"
    pl.DataFrame(
        {
            "timestamp": [1570752011620, 1570752011620],
            "id": ["13519807", "13519808"],
            "type": [None, None],
            "side": ["sell", "buy"],
            "price": [0.00141342, 0.00141266],
            "amount": [23.0, 54.5],
            "cost": [0.03250866, 0.07628364],
        }
    ).write_parquet(path)
    trades = [row for row in rows(imported(path)) if isinstance(row, TradeRow)]
    assert [(str(row.price), str(row.quantity), row.aggressor) for row in trades] == [
        ("0.00141342", "23", "sell"),
        ("0.00141266", "54.5", "buy"),
    ]


def test_ccxt_bars_in_json_keep_every_digit(tmp_path: Path) -> None:
    text = (
        "[[1511686200000, 8.794e-5, 8.948e-05, 8.794e-5, 8.88e-5, 2255],"
        "[1511686500000, 8.88e-5, 8.942e-5, 8.88e-5, 8.893e-5, 9911.123456789012]]"
    )
    tape = imported(written(tmp_path, "UNITTEST_BTC-5m.json", text))
    bars = [row for row in rows(tape) if isinstance(row, BarRow)]
    assert [f"{row.high:f}" for row in bars] == ["0.00008948", "0.00008942"]
    assert str(bars[1].volume) == "9911.123456789012"
    assert (tape.header.kind, tape.header.volume_unit) == ("bars", "base")


def test_ccxt_trades_in_json(tmp_path: Path) -> None:
    trade = {
        "id": "77", "timestamp": 1700000000123, "datetime": "2023-11-14T22:13:20.123Z",
        "symbol": "BTC/USDT", "order": None, "type": "limit", "side": "buy",
        "takerOrMaker": None, "price": 36_500.5, "amount": 0.1, "cost": 3650.05, "info": {"a": 1},
    }  # fmt: skip
    tape = imported(written(tmp_path, "trades.json", json.dumps([trade])))
    assert rows(tape) == [
        TradeRow(
            row=0,
            at=1700000000123 * 10**6,
            price=Decimal("36500.5"),
            quantity=Decimal("0.1"),
            aggressor="buy",
            trade_id="77",
        )
    ]


def test_freqtrade_trades_as_lists(tmp_path: Path) -> None:
    path = tmp_path / "XRP_ETH-trades.json.gz"
    first = [1570752011620, "1", None, "sell", 0.5, 2.0, 1.0]
    lists = [first, [1570752011621, "2", None, "buy", 0.25, 1.0, 0.25]]
    path.write_bytes(gzip.compress(json.dumps(lists).encode()))
    assert [str(row.price) for row in rows(imported(path)) if isinstance(row, TradeRow)] == [
        "0.5",
        "0.25",
    ]


@pytest.mark.parametrize(
    ("stamps", "header"),
    [
        (("2021-12-31 23:01:00.000000", "2021-12-31 23:02:00.000000"), "timestamp"),
        (("2021-12-31T23:01:00Z", "2021-12-31T23:02:00Z"), "Date"),
        (("2022-01-01T00:01:00+01:00", "2022-01-01T00:02:00+0100"), "time"),
        (("2021/12/31 23:01", "2021/12/31 23:02"), "Open Time"),
        (("1640991660", "1640991720"), "unix"),
        (("1640991660.0", "1.64099172e9"), "ts"),
        (("1640991660000000000", "1640991720000000000"), "ts_event"),
    ],
)
def test_plain_csv_reads_times_of_every_shape(
    tmp_path: Path, stamps: tuple[str, str], header: str
) -> None:
    lines = [
        f"{header},open,high,low,close,volume",
        f"{stamps[0]},1,2,1,2,5",
        f"{stamps[1]},2,2,1,1,6",
    ]
    tape = imported(written(tmp_path, "plain.csv", "\n".join(lines)))
    assert tape.header.first_at == at("2021-12-31T23:02:00Z")
    assert tape.header.last_at == at("2021-12-31T23:03:00Z")
    assert (tape.header.volume_unit, tape.header.stamp) == ("unknown", "open")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_plain_csv_of_any_delimiter(tmp_path: Path, delimiter: str, newline: str) -> None:
    lines = ['"timestamp","bid","ask","bid_size","ask_size"', '1700000000,"1.5",1.75,3,4', "", ""]
    path = tmp_path / "quotes.csv"
    path.write_bytes(newline.join(lines).replace(",", delimiter).encode("utf-8-sig"))
    assert rows(imported(path)) == [
        QuoteRow(
            row=0,
            at=1700000000 * 10**9,
            bid=Decimal("1.5"),
            ask=Decimal("1.75"),
            bid_size=Decimal(3),
            ask_size=Decimal(4),
        )
    ]


def test_a_close_time_is_a_close(tmp_path: Path) -> None:
    text = (
        "close_time,open,high,low,close,quote_volume\n1700000040,1,2,1,2,5\n1700000100,1,2,1,2,5\n"
    )
    tape = imported(written(tmp_path, "plain.csv", text))
    assert tape.header.first_at == 1700000040 * 10**9
    assert (tape.header.stamp, tape.header.volume_unit) == ("close", "quote")


def test_options_overrule_what_the_file_leaves_open(tmp_path: Path) -> None:
    text = "time,open,high,low,close,volume\n1700000040,1.123,2,1,2,0.155\n"
    path = written(tmp_path, "plain.csv", text)
    with pytest.raises(TapeError, match="--interval-seconds"):
        imported(path)
    options = ImportOptions(
        stamp="close",
        volume_unit="contracts",
        interval_seconds=300,
        price_decimals=1,
        quantity_decimals=2,
    )
    header, columns, report = convert(path, "X.Y", options)
    assert (header.stamp, header.volume_unit, header.interval_seconds) == (
        "close",
        "contracts",
        300,
    )
    assert columns["at"].to_list() == [1700000040 * 10**9]
    assert (header.price_scale, columns["open"].to_list()) == (1, [11])
    assert (header.quantity_scale, columns["volume"].to_list()) == (2, [16])  # half to even
    assert header.adjusted == {"rounded": 1}
    assert [(one.rule, one.rows) for one in report.findings] == [("rounded", [1])]


def test_plain_parquet_with_typed_columns(tmp_path: Path) -> None:
    path = tmp_path / "plain.parquet"
    pl.DataFrame(
        {
            "timestamp": [datetime(2021, 1, 8, 0, 0, 0, 278_000), datetime(2021, 1, 8, 0, 0, 1)],
            "trade_id": [553287559, 553287560],
            "price": pl.Series(["39432.480", "39439.44"]).cast(pl.Decimal(20, 3)),
            "quantity": pl.Series([0.1, 2.5], dtype=pl.Float32),
            "buyer_maker": ["True", "False"],
        }
    ).write_parquet(path)
    trades = [row for row in rows(imported(path)) if isinstance(row, TradeRow)]
    assert trades[0] == TradeRow(
        row=0,
        at=at("2021-01-08T00:00:00.278Z"),
        price=Decimal("39432.48"),
        quantity=Decimal("0.1"),
        aggressor="sell",
        trade_id="553287559",
    )
    assert trades[1].aggressor == "buy"


def test_bare_ohlcv_lines_are_bars_of_unknown_volume(tmp_path: Path) -> None:
    text = "1700000040,1,2,1,2,5\n1700000100,1,2,1,2,5\n"
    tape = imported(written(tmp_path, "bare.csv", text))
    assert (tape.header.kind, tape.header.volume_unit, tape.header.rows) == ("bars", "unknown", 2)


def test_an_address_above_the_header_is_passed_over(tmp_path: Path) -> None:
    text = "https://vendor.example\ndate,open,high,low,close,volume\n"
    text += (
        "2021-01-01,1,2,1,2,5\n2021-01-02,1,2,1,2,x\n2021-01-03,1,2,1,2,5\n2021-01-04,1,2,1,2,5\n"
    )
    _, _, report = convert(written(tmp_path, "v.csv", text), "X.Y", ImportOptions())
    assert (report.header_lines, report.rows_kept) == (2, 3)
    assert [(one.rule, one.rows) for one in report.findings if one.refused] == [
        ("unparseable", [2])
    ]


@pytest.mark.slow
def test_rows_of_a_large_file_are_counted_whatever_ends_its_lines(tmp_path: Path) -> None:
    """Large files are parsed in pieces by several threads."""
    lines = [f"{1_600_000_020 + 60 * n},{n + 1},{n + 2},{n + 1},{n + 2},5" for n in range(150_000)]
    lines[120_000] = "late,1,2,1,2,5"
    text = "\n".join(["time,open,high,low,close,volume", *lines])
    whole = convert(written(tmp_path, "long.csv", text), "X.Y", ImportOptions())
    other = tmp_path / "other.csv"
    other.write_bytes(text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    of_other = convert(other, "X.Y", ImportOptions())
    assert of_other[1].equals(whole[1])
    assert of_other[2] == whole[2]
    assert (whole[0].refused, whole[1].height) == ({"unparseable": 1}, 149_999)
    assert [one.rows for one in whole[2].findings if one.refused] == [[120_001]]
