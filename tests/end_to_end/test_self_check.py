"""A running stack finds out by itself that a view is not what its log says, and makes it anew."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr, page, until

WHO = ("--actor", "ann", "--reason", "opening", "--data", "desk")


@pytest.fixture
def web(dr: Dr) -> str:
    """The gateway of a stack that looks at its views every half a second."""
    (dr.folder / "desk.toml").write_text('data = "desk"\ncheck_views_minutes = 0.008\n')
    process = dr.start("up", "--config", "desk.toml", "--web-port", "0", "--json")
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["web"]
    until(lambda: page(f"{url}/readyz").status_code == 200, "readiness")
    dr.run("cash", "report", "USDT", "--every", "1", *WHO)
    dr.run("cash", "deposit", "USDT", "1000", *WHO)
    until(lambda: rows(dr, "SELECT 1 FROM cash WHERE kind = 'deposit'"), "the deposit")
    return str(url)


def rows(dr: Dr, query: str) -> list[Any]:
    try:
        with sqlite3.connect(f"file:{dr.folder}/desk/audit.sqlite?mode=ro", uri=True) as book:
            return book.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


def record(dr: Dr, kind: str) -> Callable[[], list[dict[str, Any]]]:
    """What the log has of one kind of event."""

    def look() -> list[dict[str, Any]]:
        words = ("tail", "--from", "1", "--no-follow", "--type", kind, "--data", "desk", "--json")
        return [json.loads(line)["data"] for line in dr.run(*words).splitlines()]

    return look


def test_a_view_that_was_changed_is_told_and_made_anew_while_readers_go_on(
    dr: Dr, web: str
) -> None:
    reader = sqlite3.connect(f"file:{dr.folder}/desk/audit.sqlite?mode=ro", uri=True)
    assert reader.execute("SELECT count(*) FROM cash WHERE kind = 'deposit'").fetchone()
    with sqlite3.connect(dr.folder / "desk" / "audit.sqlite", timeout=PATIENCE) as book:
        book.execute("UPDATE cash SET amount = '9000' WHERE kind = 'deposit'")

    (differed,) = until(record(dr, "ViewDiffered"), "word of the difference")[:1]
    assert (differed["view"], differed["column"]) == ("audit", "amount")
    assert (differed["stored"], differed["expected"]) == ("9000", "1000")
    until(record(dr, "ViewRebuilt"), "word that it was made anew")
    until(lambda: rows(dr, "SELECT 1 FROM cash WHERE amount = '1000'"), "the amount")
    assert reader.execute("SELECT amount FROM cash WHERE kind = 'deposit'").fetchone() == (
        "9000",
    )  # as it was
    reader.close()

    dr.run("cash", "deposit", "USDT", "5", *WHO)  # and it goes on from there
    until(lambda: rows(dr, "SELECT 1 FROM cash WHERE amount = '5'"), "the next row")
    figures = page(f"{web}/metrics").text
    assert 'views_differed_total{view="audit"} 1.0' in figures
    assert 'views_rebuilt_total{view="audit"} 1.0' in figures
    assert len(record(dr, "ViewDiffered")()) == 1
    assert dr.json("verify", "--data", "desk")["agree"]


def test_a_view_that_lost_a_table_is_made_anew_and_the_stack_lives_on(dr: Dr, web: str) -> None:
    with sqlite3.connect(dr.folder / "desk" / "audit.sqlite", timeout=PATIENCE) as book:
        book.execute("DROP TABLE refusals")
    (differed,) = until(record(dr, "ViewDiffered"), "word of the difference")[:1]
    assert differed["view"] == "audit"
    assert "no such table: refusals" in differed["reason"]
    until(record(dr, "ViewRebuilt"), "word that it was made anew")
    until(lambda: page(f"{web}/readyz").status_code == 200, "readiness")
    until(lambda: dr.json("verify", "--data", "desk", code=None)["agree"], "the views to agree")


def test_metrics_that_were_changed_are_made_anew_in_the_process_that_shows_them(
    dr: Dr, web: str
) -> None:
    file: Path = dr.folder / "desk" / "metrics.json"
    dr.end()
    saved = json.loads(file.read_text())
    saved["state"]["series"]["counters"]["log_events_total"]["portfolio.cash_deposited"] += 7
    file.write_text(json.dumps(saved))
    again = dr.start("up", "--config", "desk.toml", "--web-port", "0", "--json")
    assert again.stdout is not None
    url = json.loads(again.stdout.readline())["web"]
    until(record(dr, "ViewRebuilt"), "word that they were made anew")

    def deposits() -> bool:
        line = 'log_events_total{type="portfolio.cash_deposited"} 1.0'
        return line in page(f"{url}/metrics").text

    until(deposits, "the right figure")
