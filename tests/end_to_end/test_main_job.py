"""The main job as a user runs it: play a tape, audit it, rebuild, verify, interrupt, go on."""

import json
import os
import signal
import sqlite3
import subprocess
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import INSTRUMENT, REAL, Dr, first_rows, until

ROWS = 2_600  # three dates, one fitted model, twenty fills: the same however long it is
FIGURES = ("events", "signals", "refusals", "orders", "fills", "pnl", "digest")


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short tape: it is played a dozen times."""
    return first_rows(tmp_path_factory.mktemp("tape"), ROWS)


@pytest.fixture(scope="module")
def played(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dr, Any]:
    """One undisturbed run; tests that only look share it."""
    dr = Dr(tmp_path_factory.mktemp("played"))
    return dr, dr.play("run", tape)


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


@pytest.mark.parametrize("way", [["--bus", "memory"], ["--processes", "six"]])
def test_the_run_digest_is_a_function_of_the_tape(
    played: tuple[Dr, Any], dr: Dr, tape: Path, way: list[str]
) -> None:
    summary = dr.play("elsewhere", tape, *way)
    assert [summary[name] for name in FIGURES] == [played[1][name] for name in FIGURES]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("way", ["one", "six"])
def test_a_run_that_was_stopped_or_killed_goes_on_to_the_same_end(
    played: tuple[Dr, Any], dr: Dr, tape: Path, how: signal.Signals, way: str
) -> None:
    words = ("demo", "--tape", str(tape), "--instrument", INSTRUMENT, "--no-web", "--data", "cut")
    for fills in (3, 9):
        process = dr.start(*words, "--processes", way, "--json")
        until(partial(_has_filled, dr, fills, process), f"{fills} fills")
        process.send_signal(how)
        process.wait(60)
    summary = dr.play("cut", tape, "--processes", way)
    assert [summary[name] for name in FIGURES[1:]] == [played[1][name] for name in FIGURES[1:]]
    assert dr.json("replay", "audit", "--all", "--data", "cut")["digest"] == summary["digest"]
    dr.run("verify", "--data", "cut")


def test_a_server_that_is_killed_comes_back_and_the_run_ends_as_it_would_have(
    played: tuple[Dr, Any], dr: Dr, tape: Path
) -> None:
    words = ("demo", "--tape", str(tape), "--instrument", INSTRUMENT, "--no-web", "--data", "cut")
    process = dr.start(*words, "--json")
    for fills in (3, 9):
        until(partial(_has_filled, dr, fills, process), f"{fills} fills")
        (ports,) = (dr.folder / "cut" / "nats").glob("nats-server_*.ports")
        os.kill(int(ports.stem.rpartition("_")[2]), signal.SIGKILL)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    summary = json.loads(output)
    assert [summary[name] for name in FIGURES[1:]] == [played[1][name] for name in FIGURES[1:]]


def _has_filled(dr: Dr, fills: int, process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, "the run ended before it was stopped"
    try:
        return count(dr, "cut", "fills") >= fills
    except sqlite3.OperationalError:
        return False


def test_another_tape_is_refused_in_a_used_folder(dr: Dr, tape: Path) -> None:
    dr.run(
        "tape",
        "synth",
        "--seed",
        "3",
        "--bars",
        "300",
        "--instrument",
        INSTRUMENT,
        "--output",
        "other.parquet",
    )
    dr.play("run", Path("other.parquet"))
    words = ("demo", "--tape", str(tape), "--instrument", INSTRUMENT, "--no-web")
    record = dr.run(*words, "--data", "run", code=2)
    assert "--data" in record


def test_two_demos_in_one_folder_do_not_mix(dr: Dr, tape: Path) -> None:
    words = ("demo", "--tape", str(tape), "--instrument", INSTRUMENT, "--no-web", "--data", "cut")
    first = dr.start(*words, "--speed", "600")
    until(lambda: (dr.folder / "cut" / "audit.sqlite").exists(), "the first to run")
    second = dr.start(*words)
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 3, errors
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    first.wait(60)


@pytest.mark.skipif(not REAL.is_file(), reason="the real month does not lie beside the checkout")
def test_the_real_month_trades_and_audits(dr: Dr) -> None:
    summary = dr.play("month", REAL)
    assert summary["run"]["rows"] == 45_031
    assert 200 < summary["fills"] < 2_000
    assert len(summary["refusals_by_rule"]) >= 3
    audited = dr.json("replay", "audit", "--all", "--data", "month")
    assert [audited[name] for name in FIGURES] == [summary[name] for name in FIGURES]
    dr.run("verify", "--data", "month")
    january = dr.json("replay", "audit", "2022-01-15", "--data", "month")
    assert january["day"] == "2022-01-15"


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
