"""The statement as a user asks for it: files in every form, and the exchange's own trades."""

import csv
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from tests.end_to_end.conftest import Dr

HEAD = ["trade_id", "time", "symbol", "side", "quantity", "price", "fee", "fee_currency"]
Row = dict[str, str]


@pytest.fixture(scope="module")
def dr(tmp_path_factory: pytest.TempPathFactory) -> Dr:
    """A folder with a run at the simulated exchange."""
    dr = Dr(tmp_path_factory.mktemp("statement"))
    tape = dr.folder / "wild.tape.parquet"
    synthesise(Recipe(seed=4, bars=200, interval_seconds=300), "BTCUSD-PERP.SIM", tape)
    dr.json("demo", "--tape", str(tape), "--no-web", "--venue", "sim", "--data", "run")
    return dr


def truth(dr: Dr) -> list[Row]:
    """The exchange's own trades, from its own file."""
    path = dr.folder / "run" / "exchange" / "exchange.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        trades = [json.loads(it) for (it,) in book.execute("SELECT content FROM trades")]
        symbols = book.execute("SELECT content FROM cells WHERE name = 'symbols'").fetchone()[0]
    (symbol,) = json.loads(symbols)
    return [
        {name: str(trade.get(name, "")) for name in HEAD}
        | {"time": str(trade["traded_at"]), "symbol": symbol}
        for trade in trades
    ]


def compared(dr: Dr, found: list[Row], code: int = 0) -> Any:
    with (dr.folder / "venue.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, HEAD)
        writer.writeheader()
        writer.writerows(found)
    words = ("replay", "audit", "--all", "--data", "run", "--venue-statement", "venue.csv")
    return json.loads(dr.run(*words, "--json", code=None if code else 0))["venue_statement"]


def test_the_exchanges_own_trades_agree_with_the_log(dr: Dr) -> None:
    found = compared(dr, truth(dr))
    assert found["agrees"]
    assert found["compared"] == len(truth(dr)) > 8
    assert found["differences"] == {}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda rows: rows.pop(3), "missing there"),
        (lambda rows: rows.append(rows[0] | {"trade_id": "unheard of"}), "missing here"),
        (lambda rows: rows[2].update(price=str(float(rows[2]["price"]) + 1)), "price"),
        (lambda rows: rows[2].update(quantity="0.5"), "quantity"),
        (lambda rows: rows[2].update(fee="0"), "fee"),
    ],
)
def test_what_is_tampered_with_is_named(
    dr: Dr, change: Callable[[list[Row]], Any], part: str
) -> None:
    found = truth(dr)
    change(found)
    record = compared(dr, found, code=1)
    assert part in record["differences"]
    assert len(record["differences"]) == 1
    assert record["unexplained"] == {}


def test_a_difference_ends_with_1_and_a_file_that_is_none_with_2(dr: Dr) -> None:
    words = ("replay", "audit", "--all", "--data", "run", "--venue-statement")
    compared(dr, truth(dr)[1:], code=1)
    dr.run(*words, "venue.csv", code=1)
    (dr.folder / "noise.csv").write_text("what,is,this\n1,2,3\n")
    assert "no columns symbol, side" in dr.run(*words, "noise.csv", code=2)
    assert "give a CSV file" in dr.run(*words, "nowhere.csv", code=2)


def test_every_form_is_written_and_the_same_again(dr: Dr) -> None:
    outputs = [f"{place}.{form}" for place in ("a", "b") for form in ("html", "md", "json")]
    words = [word for name in outputs for word in ("-o", name)]
    record = dr.json("replay", "audit", "--all", "--data", "run", *words)
    assert [file["path"] for file in record["written"]] == outputs
    for form in ("html", "md", "json"):
        files = [(dr.folder / f"{place}.{form}").read_bytes() for place in ("a", "b")]
        assert files[0] == files[1]
    assert json.loads((dr.folder / "a.json").read_text())["root"] == record["root"]
    assert list(Path(dr.folder).glob(".*.part")) == []


def test_a_day_without_events_and_a_form_nobody_knows_are_refused(dr: Dr) -> None:
    words = ("replay", "audit", "--data", "run")
    record = dr.run(*words, "2001-01-01", "-o", "none.html", code=1)
    assert "the log has nothing of 2001-01-01, only of 20" in record
    assert not (dr.folder / "none.html").exists()
    for day in ("2001-01-01", "2099-01-01"):  # before the log, and behind its end
        assert f"the log has nothing of {day}, only of 20" in dr.run(*words, day, code=1)
        printed, *_ = dr.run(*words, day, "--json", code=1).splitlines()
        refused = json.loads(printed)
        assert list(refused) == ["verb", "ok", "sequence", "error"]  # no statement
        assert day in refused["error"]["message"]
    assert "the suffix says the form" in dr.run(*words, "--all", "-o", "x.pdf", code=2)
    assert "does not exist" in dr.run(*words, "--all", "-o", "no/x.md", code=2)


def test_without_an_output_the_audit_says_what_it_always_said(dr: Dr) -> None:
    record = dr.json("replay", "audit", "--all", "--data", "run")
    *record_keys, _, _, _, _ = record  # those that every verb's object ends with
    assert record_keys[-4:] == ["first_sequence", "last_sequence", "digest", "checks"]
    assert list(record["checks"])[-1] == "projections"
