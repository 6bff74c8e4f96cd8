"""A whole stack against an exchange that does not forgive: whatever fails, the same comes of it."""

import asyncio
import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr, until
from tests.support.venue_truth import LogFigures, exchange_figures, log_figures

INSTRUMENT = "BTCUSD-PERP.SIM"
BARS = 200  # of five minutes: a dozen orders, brackets among them

# Longer than an answer is waited for, and no longer than that.
LATE = 2.1

NOT_DONE = ("error_before", "drop_before", "rate_limit", "down")
DONE = ("error_after", "drop_after", "garbage_answer", "late")


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tape") / "wild.tape.parquet"
    synthesise(Recipe(seed=4, bars=BARS, interval_seconds=300), INSTRUMENT, path)
    return path


@pytest.fixture(scope="module")
def undisturbed(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> LogFigures:
    dr = Dr(tmp_path_factory.mktemp("undisturbed"))
    assert play(dr, tape)["run"]["finished"]
    found = log_of(dr)
    agrees_with_venue(dr, found)
    return found


def play(dr: Dr, tape: Path, *more: str, code: int | None = 0) -> Any:
    words = ("demo", "--tape", str(tape), "--no-web", "--venue", "sim", "--data", "run")
    return dr.json(*words, *more) if code == 0 else dr.run(*words, "--json", *more, code=code)


def log_of(dr: Dr) -> LogFigures:
    return asyncio.run(log_figures(dr.folder / "run"))


def agrees_with_venue(dr: Dr, found: LogFigures) -> None:
    """Orders at the venue are intents sent, each once; fills folded are its trades, each once."""
    there = exchange_figures(dr.folder / "run")
    assert sorted(there.orders) == sorted(set(found.intents) - found.never_there)
    assert sorted(found.fills) == sorted(there.trades)
    assert found.open == there.open
    assert found.positions == there.positions
    if not there.positions:
        assert found.cash == there.cash  # with a position, a venue like this has paid for it


def faults(dr: Dr, *rules: dict[str, Any], per_million: int = 0) -> tuple[str, str]:
    """A file that tells the exchange what to do wrong."""
    kinds = dict.fromkeys((*NOT_DONE[:3], *DONE[:3]), per_million)
    plan = {"seed": "e2e", "per_million": kinds, "seconds": {"rate_limit": 0.02}}
    path = dr.folder / "faults.json"
    path.write_text(json.dumps({"rules": rules, "plan": plan if per_million else None}))
    return "--venue-faults", str(path)


def rule(fault: str, request: str, times: int = 1) -> dict[str, Any]:
    seconds = {"late": LATE, "down": 0.3, "rate_limit": 0.02}.get(fault)
    return {"fault": fault, "request": request, "times": times, "seconds": seconds}


def test_it_trades_there_and_the_log_agrees_with_the_venue(undisturbed: LogFigures) -> None:
    assert len(undisturbed.fills) > 8
    assert undisturbed.kinds["VenueReconciled"] == 1
    assert undisturbed.kinds["OrderCancelled"] > 2  # the other legs of brackets
    assert undisturbed.kinds["OrderUnknown"] == 0


def test_whatever_a_request_meets_the_same_comes_of_it(
    dr: Dr, tape: Path, undisturbed: LogFigures
) -> None:
    rules = [rule(fault, "submit", 2) for fault in (*NOT_DONE, *DONE)]
    rules += [rule(fault, "cancel") for fault in (*NOT_DONE[:3], *DONE[:3])]
    rules += [rule("error_before", "query", 3), rule("garbage_answer", "query")]
    play(dr, tape, *faults(dr, *rules, per_million=10_000))

    found = log_of(dr)
    agrees_with_venue(dr, found)
    assert found.economic == undisturbed.economic
    # Each fault meets two requests. An order that meets several becomes unknown once only.
    assert found.kinds["OrderUnknown"] > 5
    assert found.kinds["VenueOrderMissing"] > 2
    assert found.kinds["VenueReportRefused"] > 0


def test_a_stack_that_dies_around_its_requests_goes_on_as_if_it_had_not(
    dr: Dr, tape: Path, undisturbed: LogFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded and not sent, sent and not answered, answered and not recorded, asking again."""
    for order in ("venue-intent:1", "venue-request:2", "venue-reply:3", "venue-reconcile:1"):
        monkeypatch.setenv("DEADRECKON_KILL", order)
        play(dr, tape, code=-signal.SIGKILL)
    monkeypatch.delenv("DEADRECKON_KILL")
    play(dr, tape)

    found = log_of(dr)
    agrees_with_venue(dr, found)
    assert found.economic == undisturbed.economic
    assert found.kinds["VenueReconciled"] > 3


def test_a_process_of_its_own_may_be_killed_with_the_venue_beside_it_failing(
    dr: Dr, tape: Path, undisturbed: LogFigures
) -> None:
    words = ("--venue", "sim", "--data", "run", "--processes", "six", "--json")
    process = dr.start(
        "demo", "--tape", str(tape), "--no-web", *words, *faults(dr, per_million=5_000)
    )
    log = dr.folder / "run" / "logs" / "venue-sim.log"
    for life in (1, 2):
        pid = until(partial(_life, log, life), "a life of the edge")
        until(lambda: _has_sent(dr), "a request that has left")
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0

    found = log_of(dr)
    agrees_with_venue(dr, found)
    assert found.economic == undisturbed.economic


def _life(log: Path, wanted: int) -> int | None:
    """The process of the edge's latest life, once there were so many."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    lives = [line["pid"] for line in lines if line["event"] == "at_work"]
    return lives[-1] if len(lives) >= wanted else None


def _has_sent(dr: Dr) -> bool:
    return (dr.folder / "run" / "exchange" / "exchange.sqlite").exists() and bool(
        exchange_figures(dr.folder / "run").orders
    )


def test_a_folder_stays_at_the_venue_it_began_with(dr: Dr, tape: Path) -> None:
    words = ("demo", "--tape", str(tape), "--no-web", "--for", "0.5", "--data")
    dr.run(*words, "paper")
    assert "trades at the paper venue" in dr.run(*words, "paper", "--venue", "sim", code=2)
    dr.run(*words, "sim", "--venue", "sim")
    assert "go on with --venue sim" in dr.run(*words, "sim", code=2)
    other = dr.run(*words, "sim", "--venue", "sim", "--venue-seed", "9", code=2)
    assert "its exchange has seed 1" in other
    memory = dr.run(*words, "none", "--venue", "sim", "--bus", "memory", code=2)
    assert "leave --bus memory out" in memory
