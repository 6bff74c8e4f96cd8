"""A venue's own statement beside the log: whatever is changed in it is found, and named by kind."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import FundingPaid
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.audit.statement.document import VenueStatement
from deadreckon.replay.audit.statement.venue_file import VenueFileError, read_venue_file
from tests.sessions.player import decoded
from tests.sessions.test_sessions import session
from tests.support.statements import Document, made, rows

NAME = "perpetual_funding"
HEAD = "trade_id,time,symbol,side,quantity,price,fee,fee_currency,realised,funding,type"
Line = dict[str, str]
Change = Callable[[list[Line]], Any]


def facts(kind: type) -> list[Any]:
    found = [record for message in decoded(session(NAME).log) for record in message.facts]
    return [record for record in found if isinstance(record.event, kind)]


def lines() -> list[Line]:
    """What a venue would write of the session: its trades, then its funding."""
    told_here = []
    for record in facts(OrderFilled):
        fill = record.event
        fee, price = f"{fill.fee:.8f}", f"{fill.price:f}"
        told_here.append(
            line(fill.trade_id, record.at, fill.side, f"{fill.quantity:f}", price, fee)
        )
    for record in facts(FundingPaid):
        funding = f"{record.event.amount:.8f}"
        told_here.append(line("", record.at, type="FUNDING_FEE", funding=funding))
    return told_here


def line(trade_id: str, when: int, side: str = "", quantity: str = "", price: str = "",
         fee: str = "", **more: str) -> Line:  # fmt: skip
    record = (trade_id, format_timestamp(when), "BTCUSDT-PERP", side, quantity, price, fee, "USDT")
    return dict(zip(HEAD.split(","), (*record, "", "", ""), strict=True)) | more


def file(found: list[Line], delimiter: str = ",") -> bytes:
    head = HEAD.split(",")
    written = [head, *([it[name] for name in head] for it in found)]
    return "\n".join(delimiter.join(cells) for cells in written).encode()


def compare(change: Change | None = None, day: str | None = None) -> Document:
    found = lines()
    if change is not None:
        change(found)
    compared: Document = made(NAME, day, VenueStatement(file(found)))["venue_statement"]
    return compared


def test_a_statement_that_says_the_same_does_not_differ() -> None:
    found = compare()
    assert found["agrees"], found
    assert found["differences"] == {}
    assert found["unexplained"] == {}
    assert found["compared"] == len(facts(OrderFilled)) + len(facts(FundingPaid))
    assert found["venue"] == "PAPER"


def changed(place: int, **cells: str) -> Change:
    return lambda found: found[place].update(cells)


@pytest.mark.parametrize(
    ("change", "differences", "effect"),
    [
        (changed(0, fee="1.25000000"), {"fee": 1}, "-0.25"),
        (changed(0, price="50001"), {"price": 1}, "-0.04"),
        (changed(0, quantity="5"), {"quantity": 1}, None),
        (changed(1, side="buy"), {"side": 1}, None),
        (changed(2, funding="0.9"), {"funding": 1}, None),
        (lambda found: found.pop(0), {"missing there": 1}, None),
        (lambda found: found.pop(2), {"funding": 1}, None),
        (lambda found: found.append(found[0] | {"trade_id": "x"}), {"missing here": 1}, None),
        (lambda found: found.append(found[0]), {"missing here": 1}, None),  # told twice
        (changed(0, fee_currency="BNB"), {"fee": 1}, None),
        (changed(0, fee="1.000000004"), {"rounding": 1}, "-0.000000004"),
    ],
)
def test_what_is_changed_is_found_and_explained_to_the_last_digit(
    change: Change, differences: dict[str, int], effect: str | None
) -> None:
    found = compare(change)
    assert found["differences"] == differences
    assert found["unexplained"] == {}
    assert found["agrees"] == (differences.keys() <= {"rounding"})
    if effect is not None:
        (part,) = next(it for it in found["tables"] if it["name"] == "venue_parts")["rows"]
        assert Decimal(part[2]) == Decimal(effect)
    for currency in next(it for it in found["tables"] if it["name"] == "venue_money")["rows"]:
        parts: Document = next(
            (it for it in found["tables"] if it["name"] == "venue_parts"), {"rows": []}
        )
        split = sum(Decimal(row[2]) for row in parts["rows"] if row[3] == currency[0])
        assert Decimal(currency[3]) == split


def test_price_and_quantity_that_differ_at_once_are_split_without_a_rest() -> None:
    found = compare(changed(0, price="50007.5", quantity="3.99", fee="0.9"))
    assert found["differences"] == {"price": 1, "quantity": 1, "fee": 1}
    assert found["unexplained"] == {}


def test_realised_profit_is_compared_apart_from_money_that_moved() -> None:
    realised = {row[6] + row[7]: row[13] for row in rows(made(NAME), "fills")}

    def told_too(found: list[Line]) -> None:
        for it in found[: len(facts(OrderFilled))]:
            it["realised"] = realised[f"{Decimal(it['quantity'])}{Decimal(it['price'])}"]

    assert compare(told_too)["agrees"]

    def otherwise(found: list[Line]) -> None:
        told_too(found)
        found[1]["realised"] = "41"

    found = compare(otherwise)
    assert found["differences"] == {"realised": 1}
    assert found["unexplained"] == {}


EDITS = some.lists(
    some.tuples(
        some.sampled_from(["drop", "again", "price", "quantity", "fee", "side", "coin"]),
        some.integers(0, 1),
        some.decimals(min_value="0.00000001", max_value="99999", places=8),
    ),
    max_size=6,
)


def edit(found: list[Line], what: str, place: int, amount: Decimal) -> None:
    if place >= len(found) or not found[place]["trade_id"]:
        return
    match what:
        case "drop":
            found.pop(place)
        case "again":
            found.append(found[place] | {"trade_id": f"new {amount}"})
        case "side":
            found[place]["side"] = "sell" if found[place]["side"] == "buy" else "buy"
        case "coin":
            found[place]["fee_currency"] = "BNB"
        case _:
            found[place][what] = f"{amount:f}"


@pytest.mark.slow
@given(EDITS)
def test_whatever_is_changed_nothing_is_left_unexplained(edits: list[Any]) -> None:
    def all_of_them(found: list[Line]) -> None:
        for what, place, amount in edits:
            edit(found, what, place, amount)

    found = compare(all_of_them)
    assert found["unexplained"] == {}
    parts: list[Any] = [
        row for it in found["tables"] if it["name"] == "venue_parts" for row in it["rows"]
    ]
    money = next(it for it in found["tables"] if it["name"] == "venue_money")
    for currency, _, _, difference, unexplained in money["rows"]:
        split = sum(Decimal(row[2]) for row in parts if row[3] == currency)
        assert Decimal(difference) == split
        assert unexplained == "0"


def test_a_quantity_is_only_rounded_by_who_writes_it_short() -> None:
    assert compare(changed(0, quantity="3.9999999"))["differences"] == {"quantity": 1}


def test_a_day_is_compared_with_the_lines_of_that_day() -> None:
    for day in ("2026-03-02", "2026-03-03"):
        found = compare(day=day)
        assert found["agrees"], found
        assert found["of_another_day"] + found["compared"] >= 1


def test_a_file_without_trade_ids_is_matched_by_what_it_says() -> None:
    def nameless(found: list[Line]) -> None:
        for it in found:
            it["trade_id"] = ""

    content = file(lines()).replace(b"trade_id,", b"", 1)
    without = b"\n".join(
        row if number == 0 else row.partition(b",")[2]
        for number, row in enumerate(content.split(b"\n"))
    )
    assert made(NAME, None, VenueStatement(without))["venue_statement"]["agrees"]


def test_income_of_a_futures_account_is_compared_trade_by_trade() -> None:
    document = made(NAME)
    realised = {row[6] + row[7]: row[13] for row in rows(document, "fills")}
    told_here = ["Date(UTC),incomeType,income,Asset,Symbol,Trade ID,Unheard Of"]
    for record in facts(OrderFilled):
        fill = record.event
        when = format_timestamp(record.at)[:19].replace("T", " ")
        profit = realised[f"{fill.quantity:f}{fill.price:f}"]
        if profit != "0":
            told_here.append(f"{when},REALIZED_PNL,{profit},USDT,BTCUSDTPERP,{fill.trade_id},?")
        told_here.append(f"{when},COMMISSION,-{fill.fee:f},USDT,BTCUSDTPERP,{fill.trade_id},?")
    for record in facts(FundingPaid):
        when = format_timestamp(record.at)[:19].replace("T", " ")
        told_here.append(f"{when},FUNDING_FEE,{record.event.amount:f},USDT,BTCUSDTPERP,,?")
    told_here.append("2026-03-02 00:00:00,TRANSFER,1000,USDT,,,?")
    found = made(NAME, None, VenueStatement("\n".join(told_here).encode()))["venue_statement"]
    assert found["agrees"], found
    assert found["unknown_columns"] == ["Unheard Of"]
    assert found["not_compared"] == ["1 lines of TRANSFER: 1000 USDT"]

    told_here[1] = told_here[1].replace("COMMISSION,-1", "COMMISSION,-1.5")
    found = made(NAME, None, VenueStatement("\n".join(told_here).encode()))["venue_statement"]
    assert found["differences"] == {"fee": 1}
    assert found["unexplained"] == {}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_any_common_delimiter_is_read(delimiter: str) -> None:
    content = file(lines(), delimiter)
    assert made(NAME, None, VenueStatement(b"\xef\xbb\xbf" + content))["venue_statement"]["agrees"]


def test_binances_spot_history_has_its_units_in_the_cells() -> None:
    content = (
        "Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n"
        '2021-01-01 10:00:00,BTCUSDT,BUY,"29,000.5",0.0010000000BTC,29.0005USDT,0.000001BTC\n'
    )
    (row,) = read_venue_file(content.encode()).rows
    assert (row.side, row.quantity, row.price) == ("buy", Decimal("0.001"), Decimal("29000.5"))
    assert (row.fee, row.fee_currency) == (Decimal("0.000001"), "BTC")
    assert format_timestamp(row.at or 0) == "2021-01-01T10:00:00Z"


@pytest.mark.parametrize(
    ("content", "record"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"PK\x03\x04\x00", "zero byte"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"a,b,c\n1,2,3", "no columns symbol, side, quantity and price"),
        (b"symbol,side,quantity,price\nX,buy,abc,1", "line 2: quantity 'abc' is no amount"),
        (b"symbol,side,quantity,price\nX,buy,NaN,1", "line 2: quantity 'NaN' is no amount"),
        (b"symbol,side,quantity,price\nX,buy,1e99,1", "line 2: quantity '1e99' is no amount"),
        (b"symbol,side,quantity,price\nX,sideways,1,1", "found 'sideways'"),
        (b"symbol,side,quantity,price\nX,buy,1", "line 2 has 3 columns, 4 were expected"),
        (b"symbol,side,quantity,price,time\nX,buy,1,1,noon", "'noon' is no time"),
        (b"symbol,side,quantity,price\nX,buy,-1,1", "a trade of -1"),
        (b'symbol,side,quantity,price\n"X,buy,1,1', "line"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_with_its_line(content: bytes, record: str) -> None:
    with pytest.raises(VenueFileError) as refused:
        read_venue_file(content)
    assert record in str(refused.value)


def test_a_venue_where_nothing_is_listed_is_refused() -> None:
    with pytest.raises(VenueFileError, match="nothing is listed at KRAKEN, only at PAPER"):
        made(NAME, None, VenueStatement(file(lines()), "KRAKEN"))
