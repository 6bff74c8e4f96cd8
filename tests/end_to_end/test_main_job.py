"""The main job as a user runs it: play a tape, audit it, rebuild, verify."""

import json
import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import FIGURES, Dr


@pytest.fixture
def played(short_run: tuple[Path, Any]) -> tuple[Dr, Any]:
    """One undisturbed run; tests that only look share it."""
    folder, summary = short_run
    return Dr(folder), summary


def count(dr: Dr, data: str, table: str) -> int:
    path = dr.folder / data / "audit.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_it_trades_and_says_how(played: tuple[Dr, Any]) -> None:
    _, summary = played
    assert summary["fills"] > 10
    assert summary["orders"] > 10
    assert summary["refusals"] > 0
    assert summary["run"]["finished"]
    assert set(summary["pnl"]) == {"realised", "unrealised", "fees", "funding", "net"}


def test_the_audit_recomputes_the_same_figures_from_the_log_alone(played: tuple[Dr, Any]) -> None:
    dr, summary = played
    audited = dr.json("replay", "audit", "--all", "--data", "run")
    assert [audited[name] for name in FIGURES] == [summary[name] for name in FIGURES]
    assert audited["last_sequence"] == summary["last_sequence"]
    assert audited["checks"]["portfolio_differences"] == []
    assert audited["checks"]["portfolio_events_compared"] > summary["fills"]
    assert audited["checks"]["projections"]["agree"] is True
    words = ("replay", "audit", "--all", "--data", "run", "--json")
    assert dr.run(*words) == dr.run(*words)


def test_the_days_add_up_to_the_whole(played: tuple[Dr, Any]) -> None:
    from decimal import Decimal

    dr, summary = played
    path = dr.folder / "run" / "audit.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT DISTINCT at / 86400000000000 FROM equity").fetchall()
    from datetime import date, timedelta

    days = sorted((date(1970, 1, 1) + timedelta(days=day)).isoformat() for (day,) in rows)
    audits = [dr.json("replay", "audit", day, "--data", "run") for day in days]
    assert sum(audit["fills"] for audit in audits) == summary["fills"]
    total = sum(Decimal(audit["pnl"]["net"]) for audit in audits)
    assert total == Decimal(summary["pnl"]["net"])
    for before, after in pairwise(audits):
        assert before["equity"]["closing"] == after["equity"]["opening"]


def test_a_supposed_day_is_a_log_of_its_own_beside_the_recorded_one(
    played: tuple[Dr, Any],
) -> None:
    dr, summary = played
    supposed = ("--without-strategy", "regime", "--out", "supposed")
    found = dr.json("replay", "whatif", "--all", *supposed, "--data", "run")
    assert found["baseline"]["equal"]
    assert found["baseline"]["digest"] == summary["digest"]
    (variant,) = found["variants"]
    assert [variant[name] for name in FIGURES] != [summary[name] for name in FIGURES]
    result = dr.json("replay", "audit", "--all", "--data", variant["folder"])
    assert [variant[name] for name in FIGURES] == [result[name] for name in FIGURES]
    assert "regime" not in {row["strategy"] for row in result["by_strategy"]}


def test_deleted_views_are_rebuilt_row_by_row(played: tuple[Dr, Any]) -> None:
    dr, summary = played
    tables = ("signals", "refusals", "orders", "order_events", "fills", "positions", "equity")
    before = {table: count(dr, "run", table) for table in tables}
    assert before["fills"] == summary["fills"]
    for path in (dr.folder / "run").glob("audit.sqlite*"):
        path.unlink()
    (dr.folder / "run" / "analytics.duckdb").unlink()
    dr.run("rebuild", "--data", "run")
    dr.run("verify", "--data", "run")
    assert {table: count(dr, "run", table) for table in tables} == before


def test_the_doctor_finds_nothing_in_a_sound_folder_and_names_what_is_wrong_in_another(
    played: tuple[Dr, Any],
) -> None:
    dr, _ = played
    assert dr.json("doctor", "--data", "run")["sound"]
    (dr.folder / "cut").mkdir()
    (dr.folder / "cut" / "deadreckon.json").write_text('{"format": 99}')
    found = dr.json("doctor", "--data", "cut", code=1)
    assert [each["what"] for each in found["findings"] if not each["sound"]] == ["folder"]
    assert "use a newer dr" in found["findings"][-1]["seen"]


def test_verify_names_the_table_and_the_key_that_were_altered(played: tuple[Dr, Any]) -> None:
    dr, _ = played
    path = dr.folder / "run" / "audit.sqlite"
    with sqlite3.connect(path) as connection:
        fill = connection.execute("SELECT event_id FROM fills LIMIT 1").fetchone()[0]
        connection.execute("UPDATE fills SET price = '1' WHERE event_id = ?", (fill,))
    record = dr.run("verify", "--data", "run", code=1)
    assert "fills" in record
    assert fill in record
    audited = dr.json("replay", "audit", "--all", "--data", "run", code=None)
    dr.run("rebuild", "audit", "--data", "run")
    dr.run("verify", "--data", "run")
    assert audited["pnl"] == played[1]["pnl"]


def test_help_of_every_verb_has_an_example(dr: Dr) -> None:
    from deadreckon.cli.app import VERBS

    for verb in VERBS:
        done = dr.run(verb, "--help")
        assert "Example" in done or "Commands" in done, verb


def test_wrong_usage_is_one_line_and_code_two(dr: Dr) -> None:
    for words in (
        ("demo", "--speed", "soon"),
        ("replay", "audit", "yesterday", "--data", "x"),
        ("replay", "audit", "--all", "--data", "missing"),
        ("demo", "--tape", "missing.csv", "--instrument", "A.B", "--data", "x"),
    ):
        errors = dr.run(*words, code=2)
        assert len(errors.strip().splitlines()) == 1, errors


def test_json_output_is_one_object(played: tuple[Dr, Any]) -> None:
    dr, _ = played
    output = dr.run("replay", "audit", "--all", "--data", "run", "--json", code=None)
    assert isinstance(json.loads(output), dict)


def test_the_story_of_the_log_tells_every_event_under_its_cause(played: tuple[Dr, Any]) -> None:
    dr, summary = played
    told = dr.run("replay", "narrate", "--all", "--data", "run", "--json").splitlines()
    events = [json.loads(line) for line in told]
    assert sum(event["type"] == "OrderFilled" for event in events) == summary["fills"]
    assert not any(event["late"] for event in events)
    day = next(event["at"][:10] for event in events if event["type"] == "OrderFilled")
    story = dr.run("replay", "narrate", day, "--data", "run").splitlines()
    assert story[0] == day
    assert any("order-1 bought" in line or "order-1 sold" in line for line in story)
