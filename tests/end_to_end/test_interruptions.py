"""The main job stopped, killed and gone on with, in one process and in seven; and the whole month.

Each test plays for itself, and compares itself with one undisturbed run: a worker is given one.
"""

import json
import os
import signal
import sqlite3
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE
from tests.end_to_end.conftest import FIGURES, INSTRUMENT, REAL, Dr, playing, until


@pytest.fixture
def played(short_run: tuple[Path, Any]) -> Any:
    """What the undisturbed run came to."""
    return short_run[1]


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


@pytest.mark.parametrize("way", [["--bus", "memory"], ["--processes", "six"]])
def test_the_run_digest_is_a_function_of_the_tape(
    played: Any, dr: Dr, short_tape: Path, way: list[str]
) -> None:
    summary = dr.play("elsewhere", short_tape, *way)
    assert [summary[name] for name in FIGURES] == [played[name] for name in FIGURES]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("way", ["one", "six"])
def test_a_run_that_was_stopped_or_killed_goes_on_to_the_same_end(
    played: Any, dr: Dr, short_tape: Path, how: signal.Signals, way: str
) -> None:
    for fills in (3, 9):
        process = dr.start(*playing("cut", short_tape), "--processes", way, "--json")
        until(partial(_has_filled, dr, fills, process), f"{fills} fills")
        process.send_signal(how)
        process.wait(PATIENCE)
    summary = dr.play("cut", short_tape, "--processes", way)
    assert [summary[name] for name in FIGURES[1:]] == [played[name] for name in FIGURES[1:]]
    assert dr.json("replay", "audit", "--all", "--data", "cut")["digest"] == summary["digest"]
    dr.run("verify", "--data", "cut")


def test_a_server_that_is_killed_comes_back_and_the_run_ends_as_it_would_have(
    played: Any, dr: Dr, short_tape: Path
) -> None:
    process = dr.start(*playing("cut", short_tape), "--json")
    for fills in (3, 9):
        until(partial(_has_filled, dr, fills, process), f"{fills} fills")
        (ports,) = (dr.folder / "cut" / "nats").glob("nats-server_*.ports")
        os.kill(int(ports.stem.rpartition("_")[2]), signal.SIGKILL)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    summary = json.loads(output)
    assert [summary[name] for name in FIGURES[1:]] == [played[name] for name in FIGURES[1:]]


def _has_filled(dr: Dr, fills: int, process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, "the run ended before it was stopped"
    path = dr.folder / "cut" / "audit.sqlite"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            filled: int = connection.execute("SELECT count(*) FROM fills").fetchone()[0]
    except sqlite3.OperationalError:
        return False
    return filled >= fills


def test_another_tape_is_refused_in_a_used_folder(dr: Dr, short_tape: Path) -> None:
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
    record = dr.run(*playing("run", short_tape), code=2)
    assert "--data" in record


def test_two_demos_in_one_folder_do_not_mix(dr: Dr, short_tape: Path) -> None:
    first = dr.start(*playing("cut", short_tape), "--speed", "600")
    until(lambda: (dr.folder / "cut" / "audit.sqlite").exists(), "the first to run")
    second = dr.start(*playing("cut", short_tape))
    _, errors = second.communicate(timeout=PATIENCE)
    assert second.returncode == 3, errors
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    first.wait(PATIENCE)
