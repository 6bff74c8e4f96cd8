"""The PnL statement: every figure opens its places, they add up, and a log has but one page."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from difflib import unified_diff
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon.formatting.statement_figures import format_cell, one_line
from deadreckon.replay.audit.statement.charts import Scale
from deadreckon.replay.audit.statement.evidence import LISTED, RANGES, Evidence, merged, ranges
from deadreckon.replay.audit.statement.markdown import markdown
from deadreckon.replay.audit.statement.page import page
from tests.conftest import ROOT
from tests.sessions.test_sessions import NAMES, session
from tests.stories import at, bar
from tests.support.statements import Document, made, piece, read_statement, rows, whole

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "statement.md"


class Names(HTMLParser):
    """What a page opens, what can be opened, and whether every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        if "popovertarget" in named:
            self.opened.append(named["popovertarget"] or "")
        if "id" in named:
            self.ids.append(named["id"] or "")


def names(document: Document) -> Names:
    found = Names()
    found.feed(page(read_statement(document)))
    return found


def figures(thing: Any) -> Iterator[Document]:
    """Every figure with evidence, wherever it stands."""
    if isinstance(thing, dict):
        if "evidence" in thing and isinstance(thing["evidence"], str):
            yield thing
        for part in thing.values():
            yield from figures(part)
    elif isinstance(thing, list):
        for part in thing:
            yield from figures(part)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_opens_evidence_that_is_there_and_adds_up(name: str) -> None:
    document = whole(name)
    assert not document["checks"]["evidence_differences"]
    found = names(document)
    assert found.opened
    assert set(found.opened) <= set(found.ids)
    assert len(set(found.ids)) == len(found.ids)
    for figure in figures([document["tables"], document["charts"]]):
        assert figure["evidence"] in document["evidence"]


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_equity_add_up_to_its_end(name: str) -> None:
    document = whole(name)
    table = next(it for it in document["tables"] if it["name"] == "equity")
    parts = sum(Decimal(row[1]["value"]) for row in table["rows"])
    assert parts == Decimal(table["total"][1]["value"])


def test_what_was_realised_opens_the_fills_that_realised_it() -> None:
    document = whole("perpetual_funding")
    table = next(it for it in document["tables"] if it["name"] == "by_strategy")
    strategy, realised, _, fees, funding, net = table["rows"][0]
    assert strategy == "ext"
    assert piece(document, realised)["sums"] == {"USDT": realised["value"]}
    assert piece(document, realised)["count"] == 1
    assert piece(document, fees)["sums"] == {"USDT": "3.55"}
    assert [line["amount"] for line in piece(document, fees)["told"]] == ["1 USDT", "2.55 USDT"]
    assert piece(document, funding)["count"] == 2
    assert [part["value"] for part in piece(document, net)["parts"]] == [
        realised["value"], "120", fees["value"], funding["value"]
    ]  # fmt: skip


def test_a_refusal_is_told_with_its_numbers_and_who_set_the_limit() -> None:
    document = whole("perpetual_funding")
    service, rule, count, measured, limit, by, _ = rows(document, "refusals")[0]
    assert (service, rule, count, measured, limit) == ("risk", "leverage_max", "1", "3.5", "3")
    setting = next(row for row in rows(document, "configuration") if row[0] == "LimitsSet")
    assert setting[4] == by
    assert setting[1] == "test"


def test_a_page_needs_no_script_and_fetches_nothing() -> None:
    found = page(read_statement(whole("moving_average")))
    assert "<script" not in found
    assert "default-src 'none'" in found
    assert not re.search(r"(?:src|href)=|url\(|@import|https?:", found)


def test_what_others_wrote_stays_text() -> None:
    document = read_statement(whole("malformed") | {"book": '<b onclick="x">\x1b[2J\u202e'})
    assert '<b onclick="x">' not in page(document)
    assert "&lt;b onclick=&quot;x&quot;&gt; [2J " in page(document)
    assert "\\<b onclick" in markdown(document)
    assert one_line("a\u200bb\nc\ud800d") == "a b c d"


def test_a_day_begins_with_what_the_day_before_left() -> None:
    days = ["2026-03-02", "2026-03-03"]
    first, second = (made("perpetual_funding", day) for day in days)
    ends = [
        next(it for it in document["tables"] if it["name"] == "equity")
        for document in (first, second)
    ]
    assert ends[0]["total"][1]["value"] == ends[1]["rows"][0][1]["value"]
    assert first["last_sequence"] < second["first_sequence"]
    opening = next(it for it in second["tables"] if it["name"] == "positions")["rows"][0][3]
    assert opening["value"] != "0"
    places = piece(second, opening)["sequences"]
    assert places
    assert all(int(place.split("-")[0]) < second["first_sequence"] for place in places)
    assert sum(Decimal(d["pnl"]["net"]) for d in (first, second)) == Decimal(
        whole("perpetual_funding")["pnl"]["net"]
    )


def test_slippage_is_what_the_fill_was_worse_than_its_benchmark() -> None:
    document = whole("moving_average")
    fills = rows(document, "fills")
    assert fills
    for row in fills:
        side, quantity, price, benchmark, known, bps, cost = row[5:12]
        assert int(known.partition(".")[0]) <= int(row[0].partition(".")[0])
        worse = Decimal(price) - Decimal(benchmark)
        worse = worse if side == "buy" else -worse
        assert Decimal(cost) == worse * Decimal(quantity)
        assert abs(Decimal(bps) - worse / Decimal(benchmark) * 10_000) <= Decimal("0.005")


def test_thousands_of_places_are_counted_and_told_in_ranges() -> None:
    evidence = Evidence()
    for number in range(5_000):
        record = msgspec.structs.replace(at(bar(100)), sequence=2 * number + 1)
        evidence.add(record, lambda: "a bar", Decimal(1), "X")
    assert len(evidence.positions()) == 5_000
    assert len(evidence.lines) == LISTED
    assert evidence.sums == {"X": Decimal(5_000)}
    assert len(ranges(evidence.positions())) == 5_000 > RANGES
    assert ranges([(7, 0), (8, 0), (9, 0), (12, 1), (12, 2), (15, 0)]) == ["7-9", "12.1-2", "15"]
    twice = merged([evidence, evidence])
    assert twice.positions() == evidence.positions()


def test_figures_are_written_with_signs_and_no_exponent() -> None:
    assert format_cell("1E+3", "money") == "1,000.00"
    assert format_cell("-0.00000012", "gain") == "0.000000"
    assert format_cell("12345678.9", "price") == "12,345,678.9"
    assert format_cell("0.02661", "share") == "2.66 %"


@pytest.mark.parametrize(
    "amounts", [["0"], ["-1", "-1"], ["0.00000001", "123456789012"], ["-5", "7.5", "0"]]
)
def test_a_scale_holds_every_amount_and_its_ticks_are_round(amounts: list[str]) -> None:
    scale = Scale([Decimal(amount) for amount in amounts])
    assert all(0 <= scale.y(Decimal(amount)) <= 10_000 for amount in amounts)
    assert 2 <= len(scale.ticks()) <= 8


def test_the_statement_of_a_session_reads_as_it_was_reviewed() -> None:
    """`DR_RETELL=1 pytest` writes it anew. What a version of the program changes is left out."""
    document = dict(whole("perpetual_funding"), root="(root)", code=["(code)"])
    document["tables"] = [table for table in document["tables"] if table["name"] != "code"]
    text = markdown(read_statement(document))
    if os.environ.get("DR_RETELL"):
        GOLDEN.write_text(text, "utf-8")
    before = GOLDEN.read_text("utf-8")
    change = unified_diff(before.splitlines(), text.splitlines(), "reviewed", "now", lineterm="")
    assert before == text, "\n".join(change)


MAKING = """
import pathlib, sys
import msgspec
from deadreckon.replay.audit.statement.markdown import markdown
from deadreckon.replay.audit.statement.page import page
from deadreckon.runtime.log.bus import Stored
from tests.support.statements import read_statement, stated
log = msgspec.msgpack.decode(pathlib.Path(sys.argv[1]).read_bytes(), type=list[Stored])
document = stated(log)
full = read_statement(document)
out = page(full).encode() + markdown(full).encode() + msgspec.json.encode(document)
sys.stdout.buffer.write(out)
"""


@pytest.mark.slow
def test_two_processes_in_other_places_write_the_same_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(msgspec.msgpack.encode(session("moving_average").log))

    def run(**changed: str) -> bytes:
        environment = dict(os.environ, PYTHONPATH=str(ROOT), **changed)
        asked = [sys.executable, "-c", MAKING, str(log)]
        found = subprocess.run(asked, env=environment, capture_output=True, check=True, cwd=ROOT)
        return found.stdout

    one = run(TZ="Pacific/Auckland", LANG="de_DE.UTF-8", LC_ALL="C", PYTHONHASHSEED="1")
    two = run(TZ="America/St_Johns", LANG="C", LC_ALL="C.UTF-8", PYTHONHASHSEED="4242")
    assert one == two
    assert len(one) > 50_000


def test_a_statement_in_json_is_one_document_with_the_audits_keys_first() -> None:
    document = whole("flip")
    again = msgspec.json.decode(msgspec.json.encode(document))
    assert list(again)[:7] == [
        "book", "day", "events", "signals", "refusals", "refusals_by_rule", "orders"
    ]  # fmt: skip
    assert "projections" not in again["checks"]
